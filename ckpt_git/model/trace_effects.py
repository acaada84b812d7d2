"""What follows from a trace: which steps a change concerns, and what they made. Pure functions."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from ckpt_git.model.trace import SOURCE, Kind, Knowledge, Trace, folder_of, folders_of

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_SHOWN = 100  # characters of a command


class Concerned(NamedTuple):
    """A step that a file matters to, and in which way."""

    trace: Trace
    step: int
    kind: Kind
    path: str


def concerned(known: Knowledge, path: str) -> list[Concerned]:
    """The steps whose inputs change when the file ``path`` changes."""
    return _asked(known, (("read", path),))


def concerned_if_added(known: Knowledge, path: str, folders: Container[str]) -> list[Concerned]:
    """The steps whose inputs change when the file ``path`` comes to be: those that looked in vain
    for it, or for a folder around it that isn't one of ``folders``, or that listed its folder."""
    new = [folder for folder in folders_of(path) if folder not in folders]
    beside = folder_of(new[-1] if new else path)
    missed: list[tuple[Kind, str]] = [("missed", name) for name in (path, *new)]
    return _asked(known, (*missed, ("listed", beside)))


def _asked(known: Knowledge, asked: Iterable[tuple[Kind, str]]) -> list[Concerned]:
    found: dict[tuple[int, int], Concerned] = {}
    for kind, name in asked:
        for trace, step in known.of(kind, name):
            found.setdefault((id(trace), step), Concerned(trace, step, kind, name))
    return list(found.values())


def outputs(trace: Trace, step: int, kept: Container[str]) -> list[str]:
    """What came of a step and is ``kept``: what it wrote; where that is nothing (it printed, or
    wrote to a temporary file), what came of the command that it is a part of."""
    while True:
        found = sorted({path for path in trace.wrote_below(step) if path in kept})
        above = trace.steps[step].parent
        if found or above < 0 or trace.steps[above].coordinates:
            return found
        step = above


def rebuilt(known: Knowledge, first: Iterable[Concerned], kept: Container[str]) -> list[str]:
    """All that would be made anew after what ``first`` makes, file by file, sorted."""
    found: set[str] = set()
    pending = list(_made(first, kept))
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += _made(concerned(known, path), kept)
    return sorted(found)


def _made(steps: Iterable[Concerned], kept: Container[str]) -> Iterator[str]:
    for trace, step, _, _ in steps:
        if not trace.steps[step].coordinates:
            yield from outputs(trace, step, kept)


def shown_command(trace: Trace, step: int) -> str:
    """The command that a step is a part of, as a makefile has it, in one short line."""
    arguments = trace.steps[trace.command(step)].arguments
    text = shlex.join(arguments)
    if len(arguments) > 2 and posixpath.basename(arguments[0]) in _SHELLS:  # noqa: PLR2004
        if "c" in arguments[1] and arguments[1].startswith("-"):
            text = arguments[2]
        elif arguments[1] == "-e" and "-c" in arguments[:-1]:  # one of our phases
            text = arguments[arguments.index("-c") + 1]
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def in_source(path: str) -> str:
    """A path as the user knows it, where it lies in the source."""
    return path.removeprefix(SOURCE) if path != SOURCE.rstrip("/") else "."
