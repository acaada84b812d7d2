"""What git does, step by step with real git: what is built of it, and that nothing else changes.

Each scenario is done twice, with our hooks and in a copy without: afterwards there must be no
difference but ours, and none of our processes may have touched the index.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ckpt_git.builds.background.git_operation import stop_waiting, waiting_processes
from ckpt_git.builds.context import Context
from ckpt_git.cli.commands import status, watch
from ckpt_git.git.hooks.install import install
from ckpt_git.records import pending, results
from ckpt_git.records.runs import process_started
from tests.background.project import Project
from tests.hooks.picture import picture
from tests.support import GitRepo, eventually

Act = Callable[[GitRepo], None]


@pytest.fixture
def twin(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A copy of the project without ckpt-git, in which commits get the same ids."""
    project.remember()
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "2024-01-01T12:00:00+00:00")
    monkeypatch.setenv("GIT_EDITOR", "true")
    project.repo.write(".gitignore", "ignored\n")
    _quietly(project.repo, "add", ".")
    _quietly(project.repo, "commit", "-q", "-m", "base")
    twin = GitRepo(tmp_path / "the twin's" / project.repo.path.name)
    shutil.copytree(project.repo.path, twin.path)
    shutil.rmtree(twin.path / ".git" / "hooks")
    shutil.rmtree(twin.path / ".git" / "ckpt", ignore_errors=True)
    return twin


def _quietly(repo: GitRepo, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
    return repo.git(*arguments, ok=ok, env={"CKPT_SKIP": "1"})


def _change(repo: GitRepo, name: str, content: str = "1\n") -> None:
    repo.write(name, content)
    _quietly(repo, "add", name)
    _quietly(repo, "commit", "-q", "-m", f"write {name}")


def _branch(repo: GitRepo, commits: int) -> None:
    """``side`` is that many commits ahead of the base, ``main`` one; ``main`` is checked out."""
    _quietly(repo, "checkout", "-q", "-b", "side")
    for number in range(commits):
        _change(repo, f"side {number}")
    _quietly(repo, "checkout", "-q", "main")
    _change(repo, "main's")


# -- scenarios ------------------------------------------------------------------------------------


def _commit(repo: GitRepo) -> None:
    repo.write("new file")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "change")


def _amend(repo: GitRepo) -> None:
    _change(repo, "a")
    repo.git("commit", "-q", "--amend", "-m", "said better")


def _merge(repo: GitRepo) -> None:
    _branch(repo, 2)
    repo.git("merge", "-q", "--no-edit", "side")


def _fast_forward(repo: GitRepo) -> None:
    _branch(repo, 1)
    _quietly(repo, "checkout", "-q", "-b", "behind", "side~1")
    repo.git("merge", "-q", "--ff-only", "side")


def _resolved_merge(repo: GitRepo) -> None:
    _branch(repo, 1)
    _change(repo, "side 0", "mine\n")
    repo.git("merge", "-q", "side", ok=(1,))
    repo.write("side 0", "both\n")
    repo.git("commit", "-q", "-a", "--no-edit")


def _rebase(repo: GitRepo) -> None:
    _branch(repo, 20)
    _quietly(repo, "checkout", "-q", "side")
    repo.git("rebase", "-q", "main")


def _rebase_by_mails(repo: GitRepo) -> None:
    _branch(repo, 3)
    _quietly(repo, "checkout", "-q", "side")
    repo.git("rebase", "-q", "--apply", "main")


def _rebase_with_edits_in_the_work_tree(repo: GitRepo) -> None:
    _branch(repo, 2)
    _quietly(repo, "checkout", "-q", "side")
    repo.write("side 0", "edited\n")
    repo.git("rebase", "-q", "--autostash", "main")


def _stopped_rebase(repo: GitRepo) -> None:
    """A commit in its midst isn't built; what it comes to is."""
    _branch(repo, 3)
    _change(repo, "side 1", "mine\n")
    _quietly(repo, "checkout", "-q", "side")
    repo.git("rebase", "-q", "main", ok=(1,))
    repo.write("side 1", "both\n")
    repo.git("add", ".")
    repo.git("commit", "-q", "--no-edit")
    repo.git("rebase", "--continue")


def _picks(repo: GitRepo) -> None:
    _branch(repo, 5)
    repo.git("cherry-pick", "main~1..side")


def _one_pick(repo: GitRepo) -> None:
    _branch(repo, 1)
    repo.git("cherry-pick", "side")


def _reverts(repo: GitRepo) -> None:
    _change(repo, "a")
    _change(repo, "b")
    repo.git("revert", "--no-edit", "HEAD", "HEAD~1")


def _mails(repo: GitRepo) -> None:
    _branch(repo, 3)
    _quietly(repo, "format-patch", "-q", "-o", ".git/mails", "main~1..side")
    repo.git(
        "am", "-q", *(f".git/mails/{m.name}" for m in sorted((repo.path / ".git/mails").iterdir()))
    )


def _stash(repo: GitRepo) -> None:
    repo.write("build.sh", "edited")
    repo.git("stash", "-q")
    repo.git("stash", "pop", "-q")
    repo.git("stash", "-q")


def _tags(repo: GitRepo) -> None:
    _branch(repo, 1)
    repo.git("tag", "-a", "-m", "one", "v1")
    repo.git("tag", "v2")
    repo.git("tag", "-d", "v2")
    repo.git("branch", "-q", "-D", "side")


def _checkout(repo: GitRepo) -> None:
    _branch(repo, 1)
    repo.git("checkout", "-q", "side")
    repo.git("checkout", "-q", "main", "--", ".")
    repo.git("switch", "-q", "-c", "third")


def _aborted_rebase(repo: GitRepo) -> None:
    _stop_in(repo, "rebase", "-q", "main")
    repo.git("rebase", "--abort")


def _aborted_picks(repo: GitRepo) -> None:
    """Two of them were made, each with a call of the hook, before the third stopped."""
    _stop_in(repo, "cherry-pick", "HEAD~3..side", on="main")
    repo.git("cherry-pick", "--abort")


def _aborted_merge(repo: GitRepo) -> None:
    _stop_in(repo, "merge", "-q", "main")
    repo.git("merge", "--abort")


def _squashed(repo: GitRepo) -> None:
    _branch(repo, 2)
    repo.git("merge", "-q", "--squash", "side")


def _bisected(repo: GitRepo) -> None:
    _branch(repo, 4)
    _quietly(repo, "checkout", "-q", "side")
    repo.git("bisect", "start", "HEAD", "HEAD~4")
    repo.git("bisect", "run", "false")
    repo.git("bisect", "reset")


def _stop_in(repo: GitRepo, *command: str, on: str = "side") -> None:
    _branch(repo, 3)
    _change(repo, "side 2", "mine\n")
    _quietly(repo, "checkout", "-q", on)
    command = tuple(word.replace("HEAD~3", "main~2") for word in command)
    repo.git(*command, ok=(1,))


def _skipped(repo: GitRepo) -> None:
    """In each of the ways in which that can be said."""
    repo.git("commit", "-q", "--allow-empty", "-m", "a", env={"CKPT_SKIP": "1"})
    repo.git("commit", "-q", "--allow-empty", "-m", "b", env={"SKIP": "other, ckpt-post-commit"})
    repo.git("commit", "-q", "--allow-empty", "-m", "c", env={"SKIP": "ckpt"})
    repo.git("-c", "ckpt.skip=true", "commit", "-q", "--allow-empty", "-m", "d")
    repo.git("-c", "ckpt.skip", "commit", "-q", "--allow-empty", "-m", "e")
    repo.git("config", "ckpt.skip", "yes")
    repo.git("commit", "-q", "--allow-empty", "-m", "f")


ONE = (
    _commit, _amend, _merge, _fast_forward, _resolved_merge, _rebase, _rebase_by_mails,
    _stopped_rebase, _picks, _one_pick, _reverts, _mails,
)  # fmt: skip
NONE = (
    _stash, _tags, _checkout, _aborted_rebase, _aborted_picks, _aborted_merge, _squashed,
    _bisected, _skipped,
)  # fmt: skip


@pytest.mark.parametrize("act", ONE, ids=lambda act: act.__name__)
def test_one_build_of_what_it_came_to(project: Project, twin: GitRepo, act: Act) -> None:
    project.open_gate()
    act(project.repo)
    index = _index(project.repo)
    project.wait_for_records(1)
    _wait_until_still(project)
    assert project.built() == [project.repo.tree()]
    assert results.history(project.state)[0].commit == project.repo.head
    assert _index(project.repo) == index
    act(twin)
    assert picture(project.repo) == picture(twin)


@pytest.mark.parametrize("act", NONE, ids=lambda act: act.__name__)
def test_nothing_is_built(project: Project, twin: GitRepo, act: Act) -> None:
    project.open_gate()
    act(project.repo)
    index = _index(project.repo)
    _wait_until_still(project)
    assert project.built() == []
    assert list(project.state.path.glob("pending-*")) == []
    assert _index(project.repo) == index
    act(twin)
    assert picture(project.repo) == picture(twin)


def test_what_was_stashed_for_a_rebase_is_back_before_it_is_built(
    project: Project, twin: GitRepo
) -> None:
    project.open_gate()
    _rebase_with_edits_in_the_work_tree(project.repo)
    project.wait_for_records(2)
    _wait_until_still(project)
    _rebase_with_edits_in_the_work_tree(twin)
    twin.git("add", "-A")
    assert project.built() == [twin.git("write-tree"), project.repo.tree()]


def test_of_a_partial_commit_the_edits_stay_and_its_record_is_of_it_alone(
    project: Project, twin: GitRepo
) -> None:
    def act(repo: GitRepo) -> None:
        repo.write("a", "committed\n")
        _quietly(repo, "add", "a")
        repo.write("a", "edited since\n")
        repo.write("build.sh", f"{project.script()}exit 1\n")
        repo.git("commit", "-q", "-m", "a as it was added")

    project.open_gate()
    act(project.repo)
    index = _index(project.repo)
    commit, worktree = project.wait_for_records(2)
    _wait_until_still(project)
    assert _index(project.repo) == index
    assert (commit.outcome, commit.commit, commit.tree) == (
        "passed",
        project.repo.head,
        project.repo.tree(),
    )
    assert (worktree.outcome, worktree.commit) == ("failed", None)
    act(twin)
    assert picture(project.repo) == picture(twin)


def test_a_checkout_is_built_where_that_was_asked_for(project: Project, twin: GitRepo) -> None:
    project.open_gate()
    install(project.repository, str(project.python), checkout=True)
    _checkout(project.repo)
    project.wait_for_records(2)
    _wait_until_still(project)
    tree = _work_tree(project.repo, project.aside / "index")
    assert project.built()[-2:] == [tree, project.repo.tree()]
    _checkout(twin)
    assert picture(project.repo) == picture(twin)


def test_a_pick_that_stops_is_waited_for_until_it_is_resolved(project: Project) -> None:
    project.open_gate()
    project.remember()
    _stop_in(project.repo, "cherry-pick", "HEAD~3..side", on="main")
    eventually(lambda: _waits_for(project) == ["cherry-pick"], "its process waits")
    assert project.built() == []
    project.repo.write("side 2", "both\n")
    project.repo.git("add", ".")
    project.repo.git("cherry-pick", "--continue", env={"GIT_EDITOR": "true"})
    project.wait_for_records(1)
    _wait_until_still(project)
    assert project.built() == [project.repo.tree()]


def test_one_who_waits_and_does_not_hear_is_ended_all_the_same(project: Project) -> None:
    """Python may lose what its handler of a signal raises."""
    deaf = _waiting(project, project.repository.git_dir, "")
    try:
        stopped = stop_waiting(project.repository, project.state)
        assert [one.pid for one in stopped] == [deaf.pid]
        assert deaf.wait(10) == -signal.SIGKILL
        assert not pending.mark_of(project.state, project.repository.git_dir).exists()
    finally:
        deaf.kill()
        deaf.communicate()


def test_all_who_wait_are_told_to_end_before_anyone_is_waited_for(
    project: Project, tmp_path: Path
) -> None:
    """The first one ends when the second one was told."""
    project.repo.git("worktree", "add", "--detach", str(tmp_path / "second"))
    folders = (project.repository.git_dir, project.repository.git_dir / "worktrees" / "second")
    told = tmp_path / "told"
    first = _waiting(project, folders[0], "", until=f"[ -e {told} ]")
    second = _waiting(project, folders[1], f"touch {told}; exit 8")
    try:
        stopped = stop_waiting(project.repository, project.state)
        assert [one.pid for one in stopped] == [first.pid, second.pid]
        assert [first.wait(10), second.wait(10)] == [7, 8]
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def _waiting(
    project: Project, git_dir: Path, on_signal: str, until: str = "false"
) -> subprocess.Popen[bytes]:
    """A process that is taken for one that waits for a series in that work tree. It does
    ``on_signal`` when it is told to end, and ends when ``until`` is true."""
    head = project.repo.git("rev-parse", "HEAD")
    (git_dir / "CHERRY_PICK_HEAD").write_text(f"{head}\n")
    script = f"trap '{on_signal}' TERM; echo; until {until}; do sleep .01; done; exit 7"
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    mark = pending.mark_of(project.state, git_dir)
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(f"{process.pid} {process_started(process.pid)}\n")
    return process


def test_who_waits_for_a_series_is_shown_and_can_be_cancelled(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.open_gate()
    project.remember()
    _stop_in(project.repo, "cherry-pick", "HEAD~3..side", on="main")
    eventually(lambda: _waits_for(project) == ["cherry-pick"], "its process waits")
    context = Context.open(project.repo.path)
    status.show_status(status.survey(context, ()))
    assert "waiting for the cherry-pick to end, to build" in capsys.readouterr().out
    watch.cancel(context)
    assert capsys.readouterr().out == "the result of the cherry-pick won't be built\n"
    assert (_waits_for(project), list(project.state.path.glob("pending-*"))) == ([], [])
    project.repo.git("cherry-pick", "--quit")
    _wait_until_still(project)
    assert project.built() == []
    _commit(project.repo)
    project.wait_for_records(1)


def test_a_commit_right_after_an_abort_is_built(project: Project) -> None:
    """Its hook finds a process that is still about to look, and leaves it to that."""
    project.open_gate()
    project.remember()
    project.hold.touch()
    _aborted_picks(project.repo)
    _commit(project.repo)
    project.hold.unlink()
    project.wait_for_records(1)
    _wait_until_still(project)
    assert project.built() == [project.repo.tree()]


def test_work_trees_in_parallel_each_get_theirs(project: Project, twin: GitRepo) -> None:
    """One is in the middle of a series; that is none of the other's business."""

    def act(repo: GitRepo) -> GitRepo:
        _stop_in(repo, "cherry-pick", "HEAD~3..side", on="main")
        other = GitRepo(repo.path.parent / "other wörk tree")
        _quietly(repo, "worktree", "add", "-q", str(other.path), "-b", "other", "main")
        _commit(other)
        return other

    def indexes() -> list[bytes]:
        return [_index(project.repo), *(p.read_bytes() for p in git_dir.glob("worktrees/*/index"))]

    project.open_gate()
    git_dir = project.repo.path / ".git"
    other = act(project.repo)
    before = indexes()
    project.wait_for_records(1)
    assert project.built() == [other.tree()]
    assert indexes() == before
    twins_other = act(twin)
    assert other.git("ls-files", "-sv") == twins_other.git("ls-files", "-sv")
    for repo in (project.repo, twin):
        repo.git("cherry-pick", "--abort")
    _wait_until_still(project)
    assert project.built() == [other.tree()]
    assert picture(project.repo) == picture(twin)


def _wait_until_still(project: Project) -> None:
    """A hook's process begins a moment after git has ended, and nothing shows it before."""
    time.sleep(0.3)
    eventually(lambda: not list(project.state.path.glob("pending-*")), "nobody is about to look")
    project.wait_until_idle()


def _waits_for(project: Project) -> list[str]:
    return [one.series for one in waiting_processes(project.repository, project.state)]


def _index(repo: GitRepo) -> bytes:
    return (repo.path / ".git" / "index").read_bytes()


def _work_tree(repo: GitRepo, index: Path) -> str:
    shutil.copy2(repo.path / ".git" / "index", index)
    repo.git("add", "-u", env={"GIT_INDEX_FILE": str(index)})
    return repo.git("write-tree", env={"GIT_INDEX_FILE": str(index)})
