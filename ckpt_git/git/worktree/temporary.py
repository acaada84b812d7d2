"""Short-lived folders of our own in ``.git/ckpt/tmp``: an index to write to, an empty work tree.

They are on the repository's own file system, and out of every build's reach.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ckpt_git.git.location import Location, make_folder
from ckpt_git.git.worktree.folders import remove_folder


@contextmanager
def scratch_folder(at: Location) -> Iterator[Path]:
    """A new folder with an empty folder ``empty`` in it; removed at the end.

    Raises ``StoreError`` where it can't be made.
    """
    room = at.state / "tmp"
    make_folder(room)
    _sweep(room)
    folder = room / f"{os.getpid()}-{time.monotonic_ns()}"
    with ExitStack() as stack:
        stack.callback(remove_folder, folder)
        with _held(room, fcntl.LOCK_SH):  # nobody sweeps before it is held
            make_folder(folder / "empty")
            stack.enter_context(_held(folder, fcntl.LOCK_SH))
        yield folder


def _sweep(room: Path) -> None:
    """Remove what killed processes left: nobody holds it. Dates say nothing, as clocks are set."""
    with suppress(OSError), _held(room, fcntl.LOCK_EX | fcntl.LOCK_NB), os.scandir(room) as entries:
        for entry in entries:
            with suppress(OSError), _held(Path(entry.path), fcntl.LOCK_EX | fcntl.LOCK_NB):
                remove_folder(Path(entry.path))


@contextmanager
def _held(folder: Path, lock: int) -> Iterator[None]:
    """A folder with a lock on it. Raises ``OSError``, ``BlockingIOError`` where another has one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, lock)
        yield
    finally:
        os.close(descriptor)
