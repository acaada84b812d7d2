"""A push, as git tells the pre-push hook of it: githooks(5). Frozen values, no IO."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_git.model.errors import UsageError

_FIELDS = 4  # local ref, its id, remote ref, its id
_BRANCH = "refs/heads/"


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One line of the hook's standard input: what the ref ``remote_ref`` there is set to.

    ``local_ref`` is what stood on the left side of the refspec (``refs/heads/main``, ``HEAD~2``,
    ``(delete)``). ``local`` is the id of the object that is sent, which may be a tag's;
    ``remote`` is what the remote has now. Both are all zeros where there is none: the number of
    zeros depends on the repository's hash.
    """

    local_ref: str
    local: str
    remote_ref: str
    remote: str

    @property
    def deletes(self) -> bool:
        return not self.local.strip("0")

    @property
    def creates(self) -> bool:
        return not self.remote.strip("0")

    @property
    def name(self) -> str:
        """The remote ref for people: a branch by its short name, another one in full."""
        return self.remote_ref.removeprefix(_BRANCH)


@dataclass(frozen=True, slots=True)
class Push:
    """A push: the remote's name and its URL, which is the name where it has none, and each ref."""

    remote: str
    url: str
    updates: tuple[RefUpdate, ...]

    @classmethod
    def parse(cls, arguments: Sequence[str], stdin: bytes) -> Push:
        """What a pre-push hook was given. Raises ``UsageError`` for what git wouldn't give."""
        if not arguments:
            raise UsageError(
                "pre-push wants the remote's name and URL", "git calls it with both: githooks(5)"
            )
        lines = os.fsdecode(stdin).split("\n")
        updates = tuple(_update(line) for line in lines if line.strip())
        return cls(arguments[0], arguments[1] if arguments[1:] else arguments[0], updates)


def _update(line: str) -> RefUpdate:
    # From the right: what was typed for the local ref may hold spaces, as `HEAD@{2 days ago}`.
    fields = line.rsplit(" ", _FIELDS - 1)
    if len(fields) != _FIELDS:
        raise UsageError(f"pre-push can't read the line {line!r}", "githooks(5) has its form")
    return RefUpdate(*fields)
