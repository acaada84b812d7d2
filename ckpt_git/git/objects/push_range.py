"""Commits, trees, ranges and subjects for the ids of a push. Reads objects only.

Questions about many refs are asked of one git process: a push with fifty of them isn't to wait.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.git.objects.trees import Object, objects
from ckpt_git.process import ProcessError


class Commit(NamedTuple):
    """A commit and its tree, by their full ids."""

    id: str
    tree: str


def peeled(at: Location, ids: Sequence[str]) -> list[Commit | None]:
    """The commit that each id names, tags followed; None for what leads to none."""
    return [_commit(found) for found in objects(at, *(f"{oid}^{{commit}}" for oid in ids))]


def peeled_with(
    at: Location, ids: Sequence[str], path: str
) -> list[tuple[Commit, bytes | None] | None]:
    """The same, and beside each commit what ``contents`` says of its tree. One process."""
    asked = (f"{oid}{of}" for oid in ids for of in ("^{commit}", f":{path}"))
    found = objects(at, *asked)
    commits = (_commit(one) for one in found[::2])
    texts = (_file(one) for one in found[1::2])
    return [
        None if commit is None else (commit, text)
        for commit, text in zip(commits, texts, strict=True)
    ]


def contents(at: Location, trees: Sequence[str], path: str) -> list[bytes | None]:
    """What the file ``path`` from the root of each tree holds; None where there is no such file."""
    return [_file(found) for found in objects(at, *(f"{tree}:{path}" for tree in trees))]


def _commit(found: Object | None) -> Commit | None:
    """Its first line names its tree: git-cat-file(1), "commit"."""
    if found is None:
        return None
    line, _, _ = found.content.partition(b"\n")
    return Commit(found.id, line.removeprefix(b"tree ").decode())


def _file(found: Object | None) -> bytes | None:
    return found.content if found is not None and found.kind == "blob" else None


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
