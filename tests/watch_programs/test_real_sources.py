"""The watcher's own sources: compiled by whoever asks, in either way, and they run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ckpt_git.watch import compiling
from tests.watch_programs.installation import contents


@pytest.fixture(scope="module")
def compiler() -> str:
    found = compiling.compilers(os.environ)
    if not found:
        pytest.skip("needs a C compiler")
    return found[0]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, compiler: str) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    compiling.compile_into(folder, compiler, "linked")
    return folder


def test_they_run(compiled: Path) -> None:
    compiling.try_out(compiled)
    assert sorted(contents(compiled)) == sorted(compiling.NAMES)


def test_make_gives_the_same(compiled: Path, compiler: str, tmp_path: Path) -> None:
    """For who builds them apart from the package."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    variables = [f"DESTDIR={tmp_path}", f"CC={compiler}"]
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "-s", "-C", str(compiling.FOLDER), *variables]
    subprocess.run(command, env=environment, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in compiling.NAMES} == contents(compiled)


def test_every_source_belongs_to_a_program() -> None:
    words = (compiling.FOLDER / "programs.mk").read_text().split()
    sources = {str(path.relative_to(compiling.FOLDER)) for path in compiling.FOLDER.glob("**/*.c")}
    assert sources
    assert sources <= set(words)
    headers = {path.name for path in compiling.FOLDER.glob("**/*.h")}
    assert {entry.name for entry in compiling.sources()} >= headers | {
        Path(s).name for s in sources
    }
