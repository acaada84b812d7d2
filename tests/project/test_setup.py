"""``.ci/setup``: says in one line what is missing where it may not install, and is quick again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SHELL_TOOLS = ("sh", "cat", "dirname", "id", "env", "pwd")
_NEEDED = ("git", "cc", "gcc", "make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the set-up script and of what it goes by, in a folder whose name has a blank."""
    folder = tmp_path / "a checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(_ROOT / ".ci" / "setup", folder / ".ci")
    shutil.copy(_ROOT / "pyproject.toml", folder)
    return folder


def _machine(tmp_path: Path, programs: Iterable[str]) -> str:
    """A PATH with these programs and no package manager."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for program in (*_SHELL_TOOLS, *programs):
        found = shutil.which(program)
        assert found, f"{program} is needed for this test"
        (folder / program).symlink_to(found)
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(folder)


def _set_up(checkout: Path, level: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ".ci/setup", level],
        cwd=checkout,
        env={"PATH": path, "HOME": os.environ["HOME"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_is_missing_is_told_in_one_line_with_the_command(
    checkout: Path, tmp_path: Path
) -> None:
    done = _set_up(checkout, "demo", _machine(tmp_path, ("git", "cc")))
    assert done.returncode == 3
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "missing: make" in line
    assert "apt-get install make" in line
    assert not (checkout / ".venv").exists()


def test_what_is_there_already_is_left_as_it_is(checkout: Path, tmp_path: Path) -> None:
    """A stamp that fits: neither pip nor a package manager is run, and it takes no time."""
    path = _machine(tmp_path, (*_NEEDED, "unshare"))
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/calls"\n')
    python.chmod(0o755)

    assert _set_up(checkout, "demo", path).returncode == 0
    first = (tmp_path / "calls").read_text()
    assert "pip install" in first
    assert _set_up(checkout, "demo", path).returncode == 0
    assert (tmp_path / "calls").read_text() == first

    with (checkout / "pyproject.toml").open("a") as file:
        file.write("\n# another dependency\n")
    assert _set_up(checkout, "demo", path).returncode == 0
    assert (tmp_path / "calls").read_text() != first


def test_it_goes_on_without_what_is_only_useful(checkout: Path, tmp_path: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    done = _set_up(checkout, "demo", _machine(tmp_path, _NEEDED))
    assert done.returncode == 0
    assert "going on without: bubblewrap" in done.stderr
