"""What differs between two trees, as files: a changed submodule is followed into its commits.

Reads objects only. git compares by tree ids, so the cost is that of what changed.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence

from ckpt_git.git.errors import MissingObjectsError, explained
from ckpt_git.git.location import Location
from ckpt_git.git.objects.trees import LINK_MODE, object_id, require_tree, within
from ckpt_git.git.worktree import submodules
from ckpt_git.git.worktree.source import manifest
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import Entry, SourceDiff
from ckpt_git.process import ProcessError

# No renames, whatever the user configured; a submodule is looked at although .gitmodules says
# `ignore = all`, which is about what people want to see: git-diff-tree(1), "--raw".
_DIFF_TREE = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none")
_RECORD = re.compile(r":(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*\0([^\0]+)\0")
# In one pattern, so that a path that looks like a line of ids is never taken for one.
_COMPARED = re.compile(r"([0-9a-f]+) [0-9a-f]+[\n\0]|:[^\0]+\0([^\0]+)\0")
_ABSENT = "000000"

Sides = tuple[dict[str, Entry], dict[str, Entry]]
"""The files of the old and of the new tree that aren't the same in both."""


def diff(at: Location, old_tree: str, new_tree: str, folder: str) -> SourceDiff:
    """What leads from ``old_tree`` to ``new_tree`` below ``folder``, paths relative to it.

    Raises ``MissingObjectsError`` where the old tree, or the old commit of a submodule, is
    gone, and ``RepositoryError`` where the new one can't be read.
    """
    return SourceDiff.between(*_sides(at, old_tree, new_tree, folder))


def _sides(at: Location, old_tree: str, new_tree: str, folder: str) -> Sides:
    if old_tree == new_tree:
        return {}, {}
    try:
        done = at.git(*_DIFF_TREE, within(old_tree, folder), within(new_tree, folder))
    except ProcessError as error:
        return _sides_of_unequal_shape(at, old_tree, new_tree, folder, error)
    old: dict[str, Entry] = {}
    new: dict[str, Entry] = {}
    for old_mode, new_mode, old_id, new_id, path in _RECORD.findall(os.fsdecode(done.stdout)):
        full = posixpath.normpath(posixpath.join(folder, path))
        if old_mode == new_mode == LINK_MODE:
            sub = submodules.locate(at, new_tree, full, new_id)
            before, after = _sides(sub, old_id, new_id, ".")
            old |= _below(path, before)
            new |= _below(path, after)
            continue
        old |= _old_files(at, old_tree, full, path, Entry(old_mode, old_id))
        new |= _files(at, new_tree, full, path, Entry(new_mode, new_id))
    return old, new


def _files(at: Location, tree: str, full: str, path: str, entry: Entry) -> dict[str, Entry]:
    if entry.mode == _ABSENT:
        return {}
    if entry.mode != LINK_MODE:
        return {path: entry}
    return _below(path, manifest(submodules.locate(at, tree, full, entry.oid), entry.oid))


def _old_files(at: Location, tree: str, full: str, path: str, entry: Entry) -> dict[str, Entry]:
    try:
        return _files(at, tree, full, path, entry)
    except RepositoryError as error:
        # What was once built may have left with its submodule: the caller has its manifest.
        raise MissingObjectsError(error.what, error.hint) from error


def _below(folder: str, files: Mapping[str, Entry]) -> dict[str, Entry]:
    return {f"{folder}/{path}": entry for path, entry in files.items()}


def _sides_of_unequal_shape(
    at: Location, old_tree: str, new_tree: str, folder: str, error: ProcessError
) -> Sides:
    """Why git couldn't compare: objects are gone, or only one tree has the folder."""
    new = manifest(at, new_tree, folder)
    require_tree(at, old_tree)
    if folder != "." and object_id(at, within(old_tree, folder)) is None:
        return {}, dict(new)
    what = str(explained(error, f"compare the trees {old_tree} and {new_tree}"))
    raise MissingObjectsError(what) from error


def changed_paths(
    at: Location, old_trees: Sequence[str], new_tree: str
) -> dict[str, tuple[str, ...] | None]:
    """The files that differ from ``new_tree``, by old tree; None where its objects are gone.

    A submodule counts as one file. One git process for all, as long as no tree is damaged.
    """
    pairs = "".join(f"{old} {new_tree}\n" for old in dict.fromkeys(old_trees))
    try:
        found = _listed(os.fsdecode(at.git(*_DIFF_TREE, "--stdin", stdin=pairs.encode()).stdout))
    except ProcessError:
        # A tree that is there in part ends git's whole run: ask for each by itself.
        if len(old_trees) <= 1:
            return dict.fromkeys(old_trees)
        alone = (changed_paths(at, [old], new_tree) for old in dict.fromkeys(old_trees))
        return {tree: paths for one in alone for tree, paths in one.items()}
    return {old: None if old not in found else tuple(found[old]) for old in old_trees}


def _listed(output: str) -> dict[str, list[str]]:
    """The paths of the records after each ``OLD NEW`` line: git-diff-tree(1), "--stdin"."""
    listed: dict[str, list[str]] = {}
    current = ""
    for part in _COMPARED.finditer(output):
        if part[1]:
            current = part[1]
            listed[current] = []
        else:
            listed[current].append(part[2])
    return listed


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
