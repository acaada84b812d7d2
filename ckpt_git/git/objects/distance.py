"""How far two trees are apart, in files and lines."""

from __future__ import annotations

from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError


def drift(at: Location, old_tree: str, new_tree: str, folder: str) -> tuple[int, int] | None:
    """How many files differ between two trees below ``folder``, and how many lines: git-diff(1),
    ``--numstat``. None where one of the trees isn't there."""
    below = () if folder == "." else ("--", folder)
    try:
        listed = at.git(
            "diff-tree", "-r", "--numstat", "-z", "--no-renames", old_tree, new_tree, *below
        )
    except ProcessError:
        return None
    rows = [row.split(b"\t") for row in listed.stdout.split(b"\0")[:-1]]
    return len(rows), sum(int(count) for row in rows for count in row[:2] if count.isdigit())
