"""The clock is set forth or back between builds and during them: what is built stays right."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ckpt_git.git.repository import Repository
from ckpt_git.git.worktree.temporary import scratch_folder
from ckpt_git.records import results
from ckpt_git.records.state import State
from tests.cli.project import COMMAND, TWO_TEXTS, TWO_TEXTS_CONFIG, Project
from tests.records.values import a_record
from tests.support import clock_set, eventually


@dataclass(frozen=True)
class Clock:
    """A project, and a clock that was set by ``jump``; where it is ``steady``, not the one that
    counts from the machine's start."""

    project: Project
    jump: str
    steady: bool

    def run(self, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a program under that clock: it ends soon, and not by a defect of ours."""
        env = self.project.environment() | clock_set(self.jump)
        if self.steady:
            env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        done = subprocess.run(
            command,
            cwd=self.project.path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert "defect" not in said, said
        assert done.returncode == code, said
        return done

    def ckpt(self, *arguments: str) -> str:
        """What a command prints on its standard output."""
        return self.run(*COMMAND, *arguments).stdout

    def gives(self, *arguments: str) -> str:
        return _installed(self.ckpt("build", "--json", *arguments))


def _installed(said: str) -> str:
    [result] = json.loads(said)["results"]
    return (Path(result["out"]) / "a.out").read_text()


def _now(project: Project, *arguments: str) -> str:
    """What a build under the right clock installs."""
    return _installed(project.ckpt("build", "--json", *arguments).out)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.make(tmp_path / "project", TWO_TEXTS, TWO_TEXTS_CONFIG)


@pytest.fixture(params=["+1h", "-1h", "+400d", "-400d"])
def jump(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["all clocks", "but the steady one"])
def clock(project: Project, jump: str, request: pytest.FixtureRequest) -> Clock:
    if shutil.which("faketime") is None:
        pytest.skip("needs faketime")
    return Clock(project, jump, request.param)


def test_between_builds(clock: Clock) -> None:
    project = clock.project
    assert _now(project) == "ONE\n"
    for word in ("three", "four"):
        project.repo.write("a.txt", f"{word} then\n")
        assert clock.gives() == f"{word} then\n".upper()
        assert (Path(clock.ckpt("path").strip()) / "a.out").read_text() == clock.gives()
        project.repo.write("a.txt", f"{word} now\n")
        assert _now(project) == f"{word} now\n".upper()
        assert (Path(project.ckpt("path").out.strip()) / "a.out").read_text() == _now(project)
        json.loads(clock.ckpt("status", "--json"))
        for command in ("verify", "gc", "log"):
            clock.ckpt(command)
            project.ckpt(command)
    assert _now(project) == _now(project, "--clean") == "FOUR NOW\n"


def test_commits_while_the_clock_is_another(clock: Clock) -> None:
    project = clock.project
    project.ckpt("build")
    project.ckpt("install")
    project.repo.write("a.txt", "three\n")
    project.repo.git("commit", "-q", "-a", "-m", "x", env=project.environment())
    clock.run(*COMMAND, "watch")
    assert clock.gives("HEAD") == "THREE\n"
    project.repo.write("a.txt", "four\n")
    clock.run("git", "commit", "-q", "-a", "-m", "x")
    project.ckpt("watch")
    assert _now(project, "HEAD") == "FOUR\n"
    assert json.loads(project.ckpt("build", "HEAD", "--json").out)["results"][0]["cached"]
    for command in ("gc", "cancel"):
        clock.ckpt(command)
        project.ckpt(command)
    assert _now(project) == "FOUR\n"


def test_watch_and_cancel_find_what_is_built(clock: Clock) -> None:
    project = clock.project
    project.repo.write("ckpt.toml", TWO_TEXTS_CONFIG.replace('"make"', '"sleep 2; make"', 1))
    project.repo.git("commit", "-q", "-a", "-m", "slow")
    project.ckpt("build", "--background")
    assert "passed" in clock.run(*COMMAND, "watch").stderr
    project.repo.write("ckpt.toml", TWO_TEXTS_CONFIG.replace('"make"', '"sleep 20; make"', 1))
    project.ckpt("build", "--background")
    eventually((project.path / ".git" / "ckpt" / "running.json").exists, "it is built")
    assert "cancelled" in clock.ckpt("cancel")
    assert "nothing is being built" in project.ckpt("cancel").out


def test_what_is_made_under_a_clock_that_was_set_back_is_the_newest(tmp_path: Path) -> None:
    state = State(tmp_path)
    results.save(state, a_record(key="then", finished=time.time() + 400 * 86400))
    results.save(state, a_record(key="now", finished=time.time()))
    assert [record.key for record in results.history(state)] == ["now", "then"]
    results.touch(state, results.history(state)[1])
    assert [record.key for record in results.history(state)] == ["then", "now"]


def test_a_new_log_stays_though_all_others_are_of_a_time_to_come(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for number in range(300):
        (tmp_path / "logs" / f"29990101-{number:06}.000000-p.log").touch()
    assert results.new_log(State(tmp_path), "p").exists()


def test_what_a_process_is_at_is_not_stale_however_old_it_looks(project: Project) -> None:
    repo = Repository.discover(project.path)
    with scratch_folder(repo) as ours:
        os.utime(ours, (1, 1))
        with scratch_folder(repo):
            assert ours.exists()
    assert not ours.exists()


def test_what_a_killed_process_left_goes_at_once_whatever_its_date(project: Project) -> None:
    repo = Repository.discover(project.path)
    with scratch_folder(repo) as ours:
        left = ours.with_name("1-1")
        (left / "empty").mkdir(parents=True)
        (left / "index").touch()
    with scratch_folder(repo) as ours:
        assert list(ours.parent.iterdir()) == [ours]
