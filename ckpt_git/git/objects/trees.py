"""What a tree of one repository holds, as git's plumbing lists it; submodules are only named.

Reads objects, in the repository's and in our own object folder, and nothing else.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

from ckpt_git.git.errors import MissingObjectsError, explained
from ckpt_git.git.location import Location
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import Entry
from ckpt_git.process import ProcessError

LINK_MODE = "160000"
"""The mode of a gitlink: a submodule's commit."""

ATTRIBUTES = ".gitattributes"
_LISTED = re.compile(r"(\d{6}) \w+ ([0-9a-f]+)\t([^\0]+)\0")


class Listing(NamedTuple):
    """A tree's files by path, and its submodules' recorded commits by path."""

    files: dict[str, Entry]
    links: dict[str, str]


def normal_folder(folder: str) -> str:
    """``folder`` as git names it: no ``./``, no trailing slash; ``"."`` for the root.

    Raises ``RepositoryError`` for a path that leaves the tree.
    """
    path = posixpath.normpath(folder)
    if path.startswith(("/", "../")) or path == "..":
        raise RepositoryError(f"the folder {folder!r} is not inside the repository")
    return path


def within(tree: str, folder: str) -> str:
    """The expression that names a tree's folder: gitrevisions(7)."""
    return tree if folder == "." else f"{tree}:{folder}"


def object_id(at: Location, expression: str) -> str | None:
    """The id that ``expression`` names, or None. Only a peeled one (``^{tree}``) is looked up."""
    try:
        return at.git("rev-parse", "--verify", "-q", expression).stdout.decode().strip()
    except ProcessError:
        return None


def resolve(at: Location, *expressions: str) -> list[str | None]:
    """The id that each expression names, or None where nothing has that name. One process."""
    if not expressions or any("\n" in expression for expression in expressions):
        return [None for _ in expressions]
    stdin = os.fsencode("".join(f"{expression}\n" for expression in expressions))
    answers = at.git("cat-file", "--batch-check=%(objectname)", stdin=stdin).stdout
    # What isn't there is answered with its name and a word: "missing", "ambiguous", …
    lines = os.fsdecode(answers).removesuffix("\n").split("\n")
    return [None if " " in line else line for line in lines]


class Object(NamedTuple):
    """An object of git's: its id, ``blob``, ``tree``, ``commit`` or ``tag``, and what it holds."""

    id: str
    kind: str
    content: bytes


def objects(at: Location, *expressions: str) -> list[Object | None]:
    """The object that each expression names, or None where nothing has that name. One process."""
    stdin = os.fsencode("".join(f"{expression}\n" for expression in expressions))
    printed = at.git("cat-file", "--batch", stdin=stdin).stdout if expressions else b""
    found: list[Object | None] = []
    start = 0
    while len(found) < len(expressions):
        end = printed.index(b"\n", start)
        words = printed[start:end].decode(errors="replace").split(" ")
        start = end + 1
        # What isn't there is answered with its name and a word: "missing", "ambiguous", …
        if len(words) == 3 and words[2].isdecimal():  # noqa: PLR2004 - id, kind, size
            end = start + int(words[2])
            found.append(Object(words[0], words[1], printed[start:end]))
            start = end + 1
        else:
            found.append(None)
    return found


def require_tree(at: Location, tree: str) -> None:
    """Raise ``MissingObjectsError`` where the root of ``tree`` isn't there."""
    if object_id(at, f"{tree}^{{tree}}") is None:
        raise MissingObjectsError(f"the tree {tree} is not in {at.git_dir}")


def listing(at: Location, tree: str, folder: str = ".") -> Listing:
    """All files and links below ``folder``, with paths relative to it, in git's order.

    Raises ``MissingObjectsError`` where parts of the tree are gone and ``RepositoryError``
    where it has no such folder.
    """
    try:
        done = at.git("ls-tree", "-r", "-z", within(tree, folder))
    except ProcessError as error:
        raise _unlisted(at, tree, folder, error) from error
    files, links = {}, {}
    for mode, oid, path in _LISTED.findall(os.fsdecode(done.stdout)):
        if mode == LINK_MODE:
            links[path] = oid
        else:
            files[path] = Entry(mode, oid)
    return Listing(files, links)


def _unlisted(at: Location, tree: str, folder: str, error: ProcessError) -> RepositoryError:
    """Why there is no list: no such folder, or objects that are gone."""
    require_tree(at, tree)
    if folder != ".":
        files, links = entries_at(at, tree, [folder])
        kind = "a file" if files else "a submodule" if links else None
        if kind is not None:
            return RepositoryError(f"{folder!r} in the tree {tree} is {kind}, not a folder")
        if object_id(at, within(tree, folder)) is None:
            return RepositoryError(f"there is no folder {folder!r} in the tree {tree}")
    return MissingObjectsError(str(explained(error, f"list the tree {tree}")))


def entries_at(at: Location, tree: str, paths: Sequence[str]) -> Listing:
    """The files and links at ``paths`` (from the root); those that aren't there are left out.

    For a few paths of a large tree: only the folders on their way are read. Folders among
    ``paths`` are left out as well. Raises ``MissingObjectsError``.
    """
    files, links = {}, {}
    for mode, oid, path in _named(at, tree, paths):
        if mode == LINK_MODE:
            links[path] = oid
        elif mode != "040000":
            files[path] = Entry(mode, oid)
    return Listing(files, links)


def _named(at: Location, tree: str, paths: Sequence[str]) -> list[tuple[str, str, str]]:
    possible = [path for path in paths if _can_be_in_a_tree(path)]
    if not possible:  # no path at all would mean all paths
        return []
    try:
        done = at.git("ls-tree", "-z", tree, "--", *possible)
    except ProcessError as error:
        require_tree(at, tree)
        raise MissingObjectsError(str(explained(error, f"look into the tree {tree}"))) from error
    found: list[tuple[str, str, str]] = _LISTED.findall(os.fsdecode(done.stdout))
    return found


def _can_be_in_a_tree(path: str) -> bool:
    # git refuses to look for one that leaves the tree, and takes "a/" for what is in "a".
    inside = not path.startswith("/") and path.partition("/")[0] != ".."
    return inside and posixpath.normpath(path) == path


def attributes_on_the_way(paths: Sequence[str]) -> list[str]:
    """Every ``.gitattributes`` that can say something about ``paths``: gitattributes(5)."""
    folders = {""}.union(*map(parents, paths))
    return sorted(posixpath.join(folder, ATTRIBUTES) for folder in folders)


def attributes_above(at: Location, tree: str, folder: str) -> tuple[str, ...]:
    """``path`` and id of each ``.gitattributes`` above ``folder``: they rule its files too."""
    if folder == ".":
        return ()
    found = entries_at(at, tree, attributes_on_the_way([folder])).files
    return tuple(f"{path} {entry.oid}" for path, entry in sorted(found.items()))


def read(at: Location, tree: str, path: str) -> bytes | None:
    """The content of the file (or the target of the symlink) at ``path`` from the root.

    None where the tree has no such file. Raises ``MissingObjectsError`` where the tree or
    the content is gone.
    """
    try:
        return at.git("cat-file", "blob", f"{tree}:{path}").stdout
    except ProcessError as error:
        if path in entries_at(at, tree, [path]).files:
            reason = str(explained(error, f"read {path} of the tree {tree}"))
            raise MissingObjectsError(reason) from error
        return None


def parents(path: str) -> list[str]:
    """The folders above ``path``, the outermost first."""
    return [path[:end] for end, letter in enumerate(path) if letter == "/"]


def link_above(at: Location, tree: str, path: str) -> tuple[str, str] | None:
    """The submodule that ``path`` leads into: its own path, and the commit recorded for it."""
    above = parents(path)
    if not above:
        return None
    found = at.git("ls-tree", "-z", "-d", tree, "--", *above).stdout
    for mode, oid, link in _LISTED.findall(os.fsdecode(found)):
        if mode == LINK_MODE:
            return link, oid
    return None


def tracked(at: Location, tree: str) -> list[str]:
    """The paths of all files and submodules of ``tree``. Raises ``MissingObjectsError``."""
    listed = listing(at, tree)
    return sorted([*listed.files, *listed.links])


def branch_tips(at: Location, number: int) -> list[str]:
    """The commits of at most ``number`` local branches, the one committed to last first."""
    ask = (f"--count={number}", "--sort=-committerdate", "--format=%(objectname)", "refs/heads")
    try:
        return at.git("for-each-ref", *ask).stdout.decode().split()
    except ProcessError as error:
        raise explained(error, "list the branches") from error
