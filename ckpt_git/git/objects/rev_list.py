"""The commits of a range, in the order in which git lists them, with git's own drawing of branches.

Reads objects only. Revisions are a user's words: gitrevisions(7), never options.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError

_FIELDS = "%x00%H%x00%T%x00%P%x00%s"


@dataclass(frozen=True, slots=True)
class Walked:
    """A commit as a walk comes by it: full ids, and the first line of its message."""

    id: str
    tree: str
    parents: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a drawn history: ``graph`` is git's drawing, and ``commit`` what stands beside it,
    None where the line only joins branches."""

    graph: str
    commit: Walked | None


def range_of(at: Location, revisions: str, *, first_parent: bool = False) -> list[Walked]:
    """The commits of ``A..B``, each after its parents: git-rev-list(1).

    With ``first_parent`` only those on the main line of a history of merges. Raises
    ``RepositoryError`` for what names no commits.
    """
    order = ["--reverse", "--topo-order", *(["--first-parent"] if first_parent else [])]
    return [line.commit for line in read_log(at, order, [revisions]) if line.commit is not None]


def newest(
    at: Location, revisions: Sequence[str], number: int, *, graph: bool = False, every: bool = False
) -> list[Line]:
    """The newest ``number`` commits of ``revisions`` (HEAD for none; with ``every`` all local
    branches too), as `git log` lists them. Raises ``RepositoryError``."""
    options = [f"--max-count={number}", *(["--graph"] if graph else [])]
    heads = ["--branches", "HEAD"] if every else []
    return read_log(at, [*options, *heads], revisions)


def shown(at: Location, commit: str) -> list[str]:
    """A commit for people, as `git bisect` shows what it found: author, date, message, files.

    Raises ``RepositoryError``.
    """
    plain = ("--color=never", "--no-show-signature", "--no-notes", "--no-ext-diff")
    form = ("--format=medium", "--stat", "--summary", "--max-count=1")
    try:
        printed = at.git("log", *plain, *form, commit, "--").stdout
    except ProcessError as error:
        raise explained(error, f"show the commit {commit}") from error
    return os.fsdecode(printed).rstrip("\n").split("\n")


def read_log(at: Location, options: Sequence[str], revisions: Sequence[str]) -> list[Line]:
    """What `git log OPTIONS REVISIONS` lists. Raises ``RepositoryError``."""
    # An option says no more than what a user's configuration can make of the output.
    plain = ("--color=never", "--no-show-signature", "--no-notes", "--no-decorate", "--no-patch")
    asked = ("log", *plain, f"--format={_FIELDS}", *options, "--end-of-options", *revisions, "--")
    try:
        shown = os.fsdecode(at.git(*asked).stdout)
    except ProcessError as error:
        named = " ".join(revisions) or "HEAD"
        raise explained(error, f"list the commits of {named}") from error
    return [_line(text) for text in shown.split("\n")[:-1]]


def _line(text: str) -> Line:
    graph, *fields = text.split("\0")
    if not fields:
        return Line(graph, None)
    commit, tree, parents, subject = fields
    return Line(graph, Walked(commit, tree, tuple(parents.split()), subject))
