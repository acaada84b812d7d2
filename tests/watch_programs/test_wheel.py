"""The wheel: it brings the programs compiled, for the machine that its name tells of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from ckpt_git.watch import compiling
from tests.cli.project import ROOT, Done
from tests.watch_programs.installation import FIND, folder_of

_MACHINE = os.uname().machine
_NEWEST_GLIBC = 34
"""Of the distributions that are maintained, nearly all have this one."""
_CROSS = "aarch64-linux-gnu-gcc"

needs_cross = pytest.mark.skipif(
    shutil.which(_CROSS) is None,
    reason="CKPT_CROSS=aarch64 asks for it: .ci/setup installs a compiler of 170 MB then",
)


def _wheel(checkout: Path, **environment: str) -> Path:
    """A wheel that is built from a copy of this checkout at ``checkout``."""
    checkout.mkdir()
    for name in ("ckpt_git", "hooks", "man"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (checkout / "dist").iterdir()
    return wheel


def _built(wheel: Path) -> dict[str, bytes]:
    """The programs in a wheel, by their paths in the package."""
    with ZipFile(wheel) as file:
        names = [name for name in file.namelist() if "/built/" in name]
        return {name.removeprefix("ckpt_git/watch/built/"): file.read(name) for name in names}


def _machine_of(program: bytes) -> int:
    """elf(5), e_machine."""
    assert program.startswith(b"\x7fELF")
    return int.from_bytes(program[18:20], "little")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not compiling.compilers(os.environ):
        pytest.skip("needs a C compiler")
    return _wheel(tmp_path_factory.mktemp("wheel") / "checkout")


def test_it_is_the_same_wherever_it_is_built(wheel: Path, tmp_path: Path) -> None:
    again = _wheel(tmp_path / "a checkout with a longer name", LANG="de_DE.UTF-8", CFLAGS="-O0")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_its_name_tells_of_the_machine_and_the_c_library(wheel: Path) -> None:
    tag = wheel.name.removeprefix("ckpt_git-").split("-", 1)[1].removesuffix(".whl")
    versions = re.fullmatch(rf"py3-none-manylinux_2_(\d+)_{_MACHINE}", tag)
    assert versions, tag
    assert int(versions[1]) <= _NEWEST_GLIBC
    assert sorted(_built(wheel)) == [f"{_MACHINE}/{name}" for name in sorted(compiling.NAMES)]


def test_only_the_library_needs_a_c_library(wheel: Path) -> None:
    """What has to run has no loader to ask for; see.c stands before a libc's functions."""
    built = _built(wheel)
    for name in (compiling.WATCH, compiling.ANSWER):
        assert b"GLIBC_2" not in built[f"{_MACHINE}/{name}"]
        assert b"/ld-linux" not in built[f"{_MACHINE}/{name}"].replace(b"/etc/ld-linux", b"")


def test_its_programs_run_where_there_is_no_compiler(wheel: Path, tmp_path: Path) -> None:
    site, store = tmp_path / "site", tmp_path / "store"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, site, wheel], check=True)
    done = subprocess.run(
        [sys.executable, "-c", FIND, store],
        env={"PATH": "", "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    folder = folder_of(Done(done.returncode, done.stdout, done.stderr))
    assert folder == site / "ckpt_git" / "watch" / "built" / _MACHINE
    asked = subprocess.run([folder / compiling.WATCH], env={}, capture_output=True, check=False)
    assert asked.returncode == 64
    assert b"usage" in asked.stderr


def test_without_a_compiler_it_is_for_any_machine(tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "checkout", PATH="/nowhere")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not _built(wheel)


def test_with_a_compiler_that_fails_it_is_too(tmp_path: Path) -> None:
    compiler = tmp_path / "bin" / "cc"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    wheel = _wheel(tmp_path / "checkout", PATH=str(compiler.parent))
    assert wheel.name.endswith("-py3-none-any.whl")


@needs_cross
def test_it_can_be_built_for_another_machine(tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "checkout", CC=_CROSS)
    assert re.search(r"-py3-none-manylinux_2_\d+_aarch64\.whl$", wheel.name)
    machines = {name: _machine_of(program) for name, program in _built(wheel).items()}
    assert machines == {f"aarch64/{name}": 183 for name in compiling.NAMES}
