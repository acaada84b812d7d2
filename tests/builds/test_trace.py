"""What a build that is watched knows, and one that is not; records of what was read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.project import Project

_FILES = {"build.sh": "cp in.txt out.txt\n", "in.txt": "1\n", "beside": ""}
_CONFIG = '[package.p]\nbuild = "sh build.sh"\ninstall = "cp out.txt $out/"\n'


@pytest.fixture
def tools() -> Iterator[Path]:
    """A folder that isn't where a build has its temporary files."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def test_with_trace_false_every_build_is_from_nothing_and_says_why(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", _FILES, _CONFIG + "trace = false\n")
    first = project.build()
    assert (first["made"], first["trace"]) == ("clean", "none")
    assert first["commands"] == {"ran": None, "answered": 0}
    assert project.build()["cached"]
    project.repo.write("in.txt", "2\n")
    second = project.build()
    assert (second["made"], second["trace"], second["checkpoint"]) == ("clean", "none", None)
    assert second["why_clean"]
    assert (Path(second["out"]) / "out.txt").read_text() == "2\n"


def test_what_was_not_watched_is_no_answer_to_who_wants_it_watched(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", _FILES, _CONFIG + "trace = false\n")
    project.build()
    project.repo.write("ckpt.toml", _CONFIG)
    watched = project.build()
    assert (watched["cached"], watched["trace"]) == (False, "complete")
    project.repo.write("beside", "edited\n")
    assert project.build()["commands"]["ran"] == 0
    project.repo.write("ckpt.toml", _CONFIG + "trace = false\n")
    again = project.build()
    assert (again["made"], again["trace"]) == ("clean", "none")
    assert "the build isn't watched" in again["why_clean"]


@pytest.mark.parametrize("trace", ["true", "false"])
def test_a_record_holds_as_long_as_what_was_read_of_the_system(
    tmp_path: Path, tools: Path, trace: str
) -> None:
    """Where that was not watched, all that is there counts."""
    compiler = tools / "compile"
    compiler.write_text('#!/bin/sh\ncp "$1" out.txt\n')
    compiler.chmod(0o755)
    files = {**_FILES, "build.sh": f"{compiler} in.txt\n"}
    config = f'{_CONFIG}inputs = ["{tools}"]\ntrace = {trace}\n'
    project = Project.make(tmp_path / "project", files, config)
    project.build()
    assert project.build()["cached"]
    compiler.write_text('#!/bin/sh\necho "$1" >out.txt\n')
    anew = project.build()
    assert not anew["cached"]
    assert (Path(anew["out"]) / "out.txt").read_text() == "in.txt\n"
    assert project.build()["cached"]
