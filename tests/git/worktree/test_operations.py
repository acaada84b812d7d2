"""What git is in the middle of, with git itself stopped there."""

from __future__ import annotations

import pytest

from ckpt_git.git.repository import Repository
from tests.support import GitRepo


@pytest.fixture
def torn(repo: GitRepo) -> GitRepo:
    """Two branches, ``side`` with two commits, that conflict in the Makefile."""
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side 1", {"Makefile": "side 1\n"})
    repo.commit("side 2", {"Makefile": "side 2\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"Makefile": "main\n"})
    return repo


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["merge", "side"], "merge"),
        (["rebase", "side"], "rebase"),
        (["rebase", "--apply", "side"], "rebase"),
        (["cherry-pick", "side"], "cherry-pick"),
        (["cherry-pick", "side~2..side"], "cherry-pick"),
        (["revert", "--no-edit", "HEAD~1"], "revert"),
    ],
)
def test_stopped_by_a_conflict(torn: GitRepo, command: list[str], name: str) -> None:
    torn.commit("again", {"Makefile": "main again\n"})
    found = Repository.discover(torn.path)
    assert found.in_progress() is None
    torn.git(*command, ok=(1, 128))
    assert found.in_progress() == name
    torn.git(name, "--abort")
    assert found.in_progress() is None


def test_applying_mails(torn: GitRepo) -> None:
    mail = torn.git("format-patch", "--stdout", "-1", "side")
    torn.git("am", stdin=mail.encode(), ok=(128,))
    assert Repository.discover(torn.path).in_progress() == "am"


def test_bisecting(torn: GitRepo) -> None:
    torn.git("bisect", "start", "side", "main~1")
    assert Repository.discover(torn.path).in_progress() == "bisect"


def test_between_two_picks(torn: GitRepo) -> None:
    """The one that stopped is committed, the rest is still to come."""
    torn.git("cherry-pick", "side~2..side", ok=(1,))
    torn.write("Makefile", "solved\n")
    torn.git("commit", "-q", "--all", "-m", "solved")
    assert not (torn.path / ".git/CHERRY_PICK_HEAD").exists()
    assert Repository.discover(torn.path).in_progress() == "cherry-pick"


def test_each_worktree_by_itself(torn: GitRepo) -> None:
    linked = torn.path.parent / "linked"
    torn.git("worktree", "add", "-q", str(linked), "side")
    GitRepo(linked).git("rebase", "main", ok=(1,))
    assert Repository.discover(linked).in_progress() == "rebase"
    assert Repository.discover(torn.path).in_progress() is None
