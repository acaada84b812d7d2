"""Where a submodule's objects are: gitsubmodules(7), gitrepository-layout(5) ("modules").

Looks at folders of the work tree and of the git folder; runs no ``git submodule``, fetches nothing.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

from ckpt_git.git.location import Location
from ckpt_git.git.objects.trees import object_id, read
from ckpt_git.model.errors import RepositoryError
from ckpt_git.process import ProcessError


def locate(at: Location, tree: str, path: str, commit: str) -> Location:
    """The repository of the submodule at ``path`` (from the root of ``tree``), with ``commit``.

    Raises ``RepositoryError`` with the command that brings it where it isn't on this machine.
    """
    trail = (*at.trail, path)
    git_dir = None
    for git_dir in _candidates(at, tree, path):
        found = _location(at, git_dir, path)
        if object_id(found, f"{commit}^{{tree}}") is not None:
            return found
    lack = "is not initialised" if git_dir is None else "lacks it"
    raise RepositoryError(
        f"commit {commit} of the submodule {posixpath.join(*trail)} is needed, which {lack}",
        f"run `git submodule update --init --recursive {trail[0]}`",
    )


def _location(at: Location, git_dir: Path, path: str) -> Location:
    work_tree = None if at.top is None else at.top / path
    return Location(
        # Named even where there is none: a recorded core.worktree that is gone is an error to git.
        top=work_tree if work_tree is not None and work_tree.is_dir() else git_dir,
        git_dir=git_dir,
        common_dir=common_dir_of(git_dir),
        object_format=at.object_format,
        trail=(*at.trail, path),
    )


def common_dir_of(git_dir: Path) -> Path:
    """The folder that a linked worktree's ``git_dir`` shares with the others."""
    pointer = git_dir / "commondir"
    if not pointer.is_file():
        return git_dir
    return Path(os.path.normpath(git_dir / _line(pointer)))


def _candidates(at: Location, tree: str, path: str) -> Iterator[Path]:
    """Git folders that may be the submodule's, the likeliest first, those that exist."""
    checked_out = None if at.top is None else git_dir_of(at.top / path)
    if checked_out is not None:
        yield checked_out
    for name in _names(at, tree, path):
        for parent in (at.git_dir, at.common_dir, *at.common_dir.glob("worktrees/*")):
            git_dir = parent / "modules" / name
            if (git_dir / "HEAD").is_file():
                yield git_dir


def git_dir_of(work_tree: Path) -> Path | None:
    """What ``.git`` in a work tree is, or points to (``gitdir: PATH``); None without one."""
    dot_git = work_tree / ".git"
    if dot_git.is_dir():
        return dot_git
    if not dot_git.is_file():
        return None
    target = work_tree / _line(dot_git).removeprefix("gitdir: ")
    return Path(os.path.normpath(target)) if target.is_dir() else None


def _line(file: Path) -> str:
    return os.fsdecode(file.read_bytes()).removesuffix("\n")


def _names(at: Location, tree: str, path: str) -> list[str]:
    """The names under which ``.gitmodules`` of ``tree`` knows the submodule at ``path``."""
    if read(at, tree, ".gitmodules") is None:
        return []
    asked = ("--get-regexp", r"^submodule\..*\.path$")
    try:
        done = at.git("config", "-z", "--blob", f"{tree}:.gitmodules", *asked)
    except ProcessError:  # none in it, or not well-formed: then nothing is known by name
        return []
    names = []
    for item in os.fsdecode(done.stdout).split("\0"):
        setting, _, value = item.partition("\n")
        name = setting.removeprefix("submodule.").removesuffix(".path")
        # A name is a folder below .git/modules, and comes from whoever wrote the tree.
        if value == path and ".." not in name.split("/"):
            names.append(name)
    return names
