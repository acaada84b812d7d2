"""``python -m tests.hostile``: rounds in repositories and surroundings that mean no good.

What a round does comes of seed and number; ``--seed S --only N`` plays that one again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import PROGRAMS
from tests.endurance.site import CKPT
from tests.hostile.repositories import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how many (50)")
    parser.add_argument("--seed", type=int, default=0, help="what all that is drawn comes of (0)")
    parser.add_argument("--only", type=int, help="the round of this number alone")
    options = parser.parse_args()
    numbers = range(1, options.rounds + 1) if options.only is None else [options.only]
    wrong, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ckpt-hostile-") as folder:
        isolate(Path(folder))
        for number in numbers:
            done, found = play(options.seed, number, Path(folder), tuple(CKPT))
            wrong += bool(found)
            _say(f"{time.monotonic() - began:.0f} s, seed {options.seed}, round {number}: {done}")
            for line in found:
                _say(f"  {line}")
    _say(f"{options.rounds} rounds, {wrong} wrong")
    return 1 if wrong else 0


def isolate(folder: Path) -> None:
    """None of the user's configuration, as in the tests."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_", "CKPT_")):
            del os.environ[name]
    for person in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{person}_NAME"] = "A U Thor"
        os.environ[f"GIT_{person}_EMAIL"] = "author@example.com"
    (folder / "home").mkdir()
    os.environ.update(
        HOME=str(folder / "home"),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        CKPT_PROGRAMS=str(PROGRAMS),
        CKPT_STORE=str(folder / "store"),
        PYTHONPATH=str(Path(__file__).parents[2]),
    )


def _say(text: str) -> None:
    sys.stdout.write(text.encode(errors="backslashreplace").decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
