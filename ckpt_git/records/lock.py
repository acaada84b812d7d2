"""Locks between processes: flock(2) on empty files.

The kernel lets go of a lock when its holder dies, however it dies, so there are no stale ones;
the file itself is never removed, since two processes could then hold two files of one name.
Python opens files close-on-exec: what a builder starts doesn't hold its lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_git.records.files import writing


@contextmanager
def exclusive(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock at ``path``; gives False at once where ``wait`` is False and it is taken.

    Raises ``StoreError`` where the file can't be made. Not re-entrant.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield _take(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def _take(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
