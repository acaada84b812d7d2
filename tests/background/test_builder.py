"""The builder, started by real commits: fast, coalesced, one at a time, and never lost."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from ckpt_git.builds.background import builder
from ckpt_git.kept_files import decode_json
from ckpt_git.records import queue, results, runs
from ckpt_git.records.files import publish_json
from tests.background.project import CONFIG, Project
from tests.records.values import notices
from tests.support import eventually


def _wait_until_running(project: Project, builds: int = 1) -> runs.Running:
    project.wait_for_builds(builds)
    eventually(lambda: builder.running(project.state) is not None, "it is said to run")
    now = builder.running(project.state)
    assert now is not None
    return now


def test_a_commit_returns_at_once_while_its_build_goes_on(project: Project) -> None:
    began = time.monotonic()
    said = project.commit()
    assert time.monotonic() - began < 2
    assert said == "ckpt: rebuilding in the background (git ckpt watch)\n"
    now = _wait_until_running(project)
    assert now.commit == project.repo.head
    assert now.tree == project.repo.tree()
    eventually(lambda: _phase(project) == "build", "the phase is told")
    project.open_gate()
    (record,) = project.wait_for_records(1)
    assert (record.outcome, record.commit) == ("passed", project.repo.head)
    project.wait_until_idle()
    assert builder.running(project.state) is None


def _phase(project: Project) -> str | None:
    now = builder.running(project.state)
    return None if now is None else now.phase


def test_a_builder_has_no_terminal_no_descriptor_and_low_priority(project: Project) -> None:
    # Descriptor 200 is beyond what a shell can close: the idiom of a lock around a command.
    reading, writing = os.pipe()
    os.dup2(writing, 200, inheritable=True)
    try:
        project.repo.git("config", "ckpt.nice", "12")
        project.repo.git("config", "ckpt.ioClass", "idle")
        top = shlex.quote(str(project.repo.path))
        os.system(f"cd {top} && git commit -q --allow-empty -m x 2>/dev/null")
    finally:
        os.close(200)
        os.close(writing)
    now = _wait_until_running(project)
    assert os.read(reading, 1) == b"", "the pipe's end is reached: nobody holds it open"
    os.close(reading)
    assert os.getsid(now.pid) == now.pid
    lower = min(os.getpriority(os.PRIO_PROCESS, 0) + 12, 19)
    assert os.getpriority(os.PRIO_PROCESS, now.pid) == lower
    assert _io_class(now.pid) == "idle"
    assert Path(f"/proc/{now.pid}/cwd").readlink() == project.repo.path


def _io_class(pid: int) -> str:
    told = subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def test_reading_and_writing_have_the_lowest_priority_unless_it_is_said_otherwise(
    project: Project,
) -> None:
    project.commit()
    assert _io_class(_wait_until_running(project).pid) == "best-effort: prio 7"
    project.repo.git("config", "ckpt.ioClass", "none at all")
    project.commit(a="2")
    eventually(lambda: notices(project.state) != [], "it is told")
    (notice,) = project.state.take_notices()
    assert "ckpt.ioClass is `none at all`; choose one of: best-effort, idle, none" in notice


def test_commits_during_a_build_are_coalesced_to_the_newest(project: Project) -> None:
    project.commit(a="0")
    project.wait_for_builds(1)
    for number in range(1, 5):
        project.commit(a=str(number))
        eventually(lambda: _waits_for(project, project.repo.tree()), "the request waits")
    project.open_gate()
    project.wait_for_records(2)
    project.wait_until_idle()
    assert project.built() == [project.repo.tree("HEAD~4"), project.repo.tree()]


def _waits_for(project: Project, tree: str) -> bool:
    return [request.wanted[0].tree for request in queue.waiting(project.state)] == [tree]


def test_a_storm_of_commits_starts_one_process_that_sees_the_last(project: Project) -> None:
    project.open_gate()
    project.hold.touch()
    project.commit(a="0")
    marks = project.state.path.glob
    # The process says itself that it is about to look; the hook doesn't wait for that.
    eventually(lambda: any(mark.read_text() for mark in marks("pending-*")), "one says so")
    for number in range(1, 10):
        project.commit(a=str(number))
    project.hold.unlink()
    project.wait_for_records(1)
    project.wait_until_idle()
    assert project.starts() == 1
    assert project.built() == [project.repo.tree()]


def test_a_process_that_died_before_it_looked_is_not_waited_for(project: Project) -> None:
    project.open_gate()
    project.hold.touch()
    project.commit(a="1")
    eventually(lambda: project.processes() != [], "it is about to start")
    project.kill()
    project.hold.unlink()
    project.commit(a="2")
    assert project.wait_for_records(1)[0].commit == project.repo.head


def test_a_pid_of_somebody_else_does_not_keep_a_commit_from_being_built(project: Project) -> None:
    project.open_gate()
    (project.state.path / "pending-.git").write_text(f"{os.getpid()}\n")
    project.commit()
    assert project.wait_for_records(1)[0].commit == project.repo.head


def test_what_runs_already_is_not_built_again(project: Project) -> None:
    project.commit()
    now = _wait_until_running(project)
    project.hook("post-commit", "--detached")
    project.hook("post-commit")
    # The commit's own, two that were called, and the one that the last of these started.
    eventually(lambda: project.starts() == 4, "all have started")
    eventually(lambda: _builders(project) == [now.pid], "the others have looked")
    assert queue.waiting(project.state) == []
    project.open_gate()
    project.wait_until_idle()
    assert len(project.built()) == 1


def _builders(project: Project) -> list[int]:
    """The processes that build, or may find something to build."""
    found = []
    for pid in project.processes():
        with suppress(OSError):
            if b"--detached" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_edits_that_are_not_committed_are_built_first_then_the_commit(project: Project) -> None:
    project.open_gate()
    project.repo.write("a", "committed")
    project.repo.git("add", "a")
    project.repo.write("build.sh", project.script("exit 1\n"))
    project.git("commit", "-q", "-m", "a alone", "a")
    commit, worktree = project.wait_for_records(2)
    assert (worktree.outcome, worktree.commit) == ("failed", None)
    assert (commit.outcome, commit.commit) == ("passed", project.repo.head)
    assert project.built() == [worktree.tree, project.repo.tree()]
    assert project.repo.git("diff", "--name-only") == "build.sh"


def test_the_commit_alone_is_built_where_the_configuration_says_so(project: Project) -> None:
    project.open_gate()
    project.repo.write("ckpt.toml", 'on_commit = "commit"\n' + CONFIG)
    project.repo.git("add", ".")
    project.repo.write("build.sh", "exit 1\n")
    project.git("commit", "-q", "-m", "x")
    (record,) = project.wait_for_records(1)
    project.wait_until_idle()
    assert (record.outcome, record.commit) == ("passed", project.repo.head)
    assert project.built() == [project.repo.tree()]


def test_a_note_on_the_commit_says_how_its_build_ended(project: Project) -> None:
    project.open_gate()
    project.commit(ckpt_toml="notes = true\n" + CONFIG)
    passed = project.repo.head
    project.wait_for_records(1)
    project.wait_until_idle()
    project.commit(build_sh="exit 1\n")
    project.wait_for_records(2)
    project.wait_until_idle()
    notes = project.repo.git("log", "--notes=ckpt", "--format=%H %N").split("\n")
    assert f"{passed} app: passed, clean, 0.0 s" in notes
    assert f"{project.repo.head} app: failed, clean, 0.0 s" in notes


def test_two_work_trees_share_one_builder_and_each_gets_its_build(project: Project) -> None:
    other = project.repo.path.parent / "other wörk tree"
    project.repo.git("worktree", "add", "-q", str(other), "-b", "other")
    project.commit(a="1")
    project.wait_for_builds(1)
    there = Project(type(project.repo)(other), project.aside)
    there.commit(a="2")
    eventually(lambda: _waits_for(project, there.repo.tree()), "the other's request waits")
    assert len(project.built()) == 1
    project.open_gate()
    records = project.wait_for_records(2)
    assert [record.commit for record in records] == [there.repo.head, project.repo.head]


def test_submitters_at_the_same_time_lose_nothing_and_build_nothing_at_once(
    project: Project,
) -> None:
    project.repo.write("build.sh", _ALONE.format(lock=shlex.quote(str(project.aside / "lock"))))
    project.repo.commit("a build that fails where another one runs")
    project.open_gate()
    project.wait_until_idle()
    trees = []
    for number in range(3):
        top = project.repo.path.parent / f"tree {number}"
        project.repo.git("worktree", "add", "-q", str(top), "-b", f"b{number}")
        trees.append(Project(type(project.repo)(top), project.aside))
    threads = [threading.Thread(target=tree.commit, kwargs={"a": str(tree)}) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = project.wait_for_records(4)
    assert {record.tree for record in records} >= {tree.repo.tree() for tree in trees}
    assert {record.outcome for record in records} == {"passed"}


_ALONE = """mkdir {lock} || exit 1
sleep 0.2
rmdir {lock}
"""


def test_a_failing_build_is_told_once_at_the_next_commit(project: Project) -> None:
    project.open_gate()
    project.commit(build_sh=project.script("exit 1\n"))
    failed = project.repo.head
    project.wait_for_records(1)
    project.wait_until_idle()
    said = project.commit(build_sh=project.script())
    assert said.splitlines()[0] == (
        f"ckpt: app does not build at {failed[:10]}: main.c:1: error: expected `;`;"
        " `git ckpt log` shows more"
    )
    project.wait_for_records(2)
    project.wait_until_idle()
    assert "does not build" not in project.commit(a="3")


def test_a_killed_builder_is_told_once_and_the_next_commit_is_built(project: Project) -> None:
    project.commit(a="1")
    now = _wait_until_running(project)
    os.kill(now.pid, signal.SIGKILL)
    eventually(lambda: builder.running(project.state) is None, "it is known to be dead")
    assert builder.running(project.state) is None
    (notice,) = notices(project.state)
    assert now.commit is not None
    assert now.commit[:10] in notice
    assert "was killed" in notice
    project.open_gate()
    said = project.commit(a="2")
    assert said.count("was killed") == 1
    project.wait_for_records(1)
    assert results.history(project.state)[0].commit == project.repo.head
    assert notices(project.state) == []


def test_after_a_reboot_a_pid_that_is_somebody_elses_is_not_taken_for_the_builder(
    project: Project,
) -> None:
    project.commit(a="1")
    now = _wait_until_running(project)
    project.kill()
    project.wait_until_idle()
    running = project.state.path / "running.json"
    publish_json(running, {**decode_json(running.read_bytes()), "pid": os.getpid()})
    (project.state.path / "pending-.git").write_text(f"{os.getpid()}\n")
    project.open_gate()
    said = project.commit(a="2")
    assert project.wait_for_records(1)[0].commit == project.repo.head
    told = [*said.splitlines(), *notices(project.state)]
    assert [line for line in told if "was killed" in line and str(now.commit)[:10] in line] != []


def test_a_builder_killed_at_any_moment_leaves_the_next_one_able_to_work(
    project: Project,
) -> None:
    project.open_gate()
    for delay in (0.0, 0.05, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3):
        project.commit(a=str(delay))
        time.sleep(delay)
        project.kill()
        project.wait_until_idle()
    project.commit(a="the last")
    eventually(lambda: _is_recorded(project, project.repo.tree()), "the last commit is built")
    project.wait_until_idle()
    assert builder.running(project.state) is None
    assert queue.waiting(project.state) == []


def _is_recorded(project: Project, tree: str) -> bool:
    return any(record.tree == tree for record in results.history(project.state))


def test_an_exception_in_the_builder_becomes_a_notice(project: Project) -> None:
    project.open_gate()
    project.repo.remove("build.sh")
    project.commit()
    eventually(lambda: notices(project.state) != [], "a notice is posted")
    (notice,) = project.state.take_notices()
    assert "AssertionError: the tree has no build.sh" in notice
    assert "errors.log" in notice
    assert "Traceback" in (project.state.path / "errors.log").read_text()
    project.commit(build_sh=project.script())
    project.wait_for_records(1)


def test_a_configuration_that_cannot_be_read_becomes_a_notice(project: Project) -> None:
    project.commit(ckpt_toml="[package.app\n")
    eventually(lambda: notices(project.state) != [], "a notice is posted")
    (notice,) = project.state.take_notices()
    assert "ckpt.toml" in notice
    assert "Traceback" not in notice
    assert not (project.state.path / "errors.log").exists()


def test_what_git_does_not_track_is_named_once_at_the_next_commit(project: Project) -> None:
    project.open_gate()
    project.repo.write(".git/info/exclude", "ignored\n")
    for name in ("forgotten.c", "ignored"):
        project.repo.write(name)
    told = [_built(project, number) for number in (1, 2, 3)]
    assert [said.count("not built, as git doesn't track them") for said in told] == [0, 1, 0]
    assert told[1].splitlines()[0] == (
        "ckpt: not built, as git doesn't track them: forgotten.c; `git add` those that matter"
    )
    project.repo.write("another.c")
    told = [_built(project, number) for number in (4, 5)]
    assert "track them: another.c, forgotten.c;" in told[1]


def test_what_a_build_of_the_commit_alone_leaves_out_is_not_named(project: Project) -> None:
    project.open_gate()
    project.commit(ckpt_toml='on_commit = "commit"\n' + CONFIG)
    project.wait_for_records(1)
    project.repo.write("forgotten.c")
    assert "track them" not in _built(project, 2) + _built(project, 3)


def _built(project: Project, number: int) -> str:
    """What git and its hooks said at a commit with a change, whose build has ended since."""
    project.repo.write("build.sh", project.script(f"# {number}\n"))
    said = project.git("commit", "-q", "-a", "-m", "change")
    project.wait_for_records(number)
    project.wait_until_idle()
    return said
