"""Questions about the content of trees that git answers without writing them out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError

_FOUND_NOTHING = 1
_FEW = 1000


def lines_with(
    at: Location, tree: str, words: Sequence[str], paths: Sequence[str]
) -> list[tuple[str, str]]:
    """(path, line) for each line of the files at ``paths`` that holds one of ``words``.

    Words are taken literally, binary files are passed over: git-grep(1).
    """
    if not (words and paths):
        return []
    # A command line has an end: of many, all are searched and theirs are taken.
    named = paths if len(paths) <= _FEW else ()
    stdin = os.fsencode("\n".join(words))
    ask = ("grep", "-I", "-F", "-z", "--full-name", "-f", "-", tree, "--", *named)
    try:
        found = at.git(*ask, stdin=stdin).stdout
    except ProcessError as error:
        if error.code == _FOUND_NOTHING:
            return []
        raise explained(error, "search the tree") from error
    wanted = set(paths)
    lines = re.findall(rf"{re.escape(tree)}:([^\0]+)\0([^\n]*)\n", os.fsdecode(found))
    return [(path, line) for path, line in lines if path in wanted]


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
