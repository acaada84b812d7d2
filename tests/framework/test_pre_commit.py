"""Each event through the real pre-commit, with the entry that ``git ckpt init`` writes."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ckpt_git.builds.background.builder import running
from ckpt_git.records import results
from tests.framework.conftest import BROKEN, BUILD, CONFIG, THEIRS, Managed, without_ckpt
from tests.hooks.picture import picture
from tests.support import GitRepo, eventually

ALONE = "ckpt: rebuilding the commit alone in the background (git ckpt watch)"


@pytest.fixture(autouse=True)
def same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "2024-01-01T12:00:00+00:00")
    monkeypatch.setenv("GIT_EDITOR", "true")


def test_init_adds_an_entry_and_keeps_the_form_of_the_file(managed: Managed) -> None:
    said = managed.project.ckpt("init").out
    config = managed.repo.path / ".pre-commit-config.yaml"
    written = config.read_text()
    assert written.startswith(THEIRS)
    assert written.count("id: ckpt-") == 4
    assert f"added the hooks to {config}" in said
    assert "git add .pre-commit-config.yaml" in said
    hooks = {path.name for path in (managed.repo.path / ".git/hooks").iterdir()}
    assert {"post-commit", "post-merge", "post-rewrite", "pre-push"} <= hooks
    assert "the hooks are in" in managed.project.ckpt("init").out
    assert config.read_text() == written
    findings = managed.project.ckpt("doctor", "--json", code=None).json()["findings"]
    assert [f["level"] for f in findings if f["subject"] == "hooks"] == ["fine"]


def test_init_says_what_it_can_not_do(managed: Managed) -> None:
    config = managed.repo.write(".pre-commit-config.yaml", "repos: []\n")
    said = managed.project.ckpt("init", code=2).line("no list of `repos`")
    assert "add ckpt-git's repository" in said
    assert config.read_text() == "repos: []\n"
    managed.repo.write(".pre-commit-config.yaml", THEIRS)
    managed.repo.git("config", "core.hooksPath", "hooks")
    said = managed.project.ckpt("init", code=2).line("pre-commit can't install its hooks:")
    assert "core.hooksPath" in said
    assert "pre-commit install -t post-commit -t" in said


def test_of_a_partial_commit_the_edits_stay_and_it_alone_is_built(
    pre_commit: Managed, tmp_path: Path
) -> None:
    def act(repo: GitRepo, git: Managed | None = None) -> str:
        repo.write("in.txt", "committed\n")
        repo.git("add", "in.txt")
        repo.write("in.txt", "edited\n")
        repo.write("build.sh", BROKEN)
        if git is None:
            repo.git("commit", "-q", "-m", "in.txt alone")
            return ""
        return git.git("commit", "-q", "-m", "in.txt alone").said

    twin = without_ckpt(pre_commit, tmp_path / "twin")
    said = act(pre_commit.repo, pre_commit)
    index = (pre_commit.repo.path / ".git/index").read_bytes()
    assert ALONE in said
    [record] = pre_commit.records(1)
    assert (record.outcome, record.tree) == ("passed", pre_commit.repo.tree())
    assert record.commit == pre_commit.repo.head
    assert (pre_commit.repo.path / ".git/index").read_bytes() == index
    act(twin)
    assert picture(pre_commit.repo) == picture(twin)


def test_a_commit_is_not_kept_waiting_and_an_amended_message_costs_nothing(
    pre_commit: Managed,
) -> None:
    pre_commit.repo.write("build.sh", f"sleep 1.5\n{BUILD}")
    pre_commit.git("commit", "-q", "-a", "-m", "slow")  # returns when nobody holds its pipes
    eventually(lambda: running(pre_commit.state) is not None, "it is built when git has ended")
    pre_commit.records(1)
    said = pre_commit.git("commit", "-q", "--amend", "-m", "said better").said
    assert said.count(ALONE) == 1, "post-rewrite is called for this, too"
    pre_commit.still()
    eventually(lambda: results.history(pre_commit.state)[0].tree == pre_commit.repo.tree(), "known")
    assert pre_commit.builds() == 1


def test_a_merge_and_a_rebase_are_each_built_once(pre_commit: Managed, tmp_path: Path) -> None:
    for branch, commits in (("one", 1), ("two", 20)):
        _branch(pre_commit.repo, branch, commits)
    twin = without_ckpt(pre_commit, tmp_path / "twin")
    said = pre_commit.git("rebase", "-q", "one").said
    assert said.count("ckpt: rebuilding") == 1
    [record] = pre_commit.records(1)
    assert (record.tree, record.commit) == (pre_commit.repo.tree(), pre_commit.repo.head)
    pre_commit.git("checkout", "-q", "main")
    pre_commit.git("merge", "-q", "--no-ff", "--no-edit", "one")
    assert pre_commit.records(2)[0].commit == pre_commit.repo.head
    assert pre_commit.builds() == 2
    for command in (
        ("rebase", "-q", "one"),
        ("checkout", "-q", "main"),
        ("merge", "-q", "--no-ff", "--no-edit", "one"),
    ):
        twin.git(*command)
    assert picture(pre_commit.repo) == picture(twin)


def test_each_other_event_leaves_what_it_leaves_without_us(
    pre_commit: Managed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One repository for all of them: they take seconds to make, and a failure names its event."""
    for name, value in pre_commit.project.environment().items():
        monkeypatch.setenv(name, value)  # the hooks' too
    _branch(pre_commit.repo, "side", 3)
    pre_commit.repo.git("checkout", "-q", "main")
    twin = without_ckpt(pre_commit, tmp_path / "twin")
    for act, builds in ((_amend, 1), (_picks, 1), (_stash, 0), (_tags, 0), (_work_trees, 2)):
        wanted = pre_commit.builds() + builds
        act(pre_commit.repo)
        index = (pre_commit.repo.path / ".git/index").read_bytes()
        pre_commit.builds_come_to(wanted)
        assert (pre_commit.repo.path / ".git/index").read_bytes() == index, act.__name__
        act(twin)
        assert picture(pre_commit.repo) == picture(twin), act.__name__


def _branch(repo: GitRepo, name: str, commits: int) -> None:
    """Check out a new branch of ``main`` with so many commits, of which no hook is told."""
    repo.git("checkout", "-q", "-b", name, "main")
    for number in range(commits):
        repo.write(f"{name} {number}")
        repo.git("add", ".")
        repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "x")


def _amend(repo: GitRepo) -> None:
    repo.write("in.txt", "amended\n")
    repo.git("commit", "-q", "-a", "--amend", "-m", "said better")


def _picks(repo: GitRepo) -> None:
    repo.git("cherry-pick", "side~3..side")


def _stash(repo: GitRepo) -> None:
    repo.write("in.txt", "edited\n")
    repo.git("stash", "-q")
    repo.git("stash", "pop", "-q")
    repo.git("stash", "-q")


def _tags(repo: GitRepo) -> None:
    repo.git("tag", "-a", "-m", "one", "v1")
    repo.git("tag", "v2")
    repo.git("tag", "-d", "v2")
    repo.git("branch", "-q", "-D", "side")


def _work_trees(repo: GitRepo) -> None:
    """A commit in each of two, at the same time."""
    others = [GitRepo(repo.path.parent / name) for name in ("left", "right")]
    for other in others:
        repo.git("worktree", "add", "-q", "-b", other.path.name, str(other.path))
        other.write("in.txt", f"{other.path.name}\n")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda other: other.git("commit", "-q", "-a", "-m", "x"), others))


def test_a_push_validates_the_first_ref_and_says_so(pre_commit: Managed) -> None:
    repo = pre_commit.repo
    repo.git("branch", "good")
    repo.write("build.sh", BROKEN)
    pre_commit.git("commit", "-q", "-a", "-m", "broken", CKPT_SKIP="1")
    said = pre_commit.git("push", "origin", "main", "good", code=1).said
    assert "validating main alone: pre-commit tells hooks one ref of a push" in said
    assert "push refused: app does not build" in said
    said = pre_commit.git("push", "origin", "good", "main:other").said
    assert "validating good alone" in said
    assert pre_commit.remote.git("rev-parse", "other") == repo.head
    repo.git("checkout", "-q", "good")
    repo.git("tag", "-a", "-m", "one", "v1")
    pre_commit.git("push", "origin", "v1", ":other")
    said = pre_commit.git("push", "origin", "main:good", code=1).said
    assert "push refused: app does not build" in said
    pre_commit.git("push", "origin", "main:good", SKIP="ckpt-pre-push")


def test_a_push_leaves_what_it_leaves_without_us(pre_commit: Managed, tmp_path: Path) -> None:
    """One that is refused; then a branch, a tag and a deletion, with edits that are not staged."""
    repo, remote = pre_commit.repo, pre_commit.remote
    repo.git("remote", "set-url", "origin", f"../{remote.path.name}")
    repo.git("tag", "-a", "-m", "one", "v1")
    repo.git("branch", "good")
    repo.write("build.sh", BROKEN)
    pre_commit.git("commit", "-q", "-a", "-m", "broken", CKPT_SKIP="1")
    repo.write("in.txt", "staged\n")
    repo.git("add", ".")
    repo.write("in.txt", "edited\n")
    twin = without_ckpt(pre_commit, tmp_path / "twin")
    twins_remote = GitRepo(twin.path.parent / remote.path.name)
    shutil.copytree(remote.path, twins_remote.path)
    for refs, code in (
        (("main", "good"), 1),
        (("-u", "good", "v1", "good:other"), 0),
        (("--delete", "other", "v1"), 0),
    ):
        pre_commit.git("push", "-q", "origin", *refs, code=code)
        if code == 0:
            twin.git("push", "-q", "origin", *refs)
        assert picture(repo) == picture(twin), refs
        assert remote.git("for-each-ref") == twins_remote.git("for-each-ref")
    assert pre_commit.builds() > 0


def test_ours_beside_theirs_is_run_once_each_way_round(pre_commit: Managed) -> None:
    """``git ckpt install`` chains pre-commit's hook; ``pre-commit install`` then moves ours."""
    pre_commit.project.ckpt("install")
    pre_commit.run("pre-commit", "install", "-t", "pre-push", "-t", "post-commit")
    said = pre_commit.git("push", "origin", "main").said
    assert "migration mode" not in said
    assert said.count("can be pushed") + said.count(" builds (") == 2, said
    pre_commit.repo.write("in.txt", "2\n")
    pre_commit.git("commit", "-q", "-a", "-m", "x")
    pre_commit.records(2)
    assert pre_commit.builds() == 2
    pre_commit.project.ckpt("uninstall")
    hooks = {path.name for path in (pre_commit.repo.path / ".git/hooks").iterdir()}
    assert {name for name in hooks if not name.endswith(".sample")} == {
        "post-commit", "post-merge", "post-rewrite", "pre-push",
    }  # fmt: skip
    pre_commit.git("commit", "-q", "--allow-empty", "-m", "y")


def test_a_configuration_that_is_not_theirs_to_run_is_no_obstacle(pre_commit: Managed) -> None:
    pre_commit.repo.write("ckpt.toml", CONFIG.replace("build.sh", "nothing.sh"))
    pre_commit.git("commit", "-q", "-a", "-m", "broken")
    assert pre_commit.records(1)[0].outcome == "failed"
    said = pre_commit.git("commit", "-q", "--allow-empty", "-m", "x").said
    assert "app does not build at" in said
