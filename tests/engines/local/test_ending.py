"""However a build ends, nothing that it started goes on, and the log holds what it printed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ckpt_git.engines.protocol import Realisation
from ckpt_git.records import results
from tests.engines.people import Person, record_of
from tests.engines.project import Project, log, python

_PATIENCE = 20.0  # seconds

# What a build may leave behind: a child, one that has moved to another session, one that has
# closed everything it was given, and one that won't be asked.
_LEAVERS = """\
(exec -a {name}-child sleep 1000) &
setsid bash -c 'exec -a {name}-session sleep 1000' &
setsid bash -c 'exec >/dev/null 2>&1 </dev/null; exec -a {name}-daemon sleep 1000' &
setsid bash -c 'trap "" TERM HUP INT; while :; do (exec -a {name}-stubborn sleep 1000); done' &
"""
_NUMBER_OF_LEAVERS = 4


@pytest.fixture
def name(tmp_path: Path) -> str:
    """What the processes of this test are called, as nothing else on this machine is."""
    return f"ckpt-{os.getpid()}-{tmp_path.name[-12:]}"


def _running(name: str) -> dict[int, str]:
    """The processes that are called so, and their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if command.startswith(name):
                found[int(folder.name)] = command
    return found


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it didn't happen"
        time.sleep(0.02)


def _wait_until_started(name: str) -> None:
    _wait_until(lambda: len(_running(name)) >= _NUMBER_OF_LEAVERS)


@pytest.mark.parametrize("code", [0, 3])
def test_nothing_is_left_running_when_a_build_ends(
    in_each_sandbox: Project, name: str, code: int
) -> None:
    project = in_each_sandbox
    project.toml(_LEAVERS.format(name=name) + f"sleep 0.2; echo started; exit {code}", install="")
    record = project.build()
    assert record.passed == (code == 0)
    assert "started" in log(record)
    assert not _running(name)


def test_hundreds_of_processes_are_ended(in_each_sandbox: Project, name: str) -> None:
    project = in_each_sandbox
    many = f"for i in $(seq 300); do setsid bash -c 'exec -a {name} sleep 1000' & done; sleep 0.1"
    project.toml(many, install="")
    assert project.build().passed
    assert not _running(name)


@pytest.fixture
def hanging(
    in_each_sandbox: Project, name: str
) -> Iterator[tuple[Project, subprocess.Popen[bytes]]]:
    """`git ckpt build` in the middle of a build that has started all it could."""
    project = in_each_sandbox
    project.repo.write("file", "1")
    project.toml("true")
    project.passes()
    project.toml(_LEAVERS.format(name=name) + "sleep 1000")
    process = project.start("build")
    try:
        _wait_until_started(name)
        yield project, process
    finally:
        process.kill()
        process.communicate()


def test_control_c_ends_everything(
    hanging: tuple[Project, subprocess.Popen[bytes]], name: str
) -> None:
    project, process = hanging
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 130
    assert "interrupted" in said.decode()
    assert not _running(name)
    assert list((project.store.tmp).iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_the_program_ends_everything(
    hanging: tuple[Project, subprocess.Popen[bytes]], name: str, number: int
) -> None:
    project, process = hanging
    process.send_signal(number)
    process.communicate(timeout=_PATIENCE)
    _wait_until(lambda: not _running(name))
    project.toml("true")
    assert project.from_checkpoint().passed
    assert list((project.store.tmp).iterdir()) == []


def _watchers(of: int) -> list[int]:
    """The processes that watch the build of the program ``of``."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if words[0].endswith(b"/ckpt-watch") and words[1:2] == [b"watch"] and int(parent) == of:
                found.append(int(folder.name))
    return found


def test_where_the_watcher_is_killed_all_is_built_again(
    hanging: tuple[Project, subprocess.Popen[bytes]], name: str
) -> None:
    """Without one, as nobody knows what will become of another."""
    project, process = hanging
    first = set(_running(name))
    (watcher,) = _watchers(process.pid)
    os.kill(watcher, signal.SIGKILL)
    logs = project.context().state.path
    told = "built again, not watched: the watcher ended"
    _wait_until(lambda: any(told in path.read_text() for path in logs.rglob("*.log")))
    _wait_until(lambda: first.isdisjoint(_running(name)))
    _wait_until_started(name)
    assert not _watchers(process.pid)


_HANGS = {
    "a sleep": "sleep 1000",
    "one that ignores signals": "trap '' TERM INT HUP; while :; do sleep 1000 || :; done",
    "one that closed its output": "exec >/dev/null 2>&1 </dev/null; sleep 1000",
    "one that prints all the time": "yes",
}


@pytest.mark.parametrize(
    ("kind", "hang"),
    [
        *(("bubblewrap", hang) for hang in _HANGS),
        ("namespaces", "one that ignores signals"),
        ("none", "one that ignores signals"),
    ],
)
def test_a_build_that_hangs_is_ended_by_its_time_limit(
    project: Project, name: str, kind: str, hang: str
) -> None:
    project = project.setting(CKPT_SANDBOX=kind)
    project.toml(f"printf 'last words'; (exec -a {name} sleep 1000) & {_HANGS[hang]}", timeout="1")
    began = time.monotonic()
    record = project.build()
    assert time.monotonic() - began < _PATIENCE
    assert not record.passed
    assert record.reason == "build took longer than the 1 s of its `timeout`"
    assert "last words" in log(record)
    assert not _running(name)


def test_a_process_that_keeps_stdout_open_holds_nothing_up(
    in_each_sandbox: Project, name: str
) -> None:
    project = in_each_sandbox
    project.toml(f"setsid bash -c 'exec -a {name} sleep 1000' &", install="", timeout="60")
    began = time.monotonic()
    assert project.build().passed
    assert time.monotonic() - began < _PATIENCE
    assert not _running(name)


# --- limits --------------------------------------------------------------------------------


def test_memory_is_limited(in_each_sandbox: Project) -> None:
    project = in_each_sandbox
    take = python("x = bytearray(800 << 20); print('had it')")
    project.toml(take, install="", memory='"400M"')
    record = project.build()
    assert not record.passed
    assert "MemoryError" in log(record)
    project.toml(take, install="", memory='"2G"')
    project.passes()


@pytest.mark.parametrize("kind", ["bubblewrap", "namespaces"])
def test_the_number_of_processes_is_limited(other: Person, kind: str) -> None:
    """As an ordinary user: the kernel holds no such limit against root."""
    project = other.project(f"limit-{kind}", CKPT_SANDBOX=kind)
    many = "import subprocess; [subprocess.Popen(['sleep', '9']) for _ in range(60)]"
    project.toml(python(many), install="", processes="30")
    project.repo.commit()
    limited = record_of(other.tries(project, "HEAD"))
    assert not limited.passed, log(limited)
    assert "Resource temporarily unavailable" in log(limited)


@pytest.mark.parametrize("kind", ["bubblewrap", "namespaces"])
def test_other_processes_of_the_user_count_nothing(other: Person, kind: str) -> None:
    project = other.project(f"crowd-{kind}", CKPT_SANDBOX=kind)
    project.toml("sleep 0 & wait", install="", processes="30")
    project.repo.commit()
    assert other.ids is not None
    crowd = [
        subprocess.Popen(["sleep", "1000"], user=other.ids[0], group=other.ids[1], extra_groups=[])
        for _ in range(60)
    ]
    try:
        record = record_of(other.tries(project, "HEAD"))
    finally:
        for process in crowd:
            process.kill()
            process.wait()
    assert record.passed, log(record)


# --- output --------------------------------------------------------------------------------


def test_a_hundred_megabytes_of_output(project: Project) -> None:
    project.toml(f"(yes {'x' * 99} || :) | head -c 100000000; echo end", install="")
    result, output = _realised(project)
    assert result.outcome == "passed"
    assert output.stat().st_size >= 100_000_000
    with output.open("rb") as file:
        file.seek(-20, os.SEEK_END)
        assert file.read().endswith(b"\nend\n")


def test_a_hundred_megabytes_in_one_line(project: Project) -> None:
    """Time and memory don't grow with the square of a line."""
    project.toml("head -c 100000000 /dev/zero | tr '\\0' x", install="echo installed")
    result, output = _realised(project)
    assert result.outcome == "passed"
    content = output.read_bytes()
    assert content.count(b"x") == 100_000_000
    assert content.endswith(b"x\n=== install\ninstalled\n")


def _realised(project: Project) -> tuple[Realisation, Path]:
    """What the engine makes of the work tree, in time, and the log."""
    context = project.context()
    target = context.repo.target("worktree")
    (package,) = context.config(target.tree).packages.values()
    drv = context.derivation(package, target.tree)
    engine, source = context.engine(), context.repo.source(target.tree)
    output = results.new_log(context.state, package.name)
    recipe = engine.recipe(drv, source)
    began = time.monotonic()
    result = engine.realise(
        drv, source, recipe, commit=None, start=None, log=output, listener=lambda _: None
    )
    assert time.monotonic() - began < _PATIENCE
    return result, output


def test_binary_output_is_kept_byte_for_byte(project: Project) -> None:
    content = bytes(range(256)) * 3
    project.repo.write("bytes", content)
    project.toml("cat bytes", install="")
    project.repo.commit()
    record = project.passes()
    assert content in Path(record.log).read_bytes()


def test_a_last_line_without_its_end_hides_no_phase(in_each_sandbox: Project) -> None:
    project = in_each_sandbox
    project.toml("printf 'no end'", install="printf 'nor here'; exit 7")
    record, events = project.heard()
    assert (record.failed_phase, record.reason) == ("install", "install ended with 7")
    assert log(record).splitlines()[:4] == ["=== build", "no end", "=== install", "nor here"]
    assert [e.text for e in events if e.kind == "phase"][:2] == ["build", "install"]


def test_a_sandbox_that_does_not_start_is_no_failed_build(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine forbids suddenly what it allowed, nobody's commit is at fault."""
    forbidden, program = tmp_path / "forbidden", tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ntest ! -e {forbidden} || {{ echo 'bwrap: forbidden'; exit 1; }}\n"
        f'exec {shutil.which("bwrap")} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    project = project.setting(CKPT_SANDBOX="bubblewrap")
    project.toml("true")
    project.passes()
    forbidden.touch()
    before = results.history(project.context().state)
    code, _, said = project.run("build", "--rebuild")
    assert code == 3
    assert "the sandbox could not be started: bwrap: forbidden" in said
    assert results.history(project.context().state) == before
