"""What runs now: told apart from what only seems to, by lock and by the process's start."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ckpt_git.records import results, runs
from ckpt_git.records.files import publish
from ckpt_git.records.lock import exclusive
from ckpt_git.records.runs import ALIVE, Progress, Running
from ckpt_git.records.state import State
from tests.records.values import a_request


def _nobody_died(run: Running) -> None:
    pytest.fail(f"{run} is said to have died")


def test_a_run_is_seen_with_all_it_is_at(state: State) -> None:
    with exclusive(state.lock(ALIVE)):
        progress = Progress(state, a_request("a", "b"))
        progress.target(progress.now.request.wanted[1])
        progress.log("app", results.new_log(state, "app"))
        progress.phase("build")
        seen = runs.running(state, _nobody_died)
        assert seen == progress.now
        assert (seen.tree, seen.package, seen.phase) == ("b", "app", "build")
        progress.end("passed")
        assert runs.running(state, _nobody_died) is None
    ended = runs.ended(state, progress.now.id)
    assert ended is not None
    assert (ended.ending, ended.logs) == ("passed", progress.now.logs)


def test_a_pid_that_is_somebody_elses_by_now_is_not_a_run(state: State) -> None:
    run = Progress(state, a_request()).now
    assert run.pid == os.getpid()
    assert runs.lives(run)
    assert not runs.lives(replace(run, pid_started=1))


def test_a_run_without_its_lock_is_dead_though_the_pid_lives_and_is_told_once(
    state: State,
) -> None:
    run = Progress(state, a_request()).now
    died: list[Running] = []
    assert runs.running(state, died.append) is None
    assert runs.running(state, died.append) is None
    assert died == [run]
    ended = runs.ended(state, run.id)
    assert ended is not None
    assert ended.ending == "died"


def test_looking_at_a_state_that_was_never_used_leaves_it_unmade(state: State) -> None:
    assert runs.running(state, _nobody_died) is None
    assert not state.path.exists()


def test_a_damaged_file_is_no_run(state: State) -> None:
    publish(state.path / "running.json", b'{"pid": 1}')
    assert runs.running(state, _nobody_died) is None
