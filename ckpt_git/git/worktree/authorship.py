"""Who made a commit in this repository: its user with ``git commit``, or somebody else.

An author's or committer's name and e-mail say nothing, as anybody can write them. The reflog
does: git alone writes it, and no remote's is ever fetched. git-reflog(1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError

# What `git commit` writes. One that ends a merge or a cherry-pick brings in what others did.
_OWN = re.compile(r"commit(?: \((?:initial|amend)\))?: ")
_OWN_TO_THE_FILE = re.compile(r"commit(?: \((?:initial|amend|merge)\))?: ")


def last_step_was_a_commit(at: Location) -> bool:
    """Whether HEAD is where it is because its user committed.

    True where git keeps no reflog: then the event alone tells.
    """
    entries = _reflog(at, "-1", "HEAD")
    return not entries or _OWN.match(entries[0][1]) is not None


def last_step_was_a_reset(at: Location) -> bool:
    """Whether HEAD is where it is because it was set back: ``--abort`` does that, too."""
    entries = _reflog(at, "-1", "HEAD")
    return bool(entries) and entries[0][1].startswith("reset:")


def last_change(at: Location, commit: str, paths: Sequence[str]) -> str | None:
    """The newest commit up to ``commit`` that changed one of ``paths``; None where none did."""
    try:
        found = at.git("rev-list", "--max-count=1", commit, "--", *paths).stdout.decode().strip()
    except ProcessError:
        return None
    return found or None


def was_committed_here(at: Location, commit: str) -> bool:
    """Whether ``commit`` was made by ``git commit`` in this repository or a work tree of it."""
    entries = _reflog(at, "HEAD", "--all")
    return any(oid == commit and _OWN_TO_THE_FILE.match(said) for oid, said in entries)


def _reflog(at: Location, *which: str) -> list[tuple[str, str]]:
    """(commit, what was done) of each entry, newest first; nothing where there is no reflog."""
    form = ("--no-show-signature", "--format=%H %gs")
    try:
        listed = os.fsdecode(at.git("log", "--walk-reflogs", *form, *which, "--").stdout)
    except ProcessError:
        return []
    lines = (line.partition(" ") for line in listed.split("\n") if line)
    return [(oid, said) for oid, _, said in lines]
