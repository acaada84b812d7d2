"""Which steps of a checkpoint ought to have run again for a change, and didn't. Pure functions.

A build tool runs again what its makefiles say. A trace says what was read: where the two differ,
something in the makefiles is missing, and what the checkpointed build gave may be stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ckpt_git.model.source_diff import SourceDiff
from ckpt_git.model.trace import SOURCE, Kind, Knowledge, Step, Trace, folder_of, folders_of
from ckpt_git.model.trace_effects import in_source, outputs, shown_command

_CONFIGURES = frozenset({"cmake", "meson", "configure", "config.status"})
"""Programs that know by themselves what they have to look at again, and say it otherwise then."""

_WORDS = {
    "read": "reads {}, which changed,",
    "seen": "looked for {}, which went,",
    "missed": "looked in vain for {}, which is there now,",
    "listed": "lists {}, where names changed,",
}


class Files(Protocol):
    """The files below the build's folder, before a build and after it."""

    def before(self, path: str) -> bool:
        """Whether there was a file at ``path``."""

    def now(self, path: str) -> bool:
        """Whether there is one."""

    def same(self, path: str) -> bool:
        """Whether it holds what it held."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A step whose input changed and that did not run again.

    ``path`` is the file that changed, ``target`` one that the step made and that may be stale;
    None where it isn't known what came of it. ``id`` tells the missing edge from others.
    """

    id: str
    command: str
    how: Kind
    path: str
    target: str | None

    def __str__(self) -> str:
        """What is wrong, and what would mend it."""
        edge = f"`{self.command}` {_WORDS[self.how].format(self.path)} and did not run again"
        return edge if self.target is None else f"{edge}: {self.target} should depend on it"


class _Change(NamedTuple):
    """What a changed file ``path`` has to be asked about: who did ``kind`` to ``name``."""

    kind: Kind
    name: str
    path: str


def suspicions(
    known: Knowledge, new: Trace, diff: SourceDiff, base: Collection[str], files: Files
) -> list[Suspicion]:
    """The steps of the checkpoint of which ``known`` is, that the checkpointed build of ``diff``
    should have run again. ``new`` is its trace, ``base`` are the paths of the checkpoint's tree."""
    again = frozenset(new.keys)
    configured = {step.name for step in new.steps if step.name in _CONFIGURES}
    found: dict[str, Suspicion] = {}
    for change in (*_in_source(diff, base), *_made(known, new, files)):
        for trace, number in known.of(change.kind, change.name):
            step = trace.steps[number]
            ran = trace.keys[number] in again or step.name in configured or step.parent < 0
            if ran or _is_replaced(trace, number, change, new, known, again, files):
                continue
            suspicion = _suspicion(trace, number, change, new, files)
            found.setdefault(suspicion.id, suspicion)
    return list(found.values())


def _in_source(diff: SourceDiff, base: Collection[str]) -> Iterator[_Change]:
    folders = {folder for path in base for folder in folders_of(SOURCE + path)}
    for name in diff.modified:
        yield _Change("read", SOURCE + name, SOURCE + name)
    for name in diff.deleted:
        path = SOURCE + name
        yield _Change("read", path, path)
        yield _Change("seen", path, path)
        yield _Change("listed", folder_of(path), path)
    for name in diff.added:
        path = SOURCE + name
        new = [folder for folder in folders_of(path) if folder not in folders]
        for missed in (path, *new):
            yield _Change("missed", missed, path)
        yield _Change("listed", folder_of(new[-1] if new else path), path)


def _made(known: Knowledge, new: Trace, files: Files) -> Iterator[_Change]:
    """What the build itself made another thing than it was, as far as anybody read it."""
    read = {path for trace in known.traces for path in trace.by_path["read"]}
    missed = {path for trace in known.traces for path in trace.by_path["missed"]}
    for path in new.by_path["wrote"]:
        if path in read and files.before(path) and not (files.now(path) and files.same(path)):
            yield _Change("read", path, path)
        elif path in missed and files.now(path) and not files.before(path):
            yield _Change("missed", path, path)


def _is_replaced(
    trace: Trace,
    number: int,
    change: _Change,
    new: Trace,
    known: Knowledge,
    again: frozenset[int],
    files: Files,
) -> bool:
    """Whether nothing is left of what the step made: made anew by others, or gone. What was made
    of a file that went may be left, where nobody reads it any more."""
    made = outputs(trace, number, _Before(files))
    stale = [path for path in made if path not in new.by_path["wrote"] and files.now(path)]
    if made and not stale:
        return True
    if not made or files.now(change.path) or change.kind != "read":
        return False
    return not any(
        new.of("read", path)
        or any(t.keys[n] not in again and n != number for t, n in known.of("read", path))
        for path in stale
    )


def _suspicion(trace: Trace, number: int, change: _Change, new: Trace, files: Files) -> Suspicion:
    made = outputs(trace, number, _Before(files))
    stale = [path for path in made if path not in new.by_path["wrote"]]
    return Suspicion(
        _id(trace.steps[trace.command(number)], change),
        shown_command(trace, number),
        change.kind,
        in_source(change.path if change.kind != "listed" else f"{change.name}/"),
        in_source(stale[0]) if stale else None,
    )


def _id(command: Step, change: _Change) -> str:
    """By the command: a compiler cache in front of it has other programs run."""
    text = repr((command.arguments, command.folder, change.kind, change.name))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


class _Before:
    """The files that there were, as a container."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._files.before(path)
