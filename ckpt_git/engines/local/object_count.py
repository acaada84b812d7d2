"""Count the object files that a build wrote: how much it compiled. No IO.

One compile counts as one. What a build tool makes of one source under several names (libtool's
`x.o`, `.libs/x.o` and `x.lo`; a class with those inside it) is one compile; links, archives and
what is compiled and removed again aren't seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_OBJECTS = (".o", ".obj", ".lo", ".rlib", ".class")
_PARTS = (".rcgu.o",)  # one crate's pieces, as rustc divides it
_PRIVATE = {"incremental"}  # rustc's own cache of pieces
_HIDDEN = ".libs"  # where libtool puts the object for the shared library


def count_objects(paths: Iterable[str]) -> int:
    """How many compiles ``paths``, the files that a build's programs wrote, are of."""
    return len({_of_what(path) for path in paths if _is_object(path)})


def _is_object(path: str) -> bool:
    if not path.endswith(_OBJECTS) or path.endswith(_PARTS):
        return False
    return _PRIVATE.isdisjoint(path.split("/"))


def _of_what(path: str) -> str:
    """A name that all files of one compilation share."""
    folder, name = os.path.split(path)
    above, last = os.path.split(folder)
    if last == _HIDDEN:
        folder = above
    stem, suffix = os.path.splitext(name)
    if suffix == ".class":
        stem = stem.partition("$")[0]
    return os.path.join(folder, stem)
