"""Finds the repository that a folder is in, as git does, with git's own checks of who owns it."""

from __future__ import annotations

import os
from pathlib import Path

from ckpt_git.git.errors import said
from ckpt_git.model.errors import RepositoryError
from ckpt_git.process import run

_NO_WORK_TREE = b"must be run in a work tree"
_TRUST = "git config --global --add safe.directory"

Found = tuple[Path | None, Path, Path, str]
"""Work tree's root, git folder, common folder, object format."""


def discover(cwd: Path) -> Found:
    """Ask git where the repository around ``cwd`` is. One process, two inside a git folder.

    Raises ``RepositoryError`` where there is none and where git doesn't trust its owner.
    """
    found = _ask(cwd)
    work_tree = None if found[0] else _work_tree_of(found[1])
    if work_tree is None or work_tree == cwd:
        return found
    # A hook may run inside the git folder, where git says that there is no work tree.
    try:
        from_there = _ask(work_tree)
    except RepositoryError:
        return found
    return from_there if from_there[1] == found[1] else found


def _ask(cwd: Path) -> Found:
    # The format stands between the paths: a path may hold anything, even a line's end.
    between = "--show-object-format"
    asked = (between, "--absolute-git-dir", between, "--git-common-dir", between)
    command = ["git", "rev-parse", *asked, "--show-toplevel"]
    # Without a work tree the last question fails, after the others have been answered.
    done = run(command, cwd=cwd, env={"LANGUAGE": ""}, ok=(0, 128))
    if done.returncode and _NO_WORK_TREE not in done.stderr:
        raise _refused(cwd, done.stderr)
    object_format, _, rest = os.fsdecode(done.stdout).partition("\n")
    parts = rest.removesuffix("\n").split(f"\n{object_format}")
    git_dir, common_dir, top = (part.removeprefix("\n") for part in parts)
    # --git-common-dir is relative to cwd; an absolute form of it needs git 2.31.
    common = Path(os.path.realpath(cwd / common_dir))
    return (Path(top) if top else None, Path(git_dir), common, object_format)


def _work_tree_of(git_dir: Path) -> Path | None:
    """The work tree that ``git_dir`` seems to belong to: gitrepository-layout(5), "gitdir"."""
    pointer = git_dir / "gitdir"
    if pointer.is_file():
        return Path(os.fsdecode(pointer.read_bytes()).removesuffix("\n")).parent
    return git_dir.parent if git_dir.name == ".git" else None


def _refused(cwd: Path, stderr: bytes) -> RepositoryError:
    text = os.fsdecode(stderr)
    if "not a git repository" in text:
        return RepositoryError(
            f"{cwd} is not in a git repository", "go to one, or make one with `git init`"
        )
    fix = next((line.strip() for line in text.splitlines() if _TRUST in line), None)
    # git's own words for a repository that belongs to someone else: git-config(1), safe.directory.
    return RepositoryError(said(stderr), f"run `{fix}`" if fix else None)
