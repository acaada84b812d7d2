"""A file before a build and after it: where it lies in layers, and whether it is the same."""

from __future__ import annotations

import filecmp
import os
import stat
from collections.abc import Sequence
from functools import lru_cache

from ckpt_git.engines.local.store.seal import is_opaque


class States:
    """The folders in which the files lay ``before`` and lie ``now``, topmost first: an overlay's
    layers, or one folder."""

    def __init__(self, before: Sequence[str], now: Sequence[str]) -> None:
        self._before, self._now = tuple(before), tuple(now)

    def before(self, path: str) -> bool:
        """See ``Files``."""
        return _find(self._before, path) is not None

    def now(self, path: str) -> bool:
        """See ``Files``."""
        return _find(self._now, path) is not None

    def same(self, path: str) -> bool:
        """See ``Files``."""
        one, other = _find(self._before, path), _find(self._now, path)
        if one is None or other is None:
            return one is other
        try:
            if os.path.islink(one) or os.path.islink(other):
                return os.readlink(one) == os.readlink(other)
            return filecmp.cmp(one, other, shallow=False)
        except OSError:
            return False


@lru_cache(maxsize=1 << 14)
def _find(layers: tuple[str, ...], path: str) -> str | None:
    """Where the file at ``path`` lies. A layer hides what is below it with a character device of
    no number, a folder marked opaque, or a file in a folder's place: the kernel's page on
    overlayfs."""
    for layer in layers:
        here = layer
        for part in path.split("/"):
            here = f"{here}/{part}"
            try:
                found = os.lstat(here)
            except OSError:
                break
            if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
                return None
        else:
            return None if stat.S_ISDIR(found.st_mode) else here
        above = os.path.dirname(here)
        if here != layer and (not os.path.isdir(above) or _is_hidden(layer, above)):
            return None
    return None


def _is_hidden(layer: str, folder: str) -> bool:
    """Whether ``folder`` of ``layer``, or one above it there, hides what lies below."""
    while folder != layer:
        if is_opaque(folder):
            return True
        folder = os.path.dirname(folder)
    return False
