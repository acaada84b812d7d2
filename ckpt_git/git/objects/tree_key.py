"""The id of the part of a tree that matters to a build; records are kept under it. Reads objects
only."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence

from ckpt_git.git.location import Location
from ckpt_git.git.objects.trees import (
    Listing,
    attributes_above,
    listing,
    object_id,
    require_tree,
    within,
)
from ckpt_git.model.derivation import digest
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import matcher


def key(at: Location, tree: str, folder: str, ignore: Sequence[str]) -> str:
    """The id of what matters of a tree: two trees with one key need one build.

    The (sub)tree's own id; where ``.gitattributes`` above the folder or ``ignore`` come into
    it, a digest of all that counts. A submodule counts by its recorded commit, and is ignored
    where all that could be in it is. Raises ``RepositoryError``.
    """
    above = attributes_above(at, tree, folder)
    if ignore:
        return _key_of_rest(listing(at, tree, folder), ignore, above)
    found = tree if folder == "." else object_id(at, within(tree, folder))
    if found is None:
        require_tree(at, tree)
        raise RepositoryError(f"there is no folder {folder!r} in the tree {tree}")
    return digest([found, *above]) if above else found


def _key_of_rest(listed: Listing, ignore: Sequence[str], above: tuple[str, ...]) -> str:
    matches = matcher(ignore)

    def ignored(path: str) -> bool:  # what decides over other files' content always matters
        return matches(path) and not path.endswith(".gitattributes")

    lines = [*above]
    lines += [f"{e.mode} {e.oid} {path}" for path, e in listed.files.items() if not ignored(path)]
    lines += [f"{oid} {path}" for path, oid in listed.links.items() if not _all_in(path, ignored)]
    return hashlib.sha256(os.fsencode("\0".join(lines))).hexdigest()[:40]


def _all_in(link: str, ignored: Callable[[str], bool]) -> bool:
    # What a submodule holds isn't looked up for a key. A file's name that nobody can have, at
    # several depths, stands for all of them; a pattern that means one file doesn't match it.
    return all(ignored(link + depth * "/\0any") for depth in (1, 2, 3, 7))
