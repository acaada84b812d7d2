"""Consecutive commits of a real project, and how each is built: for `follow` and `bisect`.

A project's releases, as the corpus has them, or a range of any repository that its user has, with
the commands that they give. Reads the repository; builds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus, nix, ours
from benchmarks.projects import Project
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.process import ProcessError


@dataclass(frozen=True, slots=True)
class History:
    """``commits`` of ``origin``, the first of which is what the others start from.

    ``reconfigure`` says that a bare build in a tree that was built before runs ``configure`` too:
    where it doesn't, the build tool sees to it by itself.
    """

    name: str
    origin: Path
    commits: tuple[str, ...]
    phases: Mapping[str, str]
    reconfigure: bool

    def last(self, changes: int | None) -> History:
        """The last ``changes`` of it (default: all)."""
        commits = self.commits if changes is None else self.commits[-changes - 1 :]
        return History(self.name, self.origin, commits, self.phases, self.reconfigure)


def of_project(project: Project, cache: Path) -> History:
    """The releases of a project. Raises ``MissingError`` where one can't be brought."""
    origin = corpus.repository(project, cache)
    commits = corpus.releases(origin)
    return History(project.name, origin, commits, project.phases, reconfigure=True)


def of_repository(
    repository: Path, revisions: str, phases: Mapping[str, str], name: str | None = None
) -> History:
    """The range ``A..B`` of a repository, along its first parents; ``name`` is its folder's, where
    none is given.

    Raises ``UsageError`` for what is no range there.
    """
    base = revisions.partition("..")[0]
    asked = ("rev-list", "--reverse", "--first-parent", "--end-of-options", revisions, "--")
    try:
        first = corpus.git(repository, "rev-parse", "--verify", f"{base}^{{commit}}")
        commits = corpus.git(repository, *asked).split()
    except ProcessError as error:
        raise UsageError(f"no range {revisions!r} in {repository}: {error.what}") from error
    if not commits or ".." not in revisions:
        raise UsageError(f"no commits in {revisions!r}", "give a range, as in --range v1.0..v1.1")
    named = repository.resolve()
    own = (named.parent if named.name == ".git" else named).name.removesuffix(".git")
    return History(name or own, named, (first, *commits), phases, reconfigure=False)


def subject_of(history: History, commit: str) -> str:
    """The first line of a commit's message."""
    return corpus.git(history.origin, "log", "-1", "--format=%s", commit)


def clone(
    history: History, work: Path, *, follow: str = "builds", by_nix: bool = False
) -> ours.Subject:
    """A repository of this run's own in the new folder ``work``, with a store, set up for
    `git ckpt`. Its commits are the origin's. Raises ``CkptError`` where it can't be made."""
    work.mkdir(parents=True)
    subject = ours.Subject(work / "repository", work / "store")
    try:
        corpus.git(
            work,
            *("clone", "--quiet", "--shared", "--no-checkout"),
            *(str(history.origin), str(subject.repository)),
        )
        corpus.git(subject.repository, "checkout", "--quiet", "--detach", history.commits[-1])
    except ProcessError as error:
        raise CkptError(f"can't clone {history.origin}: {error.what}") from error
    if by_nix:
        nix.configure(subject, nix.package(history.phases))
    else:
        ours.configure(subject, history.name, history.phases, follow=follow)
    return subject
