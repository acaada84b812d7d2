"""What ``.gitattributes`` make of files on their way out of git: gitattributes(5).

A changed ``.gitattributes`` may change files whose blobs are the same.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.git.objects.trees import ATTRIBUTES, listing, parents
from ckpt_git.git.worktree.source import GitSource
from ckpt_git.git.worktree.temporary import scratch_folder
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import SourceDiff
from ckpt_git.process import ProcessError

_CONVERTING = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
"""The attributes that have a say in what is written: gitattributes(5), "Checking-out and
checking-in"."""


def with_converted(diff: SourceDiff, old_tree: str, source: GitSource) -> SourceDiff:
    """``diff`` from ``old_tree`` to ``source``, and with it, as modified, every file that the
    attributes of the new tree convert in another way than those of the old one.

    Raises ``MissingObjectsError`` where a tree or one of its ``.gitattributes`` is gone, and
    ``RepositoryError`` where one in a submodule changed: its files can't be asked for.
    """
    at, folder = source.at, source.folder
    before = "" if folder == "." else f"{folder}/"
    links = set(listing(at, source.tree).links)
    if any(_is_attributes(path) and _is_below(links, before + path) for path in diff.paths()):
        raise RepositoryError(f"{ATTRIBUTES} of a submodule changed")
    manifest = source.manifest()
    same = [before + path for path in manifest.keys() - {*diff.paths()}]
    own = [path for path in same if not _is_below(links, path)]
    with scratch_folder(at) as room:
        old, new = (_rules(at, tree, own, room) for tree in (old_tree, source.tree))
    changed = sorted(path.removeprefix(before) for path in own if old.get(path) != new.get(path))
    return replace(diff, modified={**diff.modified, **{path: manifest[path] for path in changed}})


def _is_attributes(path: str) -> bool:
    return posixpath.basename(path) == ATTRIBUTES


def _is_below(links: Iterable[str], path: str) -> bool:
    return not {*parents(path)}.isdisjoint(links)


def _rules(
    at: Location, tree: str, paths: Sequence[str], room: Path
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Each path's converting attributes, asked of an index that holds nothing but the tree's
    ``.gitattributes``."""
    index = room / f"attributes-{tree}"
    lines = "".join(
        f"{entry.mode} {entry.oid}\t{path}\0"
        for path, entry in listing(at, tree).files.items()
        if _is_attributes(path)
    )
    ask = ("check-attr", "-z", "--cached", "--stdin", *_CONVERTING)
    try:
        at.git("update-index", "-z", "--index-info", index=index, stdin=os.fsencode(lines))
        stdin = os.fsencode("".join(f"{path}\0" for path in paths))
        said = at.git(*ask, index=index, work_tree=room / "empty", stdin=stdin).stdout
    except ProcessError as error:
        raise explained(error, f"read the attributes of the tree {tree}") from error
    fields = iter(os.fsdecode(said).split("\0")[:-1])
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for path, attribute, value in zip(fields, fields, fields, strict=True):
        found[path] = (*found.get(path, ()), (attribute, value))
    return found
