"""Files that say what the background builder does now, and how its builds ended.

The builder holds the lock ``ALIVE`` for as long as it lives. A reader that gets this lock knows
that there is none, and may clear up after one that died; a builder that starts meanwhile waits
for it. Submitters contend for another lock (``BUILDER``), so no reader is ever in their way.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ckpt_git.kept_files import make_way, read_kept, remove_file
from ckpt_git.model.errors import StoreError
from ckpt_git.model.target import Target
from ckpt_git.records import queue
from ckpt_git.records.files import last_of_all, newest_first, publish_json
from ckpt_git.records.lock import exclusive
from ckpt_git.records.state import State

if TYPE_CHECKING:
    from ckpt_git.records.queue import Request

Ending = Literal["passed", "failed", "cancelled", "died", "error", "gave way", "different"]
"""How a run ended. ``died``: the builder was killed; ``error``: nothing could be built; ``gave
way``: it was an idle one, and there was something to build; ``different``: it was one, and found
that a checkpoint had given another thing than a clean build."""

BUILDER, ALIVE = "builder", "alive"

KEPT_RUNS = 50

_STARTING_SECONDS = 30.0
_STATE, _START_TIME = 3 - 3, 22 - 3  # fields of /proc/PID/stat after "PID (COMM) ": proc(5)


@dataclass(frozen=True, slots=True)
class Running:
    """A background run. ``since`` is in Unix seconds.

    ``pid_started`` is when the process began, in clock ticks since boot: with ``pid`` it names
    one process for good, a pid alone may be somebody else's by now. It is None where the
    system doesn't tell. ``target``, ``package`` and ``phase`` are what is being built now,
    ``logs`` all that the run wrote, the newest last.
    """

    id: str
    pid: int
    pid_started: int | None
    since: float
    request: Request
    target: Target
    package: str | None = None
    phase: str | None = None
    logs: tuple[str, ...] = ()

    @property
    def log(self) -> str | None:
        return self.logs[-1] if self.logs else None

    @property
    def tree(self) -> str:
        return self.target.tree

    @property
    def commit(self) -> str | None:
        return self.target.commit

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Running:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is no run."""
        return cls(
            **{
                **data,
                "request": queue.Request.from_json(data["request"]),
                "target": Target(**data["target"]),
                "logs": tuple(data["logs"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ``id`` ended, ``at`` in Unix seconds, the logs that it wrote, and the commit that
    it was at (None for a work tree)."""

    id: str
    ending: Ending
    at: float
    logs: tuple[str, ...]
    commit: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ended:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is no end of a run."""
        return cls(**{**data, "logs": tuple(data["logs"])})


class Progress:
    """The builder's own view of its run: every change is published at once.

    Making one raises ``StoreError``; what comes after is best effort.
    """

    def __init__(self, state: State, request: Request) -> None:
        self._state = state
        now = time.time()
        pid = os.getpid()
        self._now = Running(
            id=f"{now:.6f}-{pid}",
            pid=pid,
            pid_started=process_started(pid),
            since=now,
            request=request,
            target=request.wanted[0],
        )
        self._publish()

    @property
    def now(self) -> Running:
        return self._now

    @property
    def state(self) -> State:
        """The state of the repository that it runs for."""
        return self._state

    def target(self, target: Target) -> None:
        """From here on ``target`` is built."""
        self._set(replace(self._now, target=target, package=None, phase=None))

    def log(self, package: str, log: Path) -> None:
        """From here on ``package`` is built and writes to ``log``."""
        logs = (*self._now.logs, str(log))
        self._set(replace(self._now, package=package, phase=None, logs=logs))

    def phase(self, phase: str) -> None:
        """From here on the phase ``phase`` runs."""
        self._set(replace(self._now, phase=phase))

    def end(self, ending: Ending) -> None:
        """The run is over. If somebody ended it, that process has kept the reason already.

        A child of the builder may have published more logs than this process knows; they are kept.
        """
        last = _read(self._state)
        now = last if last is not None and last.id == self._now.id else self._now
        self._keep(now, ending)
        with suppress(OSError):
            remove_file(_file(self._state))

    def ends_as(self, ending: Ending) -> None:
        """Keep how the run is going to end. The builder calls ``end`` later."""
        self._keep(self._now, ending)

    def _keep(self, now: Running, ending: Ending) -> None:
        if ended(self._state, now.id) is None:
            keep_ending(self._state, now, ending)

    def _set(self, now: Running) -> None:
        self._now = now
        with suppress(StoreError):
            self._publish()

    def _publish(self) -> None:
        publish_json(_file(self._state), asdict(self._now))


def running(state: State, on_death: Callable[[Running], None]) -> Running | None:
    """The run of a living builder, or None.

    The first process to find that a builder died calls ``on_death`` with its run, and removes its
    files. Later ones find nothing.
    """
    now = _read(state)
    if now is None:
        return None
    with suppress(StoreError), exclusive(state.lock(ALIVE), wait=False) as nobody_lives:
        if nobody_lives:
            clear_up(state, on_death)
            return None
    return now if lives(now) else None


def clear_up(state: State, on_death: Callable[[Running], None]) -> None:
    """Call ``on_death`` with the run of a dead builder, and remove its files. The caller holds the
    lock ``ALIVE``."""
    dead = _read(state)
    if dead is not None and ended(state, dead.id) is None:
        on_death(dead)
        keep_ending(state, dead, "died")
    with suppress(OSError):
        remove_file(_file(state))


def keep_ending(state: State, run: Running, ending: Ending) -> None:
    """Keep how ``run`` ended.

    Best effort: the build's record counts, and this is only for reports.
    """
    told = Ended(run.id, ending, time.time(), run.logs, run.commit)
    with suppress(StoreError, OSError):
        file = _ended_file(state, run.id)
        publish_json(file, asdict(told), mtime=last_of_all([file.parent], ".json", told.at))
        for old in newest_first([file.parent], ".json")[KEPT_RUNS:]:
            remove_file(old)


def ended(state: State, run: str) -> Ended | None:
    """How the run with that id ended; None while it runs and for one long ago."""
    return state.read(_ended_file(state, run), Ended.from_json)


def ends(state: State) -> frozenset[str]:
    """The ids of the runs whose end is kept."""
    return frozenset(path.stem for path in newest_first([state.path / "runs"], ".json"))


def last_ended(state: State, besides: frozenset[str] = frozenset()) -> Ended | None:
    """The last run that ended, of others than ``besides``."""
    for path in newest_first([state.path / "runs"], ".json"):
        if path.stem not in besides:
            return state.read(path, Ended.from_json)
    return None


def lives(run: Running) -> bool:
    """Whether the process that ``run`` names is still that process."""
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process, of whom the start time still tells
    return process_started(run.pid) == run.pid_started


def process_started(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None where there is no /proc, or no such
    process. A process that ended and was not waited for yet counts as gone."""
    with suppress(OSError, ValueError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        fields = stat[stat.rindex(b")") + 2 :].split()
        return None if fields[_STATE] in {b"Z", b"X"} else int(fields[_START_TIME])
    return None


def mark_starting(state: State) -> None:
    """Note that a builder is being started, as hooks/background.sh does."""
    with suppress(OSError):
        make_way(_starting(state))
        _starting(state).write_text(_uptime() or "")


def unmark_starting(state: State) -> None:
    """Remove that note: the builder runs, or it has nothing to do."""
    with suppress(OSError):
        remove_file(_starting(state))


def is_starting(state: State) -> bool:
    """Whether a builder was started some seconds ago and hasn't read the queue yet."""
    with suppress(OSError, ValueError):
        since = read_kept(_starting(state)).split()
        now = _uptime()
        if since and now is not None:
            return 0 <= float(now) - float(since[0]) < _STARTING_SECONDS
        return abs(time.time() - _starting(state).lstat().st_mtime) < _STARTING_SECONDS
    return False


def _uptime() -> str | None:
    """Seconds since the machine started, by a clock that nobody can set. None if that fails."""
    with suppress(OSError, IndexError):
        return Path("/proc/uptime").read_text().split()[0]
    return None


def _starting(state: State) -> Path:
    return state.path / "starting"


def _file(state: State) -> Path:
    return state.path / "running.json"


def _ended_file(state: State, run: str) -> Path:
    return state.path / "runs" / f"{run}.json"


def _read(state: State) -> Running | None:
    return state.read(_file(state), Running.from_json)
