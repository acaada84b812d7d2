"""The tutorial, carried out: each command ends with 0 and prints what it says there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.project.documents import DOCS, blocks, program_on_path

_SCRIPT = "set -e; exec 2>&1\n"


@pytest.mark.slow
def test_it_works_as_it_says(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "PATH": f"{program_on_path(tmp_path / 'bin')}:{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "advice.detachedHead",
        "GIT_CONFIG_VALUE_0": "false",
    }
    (tmp_path / "work").mkdir()
    folder = tmp_path / "work"
    for language, text in blocks(DOCS / "tutorial.md"):
        if language == "sh":
            _run(text, folder, env)
        for command, printed in _steps(text) if language == "console" else []:
            assert _plain(_run(command, folder, env)) == _plain(printed), command
        folder = tmp_path / "work" / "hello"


def _run(command: str, folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-c", _SCRIPT + command],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def _steps(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what it prints."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _plain(printed: str) -> list[str]:
    """What is the same in each run. Two compilers that run beside each other end in any order."""
    printed = re.sub(r"\b[0-9a-f]{10}\b", "ID", printed)
    printed = re.sub(r"\d+(\.\d+)? s\b", "N s", printed)
    printed = re.sub(r"\S+/outputs/", "STORE/", printed)
    return sorted(" ".join(line.split()) for line in printed.splitlines())
