"""`git ckpt` with one fault in it, to show that the tests would notice: ``faulty.py FOLDER ARGS…``.

Whether a known command is answered decides the watcher: in FOLDER lie its sources, spoiled.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ckpt_git.watch import compiling

FAULTS = {
    "none": ("", ""),
    "contents aren't compared": ("    if (!(observed->mask & SAW_CONTENT))\n", "    if (1)\n"),
    "listings aren't compared": ("    return sum[0] == wanted[0]", "    return 1 || sum[0] == 0"),
}
"""What a line of ``recall.c`` is, and what it becomes."""


def spoil(fault: str, folder: Path) -> None:
    """Make the new ``folder``, with the watcher's sources and one fault in them."""
    old, new = FAULTS[fault]
    shutil.copytree(compiling.FOLDER, folder)
    recall = folder / "memory/recall.c"
    text = recall.read_text()
    assert old in text, f"recall.c has no line any more that would be spoiled by: {fault}"
    recall.write_text(text.replace(old, new))


def main(folder: Path) -> None:
    """Run the command line with ``sys.argv`` as its arguments."""
    compiling.FOLDER = folder
    from ckpt_git.cli import main as command  # noqa: PLC0415 - after the fault is in place

    command()


if __name__ == "__main__":
    spoiled = Path(sys.argv[1])
    sys.argv = ["git-ckpt", *sys.argv[2:]]
    main(spoiled)
