"""Finding the repository: wherever it is asked from, whatever its path looks like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ckpt_git.git.repository import Repository
from ckpt_git.model.errors import RepositoryError
from tests.git.conftest import FILES
from tests.support import GitRepo


def test_from_a_folder_below_the_root(repo: GitRepo) -> None:
    found = Repository.discover(repo.path / "src" / "lib")
    assert found.top == repo.path
    assert found.git_dir == found.common_dir == repo.path / ".git"
    assert found.object_format == "sha1"
    assert found.state == repo.path / ".git" / "ckpt"


def test_from_the_current_folder(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.path / "docs")
    assert Repository.discover().top == repo.path


def test_from_inside_the_git_folder(repo: GitRepo) -> None:
    """Some hooks run there."""
    assert Repository.discover(repo.path / ".git" / "hooks").top == repo.path


def test_a_linked_worktree_shares_the_state(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    found = Repository.discover(tmp_path / "linked")
    assert found.top == tmp_path / "linked"
    assert found.git_dir == repo.path / ".git" / "worktrees" / "linked"
    assert found.state == Repository.discover(repo.path).state
    assert Repository.discover(found.git_dir).top == tmp_path / "linked"


def test_a_separate_git_folder(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    repo.git("init", "-q", f"--separate-git-dir={tmp_path / 'elsewhere'}")
    repo.commit("first", FILES)
    found = Repository.discover(repo.path)
    assert (found.top, found.git_dir) == (repo.path, tmp_path / "elsewhere")
    assert found.target().tree == repo.tree()


def test_a_bare_repository(repo: GitRepo, tmp_path: Path) -> None:
    bare = repo.clone(tmp_path / "bare.git", "--bare")
    found = Repository.discover(bare.path)
    assert found.top is None
    assert found.git_dir == bare.path
    assert found.target("HEAD").commit == repo.head
    for kind in ("worktree", "index"):
        with pytest.raises(RepositoryError, match=r"bare repository.*name a revision"):
            found.target(kind)
    assert found.untracked() == []
    found.source(repo.tree()).write(tmp_path / "out")
    assert (tmp_path / "out" / "Makefile").read_text() == FILES["Makefile"]


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match=r"is not in a git repository; .*git init"):
        Repository.discover(tmp_path)


def test_git_does_not_trust_the_owner(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    fix = f"run `git config --global --add safe.directory {repo.path}`"
    with pytest.raises(RepositoryError, match="dubious ownership") as caught:
        Repository.discover(repo.path)
    assert caught.value.hint == fix
    assert "\n" not in str(caught.value)


def test_what_a_calling_hook_set_redirects_nothing(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitRepo.init(tmp_path / "other")
    for name, value in {
        "GIT_DIR": other.path / ".git",
        "GIT_WORK_TREE": other.path,
        "GIT_INDEX_FILE": other.path / ".git" / "index",
        "GIT_OBJECT_DIRECTORY": other.path / ".git" / "objects",
    }.items():
        monkeypatch.setenv(name, str(value))
    found = Repository.discover(repo.path)
    assert found.top == repo.path
    assert "Makefile" in found.tracked(found.target().tree)


NAMES = ["with space", "ünïcode", "two\nlines", "a:colon", 'a"quote', "back\\slash", "#comment"]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"latin-\xe9")])
def test_any_name_of_the_folder(tmp_path: Path, name: str) -> None:
    repo = GitRepo.init(tmp_path / name)
    repo.commit("first", FILES)
    repo.write("Makefile", "all: changed\n")
    found = Repository.discover(repo.path)
    assert found.top == repo.path
    target = found.target()
    assert found.read(target.tree, "Makefile") == b"all: changed\n"
    found.source(target.tree).write(tmp_path / "out")
    assert (tmp_path / "out" / "Makefile").read_text() == "all: changed\n"
