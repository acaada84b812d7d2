"""Find the folder in which git looks for hooks, and check that we may write there.

A folder that others share (a global one) or that is part of the project (a tracked one) is left to
the user's decision.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ckpt_git.model.errors import RepositoryError
from ckpt_git.process import run


class Place(Protocol):
    """Where a repository lies (``ckpt_git.git.repository``); the paths are absolute."""

    @property
    def top(self) -> Path | None: ...
    @property
    def git_dir(self) -> Path: ...
    @property
    def common_dir(self) -> Path: ...
    @property
    def state(self) -> Path: ...


def hooks_folder(repo: Place) -> Path:
    """The folder in which git looks for hooks, which need not exist: git-config(1), core.hooksPath.

    A relative path is one from where hooks run, the work tree's root. Raises
    ``RepositoryError`` where hooks are switched off (``/dev/null``).
    """
    said = _git(repo, "rev-parse", "--git-path", "hooks")
    folder = Path(os.path.normpath(_root(repo) / said))
    if folder.exists() and not folder.is_dir():
        raise RepositoryError(
            f"core.hooksPath is {folder}, so git runs no hooks here",
            "`git config --unset core.hooksPath` switches them on",
        )
    return folder


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what goes wrong while writing hooks to ``folder`` into one line."""
    try:
        yield
    except OSError as error:
        raise RepositoryError(
            f"cannot write hooks to {folder}: {error.strerror}",
            "make the folder writable, and the one that it is in",
        ) from error


def refusal(repo: Place, folder: Path) -> RepositoryError | None:
    """Why ``folder`` isn't ours to write to unasked, or None."""
    folder = folder.resolve()
    if _is_within(folder, repo.common_dir) or _is_within(folder, repo.git_dir):
        return None
    if repo.top is None or not _is_within(folder, repo.top):
        shared = not _chosen_here(repo)
        return _refused(folder, "serves other repositories too") if shared else None
    if ".husky" in folder.parts:
        return _refused(folder, "is husky's")
    tracked = _git(repo, "ls-files", "--", str(folder)) != ""
    return _refused(folder, "is part of the project") if tracked else None


def _chosen_here(repo: Place) -> bool:
    """Whether this repository's own configuration names the hooks folder."""
    said = _git(repo, "config", "--show-scope", "--get", "core.hooksPath", ok=(0, 1))
    return said.partition("\t")[0] in {"local", "worktree"}


def _refused(folder: Path, why: str) -> RepositoryError:
    return RepositoryError(
        f"git's hooks folder here is {folder}, which {why}",
        'call `git ckpt hook EVENT "$@"` from the hooks there (`git ckpt hook -h` lists them),'
        " or `git ckpt install --force`",
    )


def _is_within(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder.resolve())


def _root(repo: Place) -> Path:
    return repo.git_dir if repo.top is None else repo.top


def _git(repo: Place, *arguments: str, ok: Sequence[int] = (0,)) -> str:
    env = {"GIT_DIR": str(repo.git_dir)}
    if repo.top is not None:
        env["GIT_WORK_TREE"] = str(repo.top)
    done = run(["git", *arguments], cwd=_root(repo), env=env, ok=ok)
    return os.fsdecode(done.stdout).removesuffix("\n")
