"""What is behind the ids of a push: commits, their trees, ranges and subjects. Reads objects only.

Questions about many refs are asked of one git process: a push with fifty of them isn't to wait.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.git.trees import resolve
from ckpt_git.process import ProcessError


class Commit(NamedTuple):
    """A commit and its tree, by their full ids."""

    id: str
    tree: str


def peeled(at: Location, ids: Sequence[str]) -> list[Commit | None]:
    """The commit that each id names, tags followed; None for what leads to none."""
    found = resolve(at, *(f"{oid}^{{{kind}}}" for oid in ids for kind in ("commit", "tree")))
    pairs = zip(found[::2], found[1::2], strict=True)
    return [Commit(commit, tree) if commit and tree else None for commit, tree in pairs]


def contents(at: Location, trees: Sequence[str], path: str) -> list[bytes | None]:
    """What the file ``path`` from the root of each tree holds; None where there is no such file."""
    blobs = resolve(at, *(f"{tree}:{path}" for tree in trees))
    read = {blob: _blob(at, blob) for blob in set(blobs) if blob is not None}
    return [None if blob is None else read[blob] for blob in blobs]


def _blob(at: Location, oid: str) -> bytes | None:
    try:
        return at.git("cat-file", "blob", oid).stdout
    except ProcessError:  # a folder
        return None


def between(at: Location, new: str, old: str | None) -> list[Commit]:
    """The commits that ``new`` has and ``old`` hasn't, oldest first; where ``old`` is None, those
    that no remote-tracking branch has. Raises ``RepositoryError``."""
    without = ["--remotes"] if old is None else [old]
    asked = ("rev-list", "--reverse", "--topo-order", "--format=%H %T", new, "--not", *without)
    try:
        listed = at.git(*asked, "--").stdout.decode()
    except ProcessError as error:
        raise explained(error, f"list what is new in {new}") from error
    lines = (line for line in listed.splitlines() if not line.startswith("commit "))
    return [Commit(*line.split(" ")) for line in lines]


def subject(at: Location, commit: str) -> str:
    """The first line of a commit's message. Raises ``RepositoryError``."""
    try:
        shown = at.git("rev-list", "--max-count=1", "--format=%s", commit, "--").stdout
    except ProcessError as error:
        raise explained(error, f"read the commit {commit}") from error
    return os.fsdecode(shown).split("\n")[1]
