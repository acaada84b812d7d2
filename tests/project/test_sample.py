"""``--sample N`` leaves tests out evenly, and none of them whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = """\
import pytest

@pytest.mark.parametrize("number", range(9))
def test_many(number):
    pass

@pytest.mark.parametrize("number", range(2))
def test_few(number):
    pass

def test_one():
    pass
"""


@pytest.mark.parametrize(
    ("options", "many"),
    [([], [*range(9)]), (["--sample", "3"], [0, 3, 6]), (["--sample", "1"], [0])],
)
def test_what_is_run(tmp_path: Path, options: list[str], many: list[int]) -> None:
    root = Path(__file__).parents[2]
    (tmp_path / "conftest.py").write_text((root / "conftest.py").read_text())
    (tmp_path / "test_all.py").write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    names = [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    few = range(1) if options[1:] == ["1"] else range(2)
    expected = [*(f"test_many[{n}]" for n in many), *(f"test_few[{n}]" for n in few), "test_one"]
    assert names == expected
