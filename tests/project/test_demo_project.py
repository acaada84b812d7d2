"""The demo's C project builds, and its changes reach what the demo says they reach."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from ckpt_git.demo.project import (
    ONE_HEADER,
    ONE_SOURCE,
    Change,
    apply_change,
    sources_affected,
    write_project,
)

_COMPILED = re.compile(r"^cc .* -c .*?(\S+\.c)$", re.MULTILINE)


def _make(folder: Path, *arguments: str) -> str:
    # Not optimised: it is the compiler's dependencies that count here.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-j2", "CFLAGS=-std=c11 -O0 -Wall -Wextra -Werror", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _tally(folder: Path, *arguments: str) -> dict[str, str]:
    said = subprocess.run(
        [folder / "tally", *arguments], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split() for line in said.splitlines())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, built without a warning."""
    folder = tmp_path_factory.mktemp("tally")
    write_project(folder)
    _make(folder)
    return folder


def test_it_is_a_project_of_its_size(tmp_path: Path) -> None:
    folder = tmp_path / "tally"
    folder.mkdir()
    files = write_project(folder)
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(files) == on_disk
    assert len([name for name in files if name.endswith(".c")]) >= 60
    sources = [(folder / name).read_text() for name in files if name.endswith((".c", ".h"))]
    assert not [text for text in sources if "@" in text]  # a name that wasn't filled in


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert write_project(one) == write_project(other)
    for name in write_project(one):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_its_check_passes(built: Path) -> None:
    _make(built, "check")


def test_it_installs_its_program(built: Path, tmp_path: Path) -> None:
    _make(built, "install", f"PREFIX={tmp_path}/a prefix")
    assert (tmp_path / "a prefix" / "bin" / "tally").stat().st_mode & 0o111


def test_it_holds_numbers_as_the_type_that_was_named(built: Path) -> None:
    refused = subprocess.run(
        [built / "tally", "u8", "-1"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "u8 cannot hold -1" in refused.stderr
    assert _tally(built, "i16", "-3", "5")["least"] == "-3"


def test_each_change_recompiles_what_includes_it_and_shows_in_the_answer(built: Path) -> None:
    column = ("f32", "4", "1", "3", "2")
    before = _tally(built, *column)
    assert before["median"] == "3"
    assert "range" not in before

    assert _rebuilt(built, ONE_SOURCE) == {"src/summary.c"}
    assert _tally(built, *column)["median"] == "2.5"

    recompiled = _rebuilt(built, ONE_HEADER)
    assert {"src/summary.c", "src/main.c", "src/column_u8.c"} <= recompiled
    assert "src/vec_u8.c" not in recompiled
    assert _tally(built, *column)["range"] == "3"


def _rebuilt(folder: Path, change: Change) -> set[str]:
    """Make ``change``, run make, and return what it compiled: the same as was foreseen."""
    apply_change(folder, change)
    compiled = set(_COMPILED.findall(_make(folder)))
    assert compiled == sources_affected(folder, change.paths)
    return compiled


def test_a_change_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path)
    apply_change(tmp_path, ONE_SOURCE)
    with pytest.raises(ValueError, match=r"src/summary\.c"):
        apply_change(tmp_path, ONE_SOURCE)
