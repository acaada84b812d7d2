"""A repository with a commit, and helpers to see what ckpt-git did to it: nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import GitRepo

FILES = {
    "Makefile": "all:\n\tcc src/main.c\n",
    "src/main.c": "int main(void) { return 0; }\n",
    "src/lib/deep.h": "#define DEEP 1\n",
    "docs/guide.md": "# Guide\n",
    ".hidden/.config": "x = 1\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A repository with ``FILES``, a script and a symlink in its one commit."""
    made = GitRepo.init(tmp_path / "repo")
    made.write("run.sh", "#!/bin/sh\n", executable=True)
    made.link("current", "src/lib")
    made.commit("first", FILES)
    return made


Contents = dict[str, tuple[str, bytes]]


def contents(folder: Path) -> Contents:
    """Everything below ``folder`` but ``.git``: kind and permissions, content or target."""
    found: Contents = {}
    for path in folder.rglob("*"):
        shown = str(path.relative_to(folder))
        if ".git" in path.parts[len(folder.parts) :] or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink():
            found[shown] = ("link", os.fsencode(path.readlink()))
        else:
            found[shown] = (f"{path.stat().st_mode & 0o777:o}", path.read_bytes())
    return found


@contextmanager
def plain_umask() -> Iterator[None]:
    """Files come out with the modes that ckpt-git gives them, whoever runs the tests."""
    umask = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(umask)


def checkout(repo: GitRepo, revision: str, folder: Path, *config: str) -> Contents:
    """What git itself checks out for ``revision``, submodules too: the witness."""
    options = [part for setting in config for part in ("-c", setting)]
    clone = GitRepo(folder)
    with plain_umask():
        repo.git("clone", "-q", "--no-checkout", "--shared", str(repo.path), str(folder))
        clone.git(*options, "checkout", "-q", "--detach", revision)
        clone.git(*options, "submodule", "--quiet", "update", "--init", "--recursive")
    return contents(folder)


def commit_all(repo: GitRepo) -> str:
    """The tree that ``git commit --all`` would give, from a copy of the repository."""
    copy = repo.path.parent / "commit-all"
    shutil.copytree(repo.path, copy, symlinks=True)
    try:
        other = GitRepo(copy)
        other.git("commit", "-q", "--allow-empty", "--all", "-m", "all")
        return other.tree()
    finally:
        shutil.rmtree(copy)
