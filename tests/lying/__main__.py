"""``python -m tests.lying``: grows builds that lie, for as long as asked, and shows what is wrong.

Each batch of histories comes of ``SEED:NUMBER``, and is the same again with ``--batch NUMBER``.
What is wrong is made small, and written to a shell script that shows it by itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.lying.cases import CASES
from tests.lying.growing.examining import examine, found, reproduced
from tests.lying.script import script


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lying", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long (600)")
    parser.add_argument("--seed", default="0", help="what all that is drawn comes of (0)")
    parser.add_argument("--batch", type=int, help="the one batch of this number")
    parser.add_argument("--size", type=int, default=8, help="histories in a batch (8)")
    parser.add_argument("--shrink", type=float, default=120, help="seconds to make one small (120)")
    parser.add_argument("--scripts", type=Path, default=Path(), help="where scripts are written")
    parser.add_argument("--case", help="print the script of the case of this name, and end")
    options = parser.parse_args()
    if options.case:
        (case,) = (case for case in CASES if case.name == options.case)
        sys.stdout.write(script(case.trees, case.name))
        return 0
    with tempfile.TemporaryDirectory(prefix="ckpt-lying-home-") as home:
        _isolate(home)
        return _grow(options)


def _grow(options: argparse.Namespace) -> int:
    deadline = time.monotonic() + options.seconds
    number, builds, wrong = options.batch or 0, 0, 0
    while time.monotonic() < deadline:
        histories = found(f"{options.seed}:{number}", options.size)
        try:
            examined = examine(histories)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            _say(f"batch {number}: {error}")
            wrong += 1
        else:
            builds += examined.builds
            wrong += len(examined.wrong)
            _say(
                f"batch {number}: {examined.builds} builds, {examined.failed} fail clean, "
                f"{examined.answered} commands answered, {len(examined.wrong)} wrong"
            )
            for place, told in examined.wrong.items():
                path = options.scripts / f"lying-{options.seed}-{number}-{place}.sh"
                path.write_text(reproduced(histories[place], told, options.shrink))
                _say(f"  {told[:400]}\n  sh {path}")
        if options.batch is not None:
            break
        number += 1
    _say(f"{builds} builds, {wrong} wrong")
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _isolate(home: str) -> None:
    """As the tests' own set-up does: none of the user's configuration."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_")) or name in ("CKPT_STORE", "CKPT_SKIP"):
            del os.environ[name]
    who = {"NAME": "A U Thor", "EMAIL": "author@example.com"}
    for person in ("AUTHOR", "COMMITTER"):
        os.environ.update({f"GIT_{person}_{key}": value for key, value in who.items()})
    os.environ.update(HOME=home, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")


if __name__ == "__main__":
    sys.exit(main())
