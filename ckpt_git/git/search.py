"""Questions about the content of trees that git answers without writing them out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError

_FOUND_NOTHING = 1


def lines_with(
    at: Location, tree: str, words: Sequence[str], paths: Sequence[str]
) -> list[tuple[str, str]]:
    """(path, line) for each line of the files at ``paths`` that holds one of ``words``.

    Words are taken literally, binary files are passed over: git-grep(1).
    """
    if not (words and paths):
        return []
    wanted = [argument for word in words for argument in ("-e", word)]
    try:
        found = at.git("grep", "-I", "-F", "-z", "--full-name", *wanted, tree, "--", *paths).stdout
    except ProcessError as error:
        if error.code == _FOUND_NOTHING:
            return []
        raise explained(error, "search the tree") from error
    lines = []
    for line in os.fsdecode(found).split("\n")[:-1]:
        place, _, text = line.partition("\0")
        lines.append((place.removeprefix(f"{tree}:"), text))
    return lines


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
