"""What a commit holds: files, programs and links by path, as values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support import GitRepo


@dataclass(frozen=True)
class File:
    """A file. ``recipe`` is a shell command that makes it, where it is no text."""

    content: bytes
    executable: bool = False
    recipe: str = ""


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Entry = File | Link
Tree = Mapping[str, Entry]
"""All files of a commit. Bytes of a path that are no UTF-8 are as ``os.fsdecode`` has them."""

Written = str | Entry
"""An entry as it is written by hand: a text stands for a file that isn't executable."""


def program(text: str) -> File:
    """A file that may be executed."""
    return File(os.fsencode(text), executable=True)


def entry(written: Written) -> Entry:
    return File(os.fsencode(written)) if isinstance(written, str) else written


def tree(written: Mapping[str, Written]) -> Tree:
    return {path: entry(one) for path, one in written.items()}


def changed(before: Tree, edit: Mapping[str, Written | None]) -> dict[str, Entry]:
    """``before`` with an edit made: new entries by path, None for what is removed.

    What would lie below a file, or where others lie below, takes their place.
    """
    after = dict(before)
    for path, written in edit.items():
        if written is None:
            after.pop(path, None)
    for path, written in edit.items():
        if written is not None:
            for other in list(after):
                if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
                    del after[other]
            after[path] = entry(written)
    return after


def renamed(files: Mapping[str, Written], old: str, new: str) -> dict[str, Written | None]:
    """The edit that moves the file ``old``, or all below a folder of that name."""
    edit: dict[str, Written | None] = {}
    for path, written in files.items():
        if path == old or path.startswith(f"{old}/"):
            edit[path] = None
            edit[new + path[len(old) :]] = written
    return edit


def write(repo: GitRepo, before: Tree, after: Tree) -> None:
    """Bring the work tree from one tree to the next; what is in both keeps its dates."""
    for path in before:
        if path not in after:
            repo.remove(path)
            _remove_empty_folders(repo, path)
    for path, one in after.items():
        if before.get(path) == one:
            continue
        if isinstance(one, Link):
            repo.link(path, one.target)
        else:
            repo.write(path, one.content, executable=one.executable)


def _remove_empty_folders(repo: GitRepo, path: str) -> None:
    folder = (repo.path / path).parent
    while folder != repo.path and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
