"""Locks between processes: flock(2) on empty files, record locks (fcntl(2)) where there are many.

The kernel lets go of a lock when its holder dies, however it dies, so there are no stale ones;
the file itself is never removed, since two processes could then hold two files of one name.
Python opens files close-on-exec: what a builder starts doesn't hold its lock.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ckpt_git import waiting
from ckpt_git.kept_files import open_lock
from ckpt_git.model.derivation import digest
from ckpt_git.records.files import writing

_POLL_SECONDS = 0.02


@contextmanager
def exclusive(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock at ``path``; gives False at once where ``wait`` is False and it is taken.

    Raises ``StoreError`` where the file can't be made. Not re-entrant.
    """
    with _opened(path) as descriptor:
        yield _take(descriptor, wait=wait)


@contextmanager
def alone(path: Path, what: str, on_wait: Callable[[], None]) -> Iterator[bool]:
    """Be the one process that is at ``what``; gives whether another one had to be waited for.

    ``on_wait`` is called before the waiting. The lock is the byte of ``path`` that ``what`` comes
    down to: one file does for any number of things. It is the process's, not the descriptor's,
    so one process has one of them at a time. Raises ``StoreError`` where the file can't be made.
    """
    byte = int(digest(what)[:15], 16)
    with _opened(path) as descriptor:
        if _take_byte(descriptor, byte):
            yield False
        else:
            on_wait()
            # No call that blocks: a signal that comes right before it is seen to after it, and
            # Ctrl-C is to end the waiting.
            while not _take_byte(descriptor, byte):
                waiting.pause(_POLL_SECONDS)
            yield True


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with ExitStack() as stack:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = stack.enter_context(open_lock(path))
        yield descriptor


def _take(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _take_byte(descriptor: int, byte: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except BlockingIOError:
        return False
    return True
