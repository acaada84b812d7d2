"""`git ckpt` with one fault in it, to show that the tests would notice: ``faulty.py FAULT ARGS…``.

What brings the sources up to date runs in a process of its own, ``sandbox/init.py``. In its place
stands a script that loads the real one, spoils one function and goes on.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ckpt_git.engines.local import build, phases
from ckpt_git.engines.local.freshness.precautions import NONE
from ckpt_git.engines.local.sandbox import runner

_STAGE = """\
import sys
sys.path.insert(0, {folder!r})
import init
{fault}
init.main(int(sys.argv[1]), int(sys.argv[2]))
"""

FAULTS = {
    "none": "",
    "rules off": "",
    "deletions left out": "init._delete = lambda folder, path: None",
    "mtimes a second early": "init.stamp_after = lambda newest: newest - 1_000_000_000",
}


def main(fault: str) -> None:
    """Run the command line with ``sys.argv`` as its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        spoiled = Path(folder) / "init.py"
        spoiled.write_text(_STAGE.format(folder=str(runner.STAGE.parent), fault=FAULTS[fault]))
        runner.STAGE = spoiled
        if fault == "rules off":
            vars(build).update(precautions=lambda _: NONE)
            vars(phases).update(needs_rehearsal=lambda _: False)
        from ckpt_git.cli import main as command  # noqa: PLC0415 - after the fault is in place

        command()


if __name__ == "__main__":
    sys.argv = ["git-ckpt", *sys.argv[2:]] if (chosen := sys.argv[1]) in FAULTS else sys.exit(2)
    main(chosen)
