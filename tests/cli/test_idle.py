"""``verify = "idle"``: what the background built is compared with a clean build, at leisure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckpt_git.model.record import Record
from ckpt_git.records import results
from ckpt_git.records.state import State
from tests.cli.project import Project, processes
from tests.support import eventually

CONFIG = """\
notes = true
verify = "idle"

[package.app]
build = "sh build.sh"
install = "cp out.txt $out/"
"""
SLEEP = f"sleep 717171.{os.getpid()}"  # of this process: others run at the same time
# What is built at leisure takes for ever where the source says so. A priority isn't seen.
BUILD = f"""\
if [ $(nice) = 19 ] && grep -q slow in.txt; then {SLEEP}; fi
cp in.txt out.txt
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Built once, clean; the next build starts there."""
    files = {"build.sh": BUILD, "in.txt": "1\n"}
    project = Project.make(tmp_path / "project", files, CONFIG)
    project.build("HEAD")
    yield project
    project.ckpt("cancel", code=None)


def _records(project: Project) -> list[Record]:
    return results.history(State(project.path / ".git" / "ckpt"))


def _of(project: Project, commit: str) -> Record | None:
    return next((record for record in _records(project) if record.commit == commit), None)


def _is_verified(project: Project, commit: str) -> bool:
    record = _of(project, commit)
    return record is not None and record.verified is True


def test_a_build_from_a_checkpoint_is_verified_when_nothing_else_waits(project: Project) -> None:
    commit = project.repo.commit("change", {"in.txt": "2\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: _is_verified(project, commit), "it is verified")
    eventually(lambda: _note(project, commit).endswith(", verified"), "the note says so")
    assert ", verified" in project.ckpt("status").out
    assert project.ckpt("log", "--json").json()["records"][0]["verified"] is True
    assert "from a checkpoint" in _note(project, commit)
    assert _records(project)[0].depth == 1


def test_a_difference_is_told_and_the_clean_build_stands(project: Project) -> None:
    # What is built tells its priority, which nobody sees that it asked for.
    project.repo.commit("tells", {"build.sh": "nice >out.txt\n"})
    project.ckpt("build", "--clean", "HEAD")
    commit = project.repo.commit("change", {"in.txt": "2\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: _is_verified(project, commit), "it is compared")
    said = project.ckpt("status")
    assert "out.txt" in said.line("NOT what a clean build gives", commit[:10])
    ending = "found that the checkpoint had given another thing than a clean build"
    eventually(lambda: ending in project.ckpt("status").out, "the verification ends as that")
    record = _of(project, commit)
    assert record is not None
    assert record.depth == 0
    assert record.output.joinpath("out.txt").read_text() == "19\n"


def test_it_runs_last_and_lowest_and_gives_way(project: Project) -> None:
    slow = project.repo.commit("slow", {"in.txt": "slow\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: processes(SLEEP) != [], "it is verified")
    assert os.getpriority(os.PRIO_PROCESS, processes(SLEEP)[0]) == 19
    assert project.ckpt("status").out.splitlines()[-1].startswith("verifying app of ")
    assert _of(project, slow) is not None

    commit = project.repo.commit("newer", {"in.txt": "3\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: _is_verified(project, commit), "the newer one is built and verified")
    assert processes(SLEEP) == []
    record = _of(project, slow)
    assert record is not None
    assert record.verified is None
    assert ", not verified" in _note(project, slow)


def test_cancelling_ends_it(project: Project) -> None:
    project.repo.commit("slow", {"in.txt": "slow\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: processes(SLEEP) != [], "it is verified")
    assert "cancelled" in project.ckpt("cancel").out
    assert processes(SLEEP) == []
    assert project.ckpt("status").out.splitlines()[-1] == "nothing is being built"


def _set_depth(project: Project, depth: int, top: str = "") -> str:
    """Allow no more than ``depth`` checkpointed builds since a clean one; gives the commit."""
    config = CONFIG.replace('verify = "idle"\n', f"max_depth = {depth}\n{top}")
    commit = project.repo.commit("depth", {"ckpt.toml": config})
    project.build("--clean", "HEAD")
    return commit


def _in_force(project: Project) -> tuple[str, int]:
    """The commit of the checkpoint in force, and how many checkpointed builds lie behind it."""
    [package] = project.ckpt("status", "--json").json()["packages"]
    return package["checkpoint"]["commit"], package["checkpoint"]["depth"]


@pytest.mark.parametrize("how", ["--background", "--quiet"])
def test_a_long_chain_ends_in_a_clean_checkpoint(project: Project, how: str) -> None:
    _set_depth(project, 2)
    first = project.repo.commit("first", {"in.txt": "first\n"})
    project.build("HEAD")
    assert _in_force(project) == (first, 1)
    second = project.repo.commit("second", {"in.txt": "second\n"})
    project.ckpt("build", how, "HEAD")
    eventually(lambda: _in_force(project) == (second, 0), "a clean one takes its place")
    assert _is_verified(project, second)
    record = _of(project, first)
    assert record is not None
    assert record.verified is None, "nothing asked for that"
    third = project.repo.commit("third", {"in.txt": "third\n"})
    assert project.build("HEAD")["checkpoint"] == {
        "commit": second,
        "tree": project.repo.tree("HEAD~1"),
        "depth": 0,
    }
    assert _in_force(project) == (third, 1)


def test_until_the_clean_one_is_there_the_deep_one_serves(project: Project) -> None:
    _set_depth(project, 1)
    deep = project.repo.commit("slow", {"in.txt": "slow\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: processes(SLEEP) != [], "a clean one is being built")
    assert _in_force(project) == (deep, 1)
    project.ckpt("cancel")
    assert processes(SLEEP) == []
    assert _in_force(project) == (deep, 1)
    newer = project.repo.commit("newer", {"in.txt": "3\n"})
    project.ckpt("build", "--background", "HEAD")
    eventually(lambda: _in_force(project) == (newer, 0), "the next one is renewed")


def test_a_checkpoint_that_is_moved_by_hand_is_renewed_as_well(project: Project) -> None:
    _set_depth(project, 1, 'follow = "manual"\n')
    before = _in_force(project)
    commit = project.repo.commit("first", {"in.txt": "first\n"})
    project.build("HEAD")
    assert _in_force(project) == before, "a build moves nothing"
    assert project.ckpt("status", "--json").json()["running"] is None
    project.ckpt("rebase-checkpoint")
    eventually(lambda: _in_force(project) == (commit, 0), "the one that it moved to is clean")


def test_without_an_output_a_chain_ends_too(project: Project) -> None:
    config = CONFIG.replace('verify = "idle"\n', "max_depth = 1\n")
    config = "\n".join(line for line in config.splitlines() if not line.startswith("install"))
    project.repo.commit("no output", {"ckpt.toml": config})
    project.build("HEAD")
    commit = project.repo.commit("first", {"in.txt": "first\n"})
    project.build("HEAD")
    eventually(lambda: _in_force(project) == (commit, 0), "a clean one takes its place")


def _note(project: Project, commit: str) -> str:
    return project.repo.git("notes", "--ref=ckpt", "show", commit, ok=(0, 1))
