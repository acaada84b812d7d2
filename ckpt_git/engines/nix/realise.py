"""Realises derivations: ``nix-store --realise``, its output to the log, what the builds say of
the checkpoint, and how it ended."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from ckpt_git import waiting
from ckpt_git.engines import streaming
from ckpt_git.engines.nix import errors
from ckpt_git.engines.nix.evaluation import Instantiated
from ckpt_git.engines.nix.tools import Nix
from ckpt_git.engines.protocol import Event, Listener
from ckpt_git.model.errors import MissingError
from ckpt_git.model.report.relocation import plain

_LONGEST = 1 << 16  # bytes of a line that are kept until its end comes
_KEPT_LINES = 400  # of Nix' own words, which come last

# What the library says in a build: ckpt_git/nix/shell.
_USED = "checkpoint: used: "
_NOT_USED = "checkpoint: not used, the build is clean: "

_IN_SOURCES = re.compile(r"(?<![\w./-])source/(?=\S)")

_PHASE = re.compile(r'^(?:Running phase: |@nix \{.*"phase": *")(\w+?)(?:Phase)?"?\b')
# What nixpkgs' stdenv printed before it said it in that form.
_OLD_PHASES = {
    "unpacking sources": "unpack",
    "patching sources": "patch",
    "updateAutotoolsGnuConfigScriptsPhase": "configure",
    "configuring": "configure",
    "building": "build",
    "running tests": "check",
    "installing": "install",
    "post-installation fixup": "fixup",
}
# In the words of Nix up to 2.29, and since.
_BUILDER = re.compile(
    r"(?:builder for '(?P<drv>[^']+)'|Cannot build '(?P<named>[^']+)'\.\s+Reason: builder) failed"
    r"(?: with exit code (?P<code>\d+)| due to signal (?P<signal>\d+)| (?P<other>to produce .*))"
)
_OF_A_BUILD = re.compile(
    r"hash mismatch in fixed-output|dependencies of derivation .* failed|Cannot build "
)
_NO_ROOM = "No space left on device"
# Nix 2.8 kills some builder, as a rule a store's first, before it has run anything; the busier the
# machine, the more often.
_KILLED = "was killed by signal 9"
_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6)  # seconds before each try
_WARNING = re.compile(r"^warning: (.*(?:restricted setting|not a trusted user).*)$")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a realisation ended. ``reason`` is None where it passed.

    ``used`` says that the build started from its checkpoint, ``unused`` why it would not: it
    was ended then.
    """

    reason: str | None
    phase: str | None
    seconds: float
    used: bool = False
    unused: str | None = None
    timed_out: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.reason is None and self.unused is None


def realise(
    nix: Nix,
    drv: Instantiated,
    root: Path,
    *,
    log: Path,
    listener: Listener,
    deadline: float | None,
    checkpointed: bool,
) -> Ended:
    """Build ``drv``; ``root`` and ``root-OUTPUT`` become links that keep its outputs.

    ``deadline`` is of the monotonic clock. A build that is ``checkpointed`` and finds that it can't
    use its checkpoint is ended at once. Raises ``MissingError`` where Nix couldn't build at all.
    """
    for seconds in _PAUSES:
        waiting.pause(seconds)
        ended = _once(nix, drv, root, log, listener, deadline, checkpointed=checkpointed)
        if ended.reason is None or ended.phase or not ended.reason.endswith(_KILLED):
            break
    if ended.passed and checkpointed and not ended.used:
        return _as_logged(nix, drv, ended)
    return ended


def _once(
    nix: Nix,
    drv: Instantiated,
    root: Path,
    log: Path,
    listener: Listener,
    deadline: float | None,
    *,
    checkpointed: bool,
) -> Ended:
    began = time.monotonic()
    process = nix.start("nix-store", "--realise", drv.drv, "--indirect", "--add-root", str(root))
    assert process.stderr is not None
    late = False
    unused = None
    with log.open("ab") as sink:
        said = _Said(sink, listener, stops=checkpointed)
        try:
            late = streaming.read(process.stderr, deadline, said.take)
            said.end()
        except _NotUsedError as error:
            unused = str(error)
        except BaseException:
            streaming.end(process)
            raise
        finally:
            process.stderr.close()
        if late or unused is not None:
            streaming.end(process)
    code = process.wait()
    ended = Ended(
        reason=None,
        phase=said.phase,
        seconds=time.monotonic() - began,
        used=said.used,
        unused=unused,
        timed_out=late,
        warnings=tuple(dict.fromkeys(said.warnings)),
    )
    if unused is not None or (code == 0 and not late):
        return ended
    return _with_reason(ended, drv, "\n".join(said.last))


def _with_reason(ended: Ended, drv: Instantiated, text: str) -> Ended:
    """Raises ``MissingError`` where it isn't the build that failed."""
    if ended.timed_out:
        return replace(ended, reason=f"{ended.phase or 'the start of the build'} took too long")
    failed = _BUILDER.search(text)
    if _NO_ROOM in text:  # the tree isn't at fault
        raise errors.missing(_NO_ROOM) or MissingError(_NO_ROOM)
    if failed is None and (missing := errors.missing(text)) is not None:
        raise missing
    if failed is None and not _OF_A_BUILD.search(text):
        raise MissingError(
            f"Nix could not build it: {errors.last(text)}", "the log has all that it said"
        )
    if failed is None:
        return replace(ended, reason=errors.last(text))
    phase = ended.phase
    built = failed["drv"] or failed["named"]
    if built != drv.drv:
        what = built.rpartition("/")[2].partition("-")[2].removesuffix(".drv")
    else:
        what = phase or "the start of the build"
    if failed["signal"] is not None:
        return replace(ended, reason=f"{what} was killed by signal {failed['signal']}")
    if failed["code"] is not None:
        return replace(ended, reason=f"{what} ended with {failed['code']}")
    return replace(ended, reason=f"{what} failed {failed['other']}")


def _as_logged(nix: Nix, drv: Instantiated, ended: Ended) -> Ended:
    """Nothing was built, as the store had it: whether the checkpoint was used, its log says."""
    done = nix.call("nix-store", "--read-log", drv.drv, ok=None)
    lines = os.fsdecode(done.stdout).splitlines()
    if any(_USED in line for line in lines):
        return replace(ended, used=True)
    reasons = [_reason(line) for line in lines if _NOT_USED in line]
    return replace(ended, unused=reasons[0] if reasons else "the log of its build is gone")


class _NotUsedError(Exception):
    """The library's reason for building clean."""


@dataclass(slots=True)
class _Said:
    """Turns Nix' output into log, events, and what can be learned from it."""

    sink: IO[bytes]
    listener: Listener
    stops: bool
    phase: str | None = None
    used: bool = False
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    warnings: list[str] = field(default_factory=list)
    _rest: bytes = b""

    def take(self, chunk: bytes) -> None:
        whole, ending, self._rest = (self._rest + chunk).rpartition(b"\n")
        if ending:
            for line in whole.split(b"\n"):
                self._line(line)
        if len(self._rest) > _LONGEST:
            self.end()
        self.sink.flush()

    def end(self) -> None:
        """The stream ended, or a line is too long to wait for its end."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._line(rest)

    def _line(self, line: bytes) -> None:
        text = plain(line.decode(errors="replace"))
        phase = _phase(text)
        if phase is not None:
            self.phase = phase
            self.sink.write(f"=== {phase}\n".encode())
            self.listener(Event("phase", phase))
            return
        self.sink.write(line + b"\n")
        self.listener(Event("line", text))
        self.last.append(text)
        if warning := _WARNING.match(text):
            self.warnings.append(f"Nix: {warning[1]}")
        if text.startswith(_USED):
            self.used = True
        elif text.startswith(_NOT_USED) and self.stops:
            raise _NotUsedError(_reason(text))


def _reason(line: str) -> str:
    """The library's reason, with paths as the repository has them."""
    return _IN_SOURCES.sub("", line.partition(_NOT_USED)[2])


def _phase(line: str) -> str | None:
    if line in _OLD_PHASES:
        return _OLD_PHASES[line]
    found = _PHASE.match(line)
    return found[1] if found else None
