"""``python -m tests.defects``: puts each fault into a copy of the program, and has tests find it.

It prints a line for each, and ends with 1 where one isn't found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.defects.defects import DEFECTS, Defect

CHECKOUT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.defects", description=__doc__)
    parser.add_argument("--name", help="the one whose name has this in it")
    chosen = parser.parse_args().name or ""
    missed = 0
    for defect in (defect for defect in DEFECTS if chosen in defect.name):
        began = time.monotonic()
        test = _found_by(defect)
        missed += test is None
        seconds = time.monotonic() - began
        sys.stdout.write(f"{defect.name}: {test or 'NOT FOUND'} ({seconds:.0f} s)\n")
        sys.stdout.flush()
    return int(missed > 0)


def _found_by(defect: Defect) -> str | None:
    """The first test that fails in a copy with the fault."""
    with tempfile.TemporaryDirectory(prefix="ckpt-seeded-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(CHECKOUT, copy, symlinks=True, ignore=_LEFT_OUT)
        put_into(copy, defect)
        for tests in defect.tests:
            found = _first_failure(copy, tests, Path(folder) / "temporary")
            if found is not None:
                return found
    return None


def put_into(checkout: Path, defect: Defect) -> None:
    """Raises ``ValueError`` where the text isn't there, or twice."""
    file = checkout / defect.file
    text = file.read_text()
    if text.count(defect.old) != 1:
        raise ValueError(f"{defect.name}: its text isn't once in {defect.file}")
    file.write_text(text.replace(defect.old, defect.new))


def _first_failure(checkout: Path, tests: str, temporary: Path) -> str | None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "--no-header", tests]
    done = subprocess.run(
        [*command, f"--basetemp={temporary}"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode not in {0, 1} or (done.returncode == 1 and not failed):
        raise RuntimeError(f"{tests}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return failed[0] if failed else None


if __name__ == "__main__":
    sys.exit(main())
