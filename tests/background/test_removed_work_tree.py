"""A linked work tree that is removed after a commit in it: the commit is built all the same."""

from __future__ import annotations

import shlex
import shutil
import time
from pathlib import Path

import pytest

from ckpt_git.records import results
from tests.background.project import Project
from tests.records.values import notices
from tests.support import GitRepo, eventually

_CALLS = 12
"""As often git is called, at least, between a commit and the end of its build."""

STARTS = "ckpt: rebuilding in the background (git ckpt watch)\n"


@pytest.fixture(params=["beside", "within"])
def linked(project: Project, request: pytest.FixtureRequest) -> Project:
    """A linked work tree of the project, beside the main one or in it."""
    project.remember()
    project.open_gate()
    folder = project.repo.path if request.param == "within" else project.repo.path.parent
    path = folder / "a wörk tree"
    project.git("worktree", "add", "-q", str(path), "-b", "topic", CKPT_SKIP="1")
    return Project(GitRepo(path), project.aside)


def _commit(linked: Project, name: str = "new") -> str:
    """Commit an edit there; returns the commit."""
    assert linked.commit(**{name: name}).endswith(STARTS)
    return linked.repo.head


def _remove(project: Project, linked: Project) -> None:
    project.git("worktree", "remove", "--force", str(linked.repo.path))


def _is_built(project: Project, commit: str) -> None:
    """It has a record, and nobody has anything to say."""
    eventually(
        lambda: commit in [record.commit for record in results.history(project.state)],
        f"{commit} is built",
    )
    project.wait_until_idle()
    assert notices(project.state) == []
    assert project.commit("the next one") == STARTS


@pytest.mark.parametrize("also", ["", "the branch"])
def test_before_the_interpreter_starts(project: Project, linked: Project, also: str) -> None:
    project.hold.touch()
    commit = _commit(linked)
    _remove(project, linked)
    if also:
        project.git("branch", "-q", "-D", "topic")
    project.hold.unlink()
    _is_built(project, commit)


def test_at_once(project: Project, linked: Project) -> None:
    commit = _commit(linked)
    _remove(project, linked)
    _is_built(project, commit)


def _have_git_remove(project: Project, linked: Project, call: int) -> None:
    """Have the work tree be removed when git is called for the ``call``-th time from now on."""
    project.programs.mkdir()
    git = project.programs / "git"
    real, calls = shutil.which("git"), shlex.quote(str(project.aside / "calls"))
    git.write_text(
        f"#!/bin/sh\necho x >>{calls}\n"
        f'[ "$(wc -l <{calls})" -ne {call} ] || env -u GIT_DIR -u GIT_WORK_TREE -C / {real} '
        f"-C {shlex.quote(str(project.repo.path))} "
        f"worktree remove --force {shlex.quote(str(linked.repo.path))}\n"
        f'exec {real} "$@"\n'
    )
    git.chmod(0o755)


@pytest.mark.parametrize("call", range(1, _CALLS + 1))
def test_before_any_call_of_git(project: Project, linked: Project, call: int) -> None:
    _have_git_remove(project, linked, call)
    commit = _commit(linked)
    _is_built(project, commit)
    assert not linked.repo.path.exists()


@pytest.mark.parametrize("after", [0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
def test_some_time_later(project: Project, linked: Project, after: float) -> None:
    commit = _commit(linked)
    time.sleep(after)
    _remove(project, linked)
    _is_built(project, commit)


def test_the_newest_of_several(project: Project, linked: Project) -> None:
    project.hold.touch()
    _commit(linked, "one")
    commit = _commit(linked, "two")
    _remove(project, linked)
    project.hold.unlink()
    _is_built(project, commit)


def test_a_detached_head(project: Project, linked: Project) -> None:
    linked.git("checkout", "-q", "--detach")
    project.hold.touch()
    commit = _commit(linked)
    _remove(project, linked)
    project.hold.unlink()
    _is_built(project, commit)


def test_the_folder_alone_is_removed(project: Project, linked: Project) -> None:
    project.hold.touch()
    commit = _commit(linked)
    shutil.rmtree(linked.repo.path)
    project.hold.unlink()
    _is_built(project, commit)


@pytest.mark.parametrize("gone", [".git", "ckpt.toml"])
def test_half_of_it_is_removed_when_someone_looks(
    project: Project, linked: Project, gone: str
) -> None:
    project.hold.touch()
    commit = _commit(linked)
    (linked.repo.path / gone).unlink()
    project.hold.unlink()
    eventually(
        lambda: commit in [record.commit for record in results.history(project.state)],
        f"{commit} is built",
    )


def test_while_it_waits_behind_another_build(project: Project, linked: Project) -> None:
    project.close_gate()
    project.commit("first in the main one", other="other")
    project.wait_for_builds(1)
    linked.repo.write("edited", "not committed")
    commit = _commit(linked)
    linked.repo.write("build.sh", "exit 1")
    eventually(lambda: list(project.state.path.glob("queue/*.json")) != [], "it waits")
    _remove(project, linked)
    project.open_gate()
    _is_built(project, commit)


def test_with_edits_that_are_lost(project: Project, linked: Project) -> None:
    project.close_gate()
    project.commit("first in the main one", other="other")
    project.wait_for_builds(1)
    linked.repo.git("add", "-A")
    linked.repo.write("build.sh", "exit 1")
    linked.git("commit", "-q", "--allow-empty", "-m", "clean")
    commit = linked.repo.head
    eventually(lambda: list(project.state.path.glob("queue/*.json")) != [], "it waits")
    _remove(project, linked)
    project.open_gate()
    _is_built(project, commit)


def test_while_it_is_built(project: Project, linked: Project) -> None:
    project.close_gate()
    commit = _commit(linked)
    linked.wait_for_builds(1)
    _remove(project, linked)
    project.open_gate()
    _is_built(project, commit)


def test_while_the_main_one_is_in_the_middle_of_something(
    project: Project, linked: Project
) -> None:
    """What git does in one work tree is nothing to wait for in another."""
    (project.repo.path / ".git" / "rebase-merge").mkdir()
    project.hold.touch()
    commit = _commit(linked)
    _remove(project, linked)
    project.hold.unlink()
    eventually(
        lambda: commit in [record.commit for record in results.history(project.state)],
        f"{commit} is built",
    )
    (project.repo.path / ".git" / "rebase-merge").rmdir()


def test_by_another_hook_manager(project: Project, linked: Project) -> None:
    project.hold.touch()
    (project.repo.path / ".git" / "hooks" / "post-commit").unlink()
    linked.commit(new="new")
    commit = linked.repo.head
    project.hold.unlink()
    linked.hook("post-commit")
    _remove(project, linked)
    _is_built_by_hand(project, commit)


def _is_built_by_hand(project: Project, commit: str) -> None:
    eventually(
        lambda: commit in [record.commit for record in results.history(project.state)],
        f"{commit} is built",
    )
    project.wait_until_idle()
    assert notices(project.state) == []


def test_what_is_said_when_there_is_no_state_yet(project: Project, linked: Project) -> None:
    """Nothing can be kept then, and nothing wrong is said."""
    shutil.rmtree(project.state.path, ignore_errors=True)
    _commit(linked)
    _remove(project, linked)
    assert project.commit("the next one") == STARTS


def test_a_work_tree_whose_path_is_a_link(project: Project, tmp_path: Path) -> None:
    """It is there by another path than git has, and its edits are built, too."""
    project.remember()
    project.open_gate()
    (tmp_path / "link").symlink_to(project.repo.path)
    project.repo.write("build.sh", project.script("true\n"))
    there = Project(GitRepo(tmp_path / "link"), project.aside)
    there.git("commit", "-q", "--allow-empty", "-m", "x", PWD=str(there.repo.path))
    project.wait_for_builds(2)
