"""Runs a plan: starts ``init.py``, streams what comes out, ends it in time and for good."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from ckpt_git.engines import streaming
from ckpt_git.engines.local.host import shell
from ckpt_git.engines.protocol import Event, Listener
from ckpt_git.model.errors import MissingError
from ckpt_git.process import popen
from ckpt_git.watch.session import SOCKET, Session

STAGE = Path(__file__).with_name("init.py")
_CHUNK = 1 << 16
_LONGEST = 1 << 16  # bytes of a line that are kept until its end comes
_LONGEST_MARK = 1 << 8

# Each phase has a shell of its own that starts in the source folder. A mark tells which phase
# begins: in the one stream, so that nothing is out of order. It counts where it names the next
# phase of the plan. A build that looks for the mark can still announce that one too early, and a
# failure is put down to it then: only a descriptor that builds don't have would prevent that. The
# limit on processes is set in here: outside, a user's processes in the whole machine count against
# it. bash calls it -u, dash and busybox -p.
_PHASES = """\
mark=$1 shell=$2 options=$3 processes=$4; shift 4
[ -z "$processes" ] || ulimit -u "$processes" 2>/dev/null || ulimit -p "$processes"
while [ $# -gt 0 ]; do
  printf '%s %s\\n' "$mark" "$1"
  "$shell" $options -c "$2" || exit
  shift 2
done
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. ``prepared`` and ``ran`` are seconds before and from the first command."""

    code: int
    phase: str | None
    prepared: float
    ran: float
    timed_out: bool


class Announced(NamedTuple):
    """How a run tells what it does: the mark, and the phases in their order."""

    mark: str
    phases: tuple[str, ...]


def command(phases: Mapping[str, str], processes: int | None = None) -> tuple[list[str], Announced]:
    """The command that runs the phases in order, and how it announces them.

    ``processes`` is the number of processes that there may be at one time. The kernel holds
    nothing against the first user of the machine: setrlimit(2), RLIMIT_NPROC.
    """
    mark = f"@ckpt-{os.urandom(8).hex()}"
    run_by = shell()
    options = "-e -o pipefail" if run_by.endswith("bash") else "-e"
    arguments = [part for phase in phases.items() for part in phase]
    given = [mark, run_by, options, str(processes or ""), *arguments]
    return ["/bin/sh", "-c", _PHASES, "ckpt", *given], Announced(mark, tuple(phases))


def run(
    plan: dict[str, Any],
    announced: Announced,
    *,
    log: Path,
    listener: Listener,
    timeout: float | None,
    session: Session | None = None,
    stage: Stage | None = None,
) -> Ended:
    """Carry out ``plan``; what it prints goes to ``log`` (appended) and to ``listener``.
    ``session`` has it watched. ``stage`` was started for it, below the watcher of ``session``.

    Raises ``MissingError`` where the run couldn't be set up. However this returns or raises,
    nothing that it started is left.
    """
    began = time.monotonic()
    with log.open("ab") as sink:
        stage = stage or _new_stage(None if session is None else session.programs.watch)
        process, status = stage.process, stage.status
        _give_plan(stage, plan, session)
        try:
            said, _, rest = _first_line(status).partition(" ")
            ready = time.monotonic()
            if said != "ready":
                process.wait()
                raise MissingError(f"the build could not be set up: {rest or said}")
            deadline = None if timeout is None else ready + timeout
            pump = _Pump(announced, sink, listener)
            timed_out = pump.drain(process, deadline)
            if timed_out:
                streaming.end(process)
            code = process.wait()
            if pump.phase is None and not timed_out:
                raise MissingError(f"the sandbox could not be started: {pump.last or code}")
        except BaseException:
            streaming.end(process)
            raise
        finally:
            os.close(status)
            if process.stdout is not None:
                process.stdout.close()
    ran = time.monotonic() - ready
    return Ended(code, pump.phase, ready - began, ran, timed_out)


class _Pump:
    """Turns the stream of a run into log, events and the name of the current phase."""

    def __init__(self, announced: Announced, sink: IO[bytes], listener: Listener) -> None:
        self.phase: str | None = None
        self.last = ""
        self._mark = announced.mark.encode() + b" "
        self._to_come = deque(announced.phases)
        self._sink = sink
        self._listener = listener
        self._rest = b""

    def drain(self, process: subprocess.Popen[bytes], deadline: float | None) -> bool:
        """Read until the stream ends; True where ``deadline`` (monotonic) came first."""
        assert process.stdout is not None
        late = streaming.read(process.stdout, deadline, self._take)
        if self._rest:
            self._lines(self._rest)
        self._sink.flush()
        return late

    def _take(self, chunk: bytes) -> None:
        whole, ending, self._rest = (self._rest + chunk).rpartition(b"\n")
        if ending:
            self._lines(whole)
        if len(self._rest) > _LONGEST:  # what is held back may be the beginning of a mark
            piece, self._rest = self._rest[:-_LONGEST_MARK], self._rest[-_LONGEST_MARK:]
            self._sink.write(piece)
            self._hear(piece)
        self._sink.flush()

    def _lines(self, whole: bytes) -> None:
        """Whole lines, the last one without its end."""
        if self._mark not in whole:
            self._sink.write(whole + b"\n")
            for line in whole.split(b"\n"):
                self._hear(line)
            return
        for line in whole.split(b"\n"):
            before, _, said = line.partition(self._mark)
            name = said.decode(errors="replace")
            begins = bool(self._to_come) and self._to_come[0] == name
            text = before if begins else line
            if text or not begins:  # a build need not end its last line
                self._sink.write(text + b"\n")
                self._hear(text)
            if begins:
                self._begin(name)

    def _begin(self, phase: str) -> None:
        self._to_come.popleft()
        self.phase = phase
        self._sink.write(f"=== {phase}\n".encode())
        self._listener(Event("phase", phase))

    def _hear(self, line: bytes) -> None:
        self.last = line.decode(errors="replace")
        self._listener(Event("line", self.last))


@dataclass(slots=True)
class Stage:
    """An ``init.py`` that waits for its plan. It reads ``plan`` to its end, and then starts. Below
    the watcher, ``settings`` is the pipe that the watcher reads its settings from."""

    process: subprocess.Popen[bytes]
    plan: int
    status: int
    watcher: Path | None
    settings: int
    is_used: bool = False


@contextmanager
def started(watcher: Path | None = None) -> Iterator[Stage]:
    """The process that the next run's plan is for, started early: it is ready by then. One that
    gets no plan is ended."""
    stage = _new_stage(watcher)
    try:
        yield stage
    finally:
        if not stage.is_used:
            _drop(stage)


def _drop(stage: Stage) -> None:
    open_ones = [stage.plan, stage.status, *([stage.settings] if stage.watcher else [])]
    for number in open_ones:
        os.close(number)  # without a plan init.py ends
    stage.process.kill()
    stage.process.wait()
    if stage.process.stdout is not None:
        stage.process.stdout.close()


def _give_plan(stage: Stage, plan: dict[str, Any], session: Session | None) -> None:
    stage.is_used = True
    if session is not None:
        plan = {**plan, "parent": stage.process.pid}
        with suppress(BrokenPipeError), os.fdopen(stage.settings, "wb") as stream:
            stream.write(session.settings())
    # Broken: it ended already, and has told why.
    with suppress(BrokenPipeError), os.fdopen(stage.plan, "wb") as stream:
        marshal.dump(plan, stream)


def _new_stage(watcher: Path | None) -> Stage:
    plan_read, plan_write = os.pipe()
    status_read, status_write = os.pipe()
    settings_read, settings_write = os.pipe()
    command = [sys.executable, "-I", "-S", str(STAGE), str(plan_read), str(status_write)]
    if watcher is not None:
        command = [str(watcher), "watch", str(settings_read), str(SOCKET), *command]
    try:
        process = popen(
            command,
            env={"PATH": os.defpath},
            stdout=subprocess.PIPE,
            pass_fds=(plan_read, status_write, settings_read),
        )
    finally:
        for number in (plan_read, status_write, settings_read):
            os.close(number)
    if watcher is None:
        os.close(settings_write)
    return Stage(process, plan_write, status_read, watcher, settings_write)


def _first_line(status: int) -> str:
    said = b""
    while not said.endswith(b"\n"):
        chunk = os.read(status, 4096)
        if not chunk:
            return said.decode(errors="replace").strip() or "it ended before it began"
        said += chunk
    return said.decode(errors="replace").strip()
