"""``build --background``, ``watch``, ``status`` and ``cancel``, as one uses them together."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.project import CONFIG, Project, processes
from tests.support import eventually

SLEEP = f"sleep 818181.{os.getpid()}"  # of this process: others run at the same time
SLOW = CONFIG.replace('"make"', f'"make && {SLEEP}"')


@pytest.fixture
def slow(project: Project) -> Iterator[Project]:
    """The project built once, and now with a build that hangs after it has compiled."""
    project.build()
    project.repo.write("ckpt.toml", SLOW)
    yield project
    project.ckpt("cancel", code=None)


def _under_way() -> None:
    eventually(lambda: processes(SLEEP) != [], "the build is under way")


def test_it_returns_at_once_and_the_result_is_in_status_and_log(project: Project) -> None:
    done = project.ckpt("build", "--background")
    assert done.out == "building in the background; `git ckpt watch` follows it\n"
    watched = project.ckpt("watch")
    assert watched.out.startswith("=== build\ncc ")
    assert watched.err == "ckpt: passed\n"
    [package] = project.ckpt("status", "--json").json()["packages"]
    assert package["last"]["outcome"] == "passed"
    assert project.ckpt("run", "hello").out == "hello\n"
    assert project.ckpt("watch").out == "nothing is being built\n"


def test_its_json_says_what_was_asked_for_and_whether_it_is_new(slow: Project) -> None:
    done = slow.ckpt("build", "--background", "--json")
    document = done.json()
    submitted = document.pop("submitted")
    assert document == {"version": 1, "results": []}
    _under_way()
    now = slow.ckpt("status", "--json").json()["running"]
    assert submitted == {
        "packages": ["hello"],
        "tree": now["tree"],
        "commit": now["commit"],
        "new": True,
    }
    again = slow.ckpt("build", "--background", "--json").json()["submitted"]
    assert again == {**submitted, "new": False}
    assert done.err == ""


def test_what_runs_is_shown_and_can_be_cancelled(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    now = slow.ckpt("status", "--json").json()["running"]
    assert (now["package"], now["phase"]) == ("hello", "build")
    assert now["target"]["kind"] == "worktree"
    assert Path(now["log"]).exists()
    line = slow.ckpt("status").out.splitlines()[-1]
    assert line.startswith(f"building hello of tree {now['tree'][:10]}: build, for ")
    again = slow.ckpt("build", "--background")
    assert again.out == "it is being built already; `git ckpt watch` follows it\n"
    assert slow.ckpt("cancel").out == f"cancelled the build of tree {now['tree'][:10]}\n"
    assert processes(SLEEP) == []
    assert slow.ckpt("status").out.splitlines()[-1] == "nothing is being built"
    assert slow.ckpt("cancel").out == "nothing is being built\n"
    assert [r["outcome"] for r in slow.ckpt("log", "--json").json()["records"]] == ["passed"]


def test_who_watches_a_cancelled_build_is_told(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    watcher = slow.start("watch")
    assert watcher.stdout is not None
    watcher.stdout.readline()  # it watches
    slow.ckpt("cancel")
    _, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 1
    assert err == b"ckpt: cancelled\n"


def test_ctrl_c_ends_the_watching_alone(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    watcher = slow.start("watch")
    assert watcher.stdout is not None
    assert watcher.stdout.readline() == b"=== build\n", "what is printed is there at once"
    os.killpg(watcher.pid, signal.SIGINT)
    _, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 130
    assert err == b"ckpt: no longer watching; the build goes on (`git ckpt cancel` ends it)\n"
    assert processes(SLEEP) != []


def test_a_watcher_whose_reader_has_gone_ends(slow: Project) -> None:
    slow.repo.write("ckpt.toml", CONFIG.replace('"make"', '"while :; do echo x; sleep .1; done"'))
    slow.ckpt("build", "--background")
    watcher = slow.start("watch")
    assert watcher.stdout is not None
    watcher.stdout.readline()
    watcher.stdout.close()
    assert watcher.wait(30) == 0


def _fail_in_the_background(project: Project) -> None:
    """Not before somebody watches."""
    project.repo.write("ckpt.toml", CONFIG.replace('"make"', '"sleep 2 && make"'))
    project.edit("src/main.c", "return", "retrun")
    project.ckpt("build", "--background")


def test_the_errors_that_a_watcher_sees_name_the_users_files(project: Project) -> None:
    _fail_in_the_background(project)
    watched = project.ckpt("watch", code=1)
    assert f"\n{project.path}/src/main.c:2:" in watched.out
    assert watched.err.splitlines()[-1] == "ckpt: failed"


def test_a_failure_in_the_background_is_told_once_in_one_line(project: Project) -> None:
    _fail_in_the_background(project)
    project.ckpt("watch", code=1)
    eventually((project.path / ".git/ckpt/notices").exists, "there is a notice")
    told = [project.ckpt("status").err for _ in range(2)]
    [line] = [line for said in told for line in said.splitlines()]
    assert line.startswith("ckpt: hello does not build at the working tree: ")
    assert f"{project.path}/src/main.c:2:" in line
    assert "error:" in line


def test_untracked_files_are_named_once_wherever_that_is_done_first(project: Project) -> None:
    project.repo.write("forgotten.c")
    project.ckpt("build", "--background")
    project.ckpt("watch")
    eventually((project.path / ".git/ckpt/notices").exists, "there is a notice")
    told = [project.ckpt("status").err for _ in range(2)]
    assert told == [
        "ckpt: not built, as git doesn't track them: forgotten.c; `git add` those that matter\n",
        "",
    ]
    project.repo.write("another.c")
    project.ckpt("build", "--rebuild").line("track them: another.c, forgotten.c;")
    project.ckpt("build", "--background", "--rebuild")
    project.ckpt("watch")
    assert project.ckpt("status").err == ""


def test_clean_and_rebuild_hold_in_the_background_too(project: Project) -> None:
    project.build()
    project.ckpt("build", "--background", "--clean")
    project.ckpt("watch")
    [record] = project.ckpt("log", "--json").json()["records"]
    assert record["why_clean"] == "asked for with --clean"


def test_a_wrong_target_is_told_at_once(project: Project) -> None:
    done = project.ckpt("build", "--background", "nonsense", code=2)
    assert "there is no commit or tree 'nonsense'" in done.err
    assert project.ckpt("status", "--json").json()["running"] is None


def test_a_background_build_has_no_terminal(project: Project) -> None:
    """Closing the terminal that it was started from doesn't end it."""
    config = CONFIG.replace('"make"', '"make && sleep 2.8282"')
    project.repo.write("ckpt.toml", config)
    ours, theirs = pty.openpty()
    starter = project.start("build", "--background", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert starter.wait(30) == 0
    eventually(lambda: processes("sleep 2.8282") != [], "the build is under way")
    os.close(ours)
    assert project.ckpt("watch").err == "ckpt: passed\n"


def test_status_tells_that_a_build_was_killed_and_the_next_one_is_made(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    pid = slow.ckpt("status", "--json").json()["running"]["pid"]
    os.kill(pid, signal.SIGKILL)
    found = slow.ckpt("status", "--json").json()
    assert (found["last_run"]["ending"], found["running"]) == ("died", None)
    done = slow.ckpt("status")
    assert "was killed" in done.line("the background build of the working tree")
    told = done.out.splitlines()
    assert told[-2].startswith("the last build in the background, of the work tree, was killed ")
    assert told[-1] == "nothing is being built"
    eventually(lambda: processes(SLEEP) == [], "what it ran has ended with it")
    slow.repo.write("ckpt.toml", CONFIG + "timeout = 60\n")
    slow.ckpt("build", "--background")
    assert slow.ckpt("watch").err.splitlines()[-1] == "ckpt: passed"
    assert "was killed" not in slow.ckpt("status").said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a full disk")
def test_a_full_disk_is_told_of_and_the_next_commit_is_built(project: Project) -> None:
    state = project.path / ".git" / "ckpt"
    project.ckpt("install")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", state], check=True)
    try:
        fill = state / "fill"
        with suppress(OSError), fill.open("wb") as file:
            while file.write(bytes(4096)):
                pass
        environment = project.environment()
        project.repo.git("commit", "-q", "--allow-empty", "-m", "on a full disk", env=environment)
        eventually((state / "unwritten").exists, "it could not be built")
        fill.unlink()
        assert "there was no room to keep why" in project.ckpt("status").err
        project.repo.git("commit", "-q", "--allow-empty", "-m", "with room", env=environment)
        project.ckpt("watch")
        eventually(lambda: _last_commit(project) == project.repo.head, "it is built")
    finally:
        project.ckpt("cancel", code=None)
        subprocess.run(["umount", "-l", state], check=True)


def _last_commit(project: Project) -> str | None:
    [package] = project.ckpt("status", "--json").json()["packages"]
    last = package["last"]
    return None if last is None else str(last["commit"])
