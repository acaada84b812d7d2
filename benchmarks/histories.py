"""Consecutive commits of a real project, and how each is built: for `follow` and `bisect`.

A project's releases, as the corpus has them; a range of any repository that its user has, with the
commands that they give; or a list of such ranges in a file. Reads repositories; builds nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks import corpus, nix, ours
from benchmarks.projects import Project
from ckpt_git.model.derivation import PHASES
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.process import ProcessError


@dataclass(frozen=True, slots=True)
class History:
    """``commits`` of ``origin``, the first of which is what the others start from.

    ``recipe`` is what ckpt.toml has of its package, and None until `git ckpt init` wrote it
    (``by_init``). A bare build in a tree that was built before runs ``configure`` where a path that
    changed matches one of ``again``: elsewhere the build tool sees to it by itself.
    """

    name: str
    origin: Path
    commits: tuple[str, ...]
    recipe: Mapping[str, Any]
    again: tuple[str, ...] = ()
    tool: str = ""
    by_init: bool = False

    @property
    def phases(self) -> Mapping[str, str]:
        """The commands, by phase."""
        return {phase: self.recipe[phase] for phase in PHASES if phase in self.recipe}

    def last(self, changes: int | None) -> History:
        """The last ``changes`` of it (default: all)."""
        commits = self.commits if changes is None else self.commits[-changes - 1 :]
        return replace(self, commits=commits)

    def reconfigures(self, before: str, commit: str) -> bool:
        """Whether a bare build of ``commit`` in the tree of ``before`` runs ``configure``."""
        changed = corpus.git(self.origin, "diff", "--name-only", before, commit).splitlines()
        return any(fnmatch(path, pattern) for path in changed for pattern in self.again)


def of_project(project: Project, cache: Path) -> History:
    """The releases of a project. Raises ``MissingError`` where one can't be brought."""
    origin = corpus.repository(project, cache)
    commits = corpus.releases(origin)
    return History(project.name, origin, commits, project.phases, ("*",), project.tool)


def of_repository(
    repository: Path, revisions: str, recipe: Mapping[str, Any], name: str | None = None
) -> History:
    """The range ``A..B`` of a repository, along its first parents; ``name`` is its folder's, where
    none is given. Without a ``build`` in it the recipe is the one of `git ckpt init`.

    Raises ``UsageError`` for what is no range there.
    """
    base = revisions.partition("..")[0]
    asked = ("rev-list", "--reverse", "--first-parent", "--end-of-options", revisions, "--")
    try:
        first = corpus.git(repository, "rev-parse", "--verify", f"{base}^{{commit}}")
        commits = corpus.git(repository, *asked).split()
    except (ProcessError, OSError) as error:
        raise UsageError(f"no range {revisions!r} in {repository}: {error}") from error
    if not commits or ".." not in revisions:
        raise UsageError(f"no commits in {revisions!r}", "give a range, as in --range v1.0..v1.1")
    named = repository.resolve()
    own = (named.parent if named.name == ".git" else named).name.removesuffix(".git")
    by_init = "build" not in recipe
    return History(name or own, named, (first, *commits), recipe, by_init=by_init)


def of_file(file: Path) -> Iterator[History]:
    """Those that a TOML file lists, a table for each: ``repository`` and ``range``, ``tool`` for
    tables, ``again``, and what ckpt.toml would have of the package, unless `init` writes that.

    Raises ``UsageError`` for a file that can't be read so.
    """
    try:
        tables = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} can't be read: {error}") from error
    for name, table in tables.items():
        try:
            repository = file.parent / Path(table.pop("repository")).expanduser()
            again, tool = tuple(table.pop("again", ())), table.pop("tool", "")
            found = of_repository(repository, table.pop("range"), table, name)
        except (KeyError, AttributeError) as error:
            raise UsageError(f"{file}: {name} has no {error}") from error
        yield replace(found, again=again, tool=tool)


def complete(history: History, work: Path) -> History:
    """The history with the recipe that `git ckpt init` writes in a clone below ``work``, where it
    has none of its own."""
    if not history.by_init:
        return history
    subject = clone(history, work)
    return replace(history, recipe={**ours.initialise(subject), **history.recipe})


def subject_of(history: History, commit: str) -> str:
    """The first line of a commit's message."""
    return corpus.git(history.origin, "log", "-1", "--format=%s", commit)


def clone(history: History, work: Path, *, by_nix: bool = False) -> ours.Subject:
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
        ours.configure(subject, history.name, history.recipe)
    return subject
