"""Dates and random bytes that are the same in all builds of a store: so results can be equal."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import make_private, writing
from ckpt_git.kept_files import make_way, remove_file
from ckpt_git.model.derivation import digest

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store


def source_date(store: Store, owner: str, package: str) -> int:
    """The date (ns) that all sources of a package get in each of its builds: that of the first
    one. What hangs on it (an archive, a compiled Python module) is the same each time."""
    path = store.root / "dates" / digest([owner, package])[:16]
    now = time.time_ns()
    with writing(path.parent):
        make_private(path.parent)
        make_way(path)
        with suppress(FileExistsError), path.open("x"):
            os.utime(path, ns=(now, now))
        date = path.lstat().st_mtime_ns
        if date > now:  # the clock was set back: no file may be dated in the future
            os.utime(path, ns=(now, now))
            date = now
    return date


def seed(store: Store) -> str:
    """The secret that random bytes of builds are made of, ``random.c``: one for all builds. A
    link's target, since a link is there whole or not at all."""
    path = store.root / "seed"
    with writing(store.root):
        known = _seed(path)
        if known is None:
            remove_file(path)
            with suppress(FileExistsError):
                path.symlink_to(os.urandom(16).hex())
            known = os.readlink(path)
        return known


def _seed(path: Path) -> str | None:
    with suppress(OSError):
        seed = os.readlink(path)
        return seed if re.fullmatch("[0-9a-f]{32}", seed) else None
    return None
