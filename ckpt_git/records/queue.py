"""The queue of build requests: a file for each slot, so that a newer request replaces an older one.

Commits that come while a build runs share one slot, so that only the newest is built. Any process
may ``put``. Only the holder of the builder's lock may ``take`` (``builds.background.builder``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ckpt_git.kept_files import remove_file
from ckpt_git.model.derivation import digest
from ckpt_git.model.target import Target
from ckpt_git.records.files import newest_first, publish_json, writing
from ckpt_git.records.state import State

BY_HAND = "asked for"
"""``Request.why`` of a build that the user asked for: no other request replaces it."""

IDLE = "idle verification"
"""``Request.why`` of a comparison with a clean build, which waits until nothing else does."""

_WAITS, _TAKEN = ".json", ".taken"
_LAST = "idle-"  # the prefix of files that are taken after all others


@dataclass(frozen=True, slots=True)
class Request:
    """What to build, for the work tree whose top is ``root``: each of ``wanted``, in this order.

    ``why`` is the event (``post-commit``), ``BY_HAND`` or ``IDLE``. No ``packages`` means all.
    ``clean`` and ``rebuild`` are the options of ``git ckpt build``. ``submitted`` is in Unix
    seconds. ``foreign`` says that others may have written it (``builds.checks.trust``).
    """

    root: str
    wanted: tuple[Target, ...]
    why: str
    packages: tuple[str, ...] = ()
    clean: bool = False
    rebuild: bool = False
    submitted: float = field(default_factory=time.time)
    foreign: bool = False

    @property
    def idle(self) -> bool:
        """Whether every other request comes first."""
        return self.why == IDLE

    @property
    def slot(self) -> str:
        """Requests of one slot replace each other: all that git's events ask of one work tree."""
        if self.idle:
            return _LAST + digest(self.root)
        if self.why != BY_HAND:
            return digest([self.root, self.packages])
        return digest([self.root, self.packages, self.clean, self.rebuild, self._ids()])

    def covers(self, other: Request) -> bool:
        """Whether nothing is left to do for ``other`` once this request is built."""
        mine, theirs = set(self.packages), set(other.packages)
        return (
            not (other.clean or other.rebuild)
            and (not mine or (bool(theirs) and theirs <= mine))
            and set(other._ids()) <= set(self._ids())
        )

    def _ids(self) -> list[tuple[str, str | None]]:
        return [(wanted.tree, wanted.commit) for wanted in self.wanted]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is no request."""
        return cls(
            **{
                **data,
                "wanted": tuple(Target(**wanted) for wanted in data["wanted"]),
                "packages": tuple(data["packages"]),
            }
        )


def put(state: State, request: Request) -> None:
    """Put ``request`` into the queue, in place of an older one of its slot.

    Raises ``StoreError``.
    """
    publish_json(_file(state, request), asdict(request), mtime=request.submitted)


def waiting(state: State) -> list[Request]:
    """The requests that wait, in the order in which they are taken."""
    read = (_read(state, path) for path in _files(state))
    return [request for request in read if request is not None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that the builder has taken from the queue, and its file, which still stands."""

    request: Request
    file: Path


def take(state: State) -> Taken | None:
    """Take the newest request that waits; an idle one if there is no other.

    Only the holder of the builder's lock may call this. It calls ``acknowledge`` once others can
    see that the request is being built. The file is renamed before it is read: a newer request that
    is put into the same slot at this moment is either read here, or it still waits. If a builder
    dies before it acknowledges, the next one takes the request again.
    """
    for path in _files(state):
        file = path.with_suffix(_TAKEN)
        with suppress(FileNotFoundError), writing(path):
            path.rename(file)
        if (request := _read(state, file)) is not None:
            return Taken(request, file)
    return None


def acknowledge(taken: Taken) -> None:
    """Remove a request that was taken. A newer one in its slot stays."""
    with writing(taken.file):
        remove_file(taken.file)


def forget(state: State, request: Request) -> None:
    """Acknowledge ``request`` for a builder that ended before it did so. Another one stays."""
    file = _file(state, request).with_suffix(_TAKEN)
    if _read(state, file) == request:
        acknowledge(Taken(request, file))


def clear(state: State) -> None:
    """Remove all requests. Raises ``StoreError``."""
    for path in _files(state):
        with writing(path):
            remove_file(path)


def _files(state: State) -> list[Path]:
    found = newest_first([state.path / "queue"], (_WAITS, _TAKEN))
    return sorted(found, key=lambda path: path.name.startswith(_LAST))


def _file(state: State, request: Request) -> Path:
    return state.path / "queue" / f"{request.slot}{_WAITS}"


def _read(state: State, path: Path) -> Request | None:
    return state.read(path, Request.from_json)
