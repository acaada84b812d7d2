"""Short-lived folders of our own in ``.git/ckpt/tmp``: an index to write to, an empty work tree.

They are on the repository's own file system, and out of every build's reach.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ckpt_git.git.location import Location, make_folder
from ckpt_git.git.moving import remove_folder

_STALE = 24 * 3600
"""Seconds after which a folder can only be a killed process's."""


@contextmanager
def scratch_folder(at: Location) -> Iterator[Path]:
    """A new folder with an empty folder ``empty`` in it; removed at the end.

    Raises ``StoreError`` where it can't be made.
    """
    room = at.state / "tmp"
    make_folder(room)
    _remove_stale(room)
    folder = room / f"{os.getpid()}-{time.monotonic_ns()}"
    make_folder(folder / "empty")
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_SH)
            yield folder
        finally:
            os.close(held)
    finally:
        remove_folder(folder)


def _remove_stale(room: Path) -> None:
    oldest = time.time() - _STALE
    with suppress(OSError), os.scandir(room) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_mtime < oldest:
                with suppress(OSError):
                    _remove_unless_used(Path(entry.path))


def _remove_unless_used(folder: Path) -> None:
    """The clock may have been set forth since: who is at a folder holds it."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_folder(folder)
    finally:
        os.close(held)
