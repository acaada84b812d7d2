"""The same build asked for twice at once: it is made once, and both are answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import CONFIG, Project, processes
from tests.support import eventually

SLEEP = f"sleep 838383.{os.getpid()}"  # of this process: others run at the same time
SLOW = CONFIG.replace('"make"', f'"make && ({SLEEP} || true)"')
"""A build that goes on, and passes, once its ``sleep`` is ended."""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Project]:
    project = Project.make(tmp_path / "project", config=SLOW)
    yield project
    project.ckpt("cancel")
    _go_on()


def _under_way(builds: int = 1) -> None:
    eventually(lambda: len(processes(SLEEP)) == builds, f"{builds} builds are under way")


def _go_on() -> None:
    for pid in processes(SLEEP):
        os.kill(pid, signal.SIGKILL)


def _waits(project: Project, *arguments: str) -> subprocess.Popen[bytes]:
    """A command that has begun to wait for the build that is under way."""
    command = project.start(*arguments)
    assert command.stderr is not None
    assert command.stderr.readline() == (b"ckpt: hello: already being built; waiting for its end\n")
    return command


def _logs(project: Project) -> int:
    """How many builds were begun: each has a log of its own."""
    return len(list((project.path / ".git/ckpt/logs").iterdir()))


def test_what_the_background_builds_is_waited_for_and_its_record_answers(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    command = _waits(slow, "build", "--json", "HEAD")
    _go_on()
    out, _ = command.communicate(timeout=30)
    [result] = json.loads(out)["results"]
    assert command.returncode == 0
    assert (result["outcome"], result["cached"]) == ("passed", True)
    assert result["commit"] == slow.repo.head
    assert _logs(slow) == 1


def test_what_the_foreground_builds_is_not_built_in_the_background(slow: Project) -> None:
    command = slow.start("build")
    _under_way()
    slow.ckpt("build", "--background")
    eventually(lambda: (_running(slow) or {}).get("phase") == "waiting", "the builder waits")
    _go_on()
    command.communicate(timeout=30)
    assert command.returncode == 0
    eventually(lambda: _running(slow) is None, "the builder is done")
    assert _logs(slow) == 1


def _running(project: Project) -> dict[str, Any] | None:
    now: dict[str, Any] | None = project.ckpt("status", "--json").json()["running"]
    return now


def test_where_the_other_build_is_cancelled_this_one_takes_over(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    command = _waits(slow, "build", "--json")
    slow.ckpt("cancel")
    _under_way()
    _go_on()
    out, _ = command.communicate(timeout=30)
    [result] = json.loads(out)["results"]
    assert (result["outcome"], result["cached"]) == ("passed", False)


def test_ctrl_c_ends_the_waiting_alone(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    command = _waits(slow, "build")
    os.killpg(command.pid, signal.SIGINT)
    command.communicate(timeout=30)
    assert command.returncode == 130
    assert len(processes(SLEEP)) == 1


@pytest.mark.parametrize("option", ["--rebuild", "--clean"])
def test_what_is_asked_to_be_built_anyway_waits_for_nobody(slow: Project, option: str) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    command = slow.start("build", "--json", option)
    _under_way(2)
    _go_on()
    out, _ = command.communicate(timeout=30)
    assert not json.loads(out)["results"][0]["cached"]


def test_another_tree_is_built_at_the_same_time(slow: Project) -> None:
    slow.ckpt("build", "--background")
    _under_way()
    slow.edit("src/main.c", "return", "return 0 +")
    command = slow.start("build", "--json")
    _under_way(2)
    _go_on()
    command.communicate(timeout=30)
    assert command.returncode == 0
