"""What a commit says about itself, for people to read in reports: through GitPython.

GitPython is imported when it is first needed: it costs more than most commands take. Where it
can't read a repository (SHA-256), git itself is asked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from git import Repo
from git.exc import GitError

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError

if TYPE_CHECKING:
    import git

_SHORT = 10
"""Hex digits of a short id: enough for any repository, and the same in each of them."""


@dataclass(frozen=True, slots=True)
class CommitSummary:
    """A commit for people: full and short id, first line of its message, when it was written."""

    id: str
    short: str
    summary: str
    authored: datetime


def describe(at: Location, commit: str) -> CommitSummary:
    """Look up the commit with the full id ``commit``. ``authored`` has the author's time zone.

    Raises ``RepositoryError`` where there is no such commit.
    """
    if at.object_format == "sha1":
        found = _through_gitpython(at, commit)
        if found is not None:
            return found
    return _through_git(at, commit)


def _through_gitpython(at: Location, commit: str) -> CommitSummary | None:
    """None for all that GitPython can't do: git then says why, or does it."""
    try:
        with Repo(at.git_dir) as repo:
            # A hook's environment names the repository of the commit that is being made.
            repo.git.update_environment(
                GIT_DIR=str(at.git_dir), GIT_OBJECT_DIRECTORY=str(at.common_dir / "objects")
            )
            return _summary(repo.commit(commit))
    except (GitError, ValueError, OSError):
        return None


def _summary(commit: git.Commit) -> CommitSummary:
    return CommitSummary(
        id=commit.hexsha,
        short=commit.hexsha[:_SHORT],
        summary=os.fsdecode(commit.summary),
        authored=commit.authored_datetime,
    )


def _through_git(at: Location, commit: str) -> CommitSummary:
    try:
        shown = at.git("log", "-1", "--no-show-signature", "--format=%H%n%aI%n%s", commit, "--")
    except ProcessError as error:
        raise explained(error, f"read the commit {commit}") from error
    full, authored, summary = os.fsdecode(shown.stdout).removesuffix("\n").split("\n", 2)
    return CommitSummary(full, full[:_SHORT], summary, datetime.fromisoformat(authored))
