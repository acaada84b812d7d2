"""Locks on the store's files and folders. The kernel releases them when a process ends.

A folder that someone holds (a shared lock) is not removed; who removes it seizes it first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from ckpt_git.folders import remove


def locked_file(path: Path) -> int:
    """A new file, locked. A sweep may have found it between the two steps, and removed it."""
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        flock(lock, LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                return lock
        os.close(lock)


def hold(folder: Path) -> int:
    """Hold ``folder`` until the descriptor is closed. Raises ``OSError`` where it isn't there."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flock(held, LOCK_SH)
    except BaseException:
        os.close(held)
        raise
    return held


@contextmanager
def seized(entry: Path) -> Iterator[bool]:
    """Be the only one that holds an entry; gives False where that can't be. What is gone, or never
    was a folder, is held by nobody."""
    try:
        held = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield True
        return
    try:
        flock(held, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(held)


def remove_unless_held(entry: Path) -> None:
    """Remove what is out of sight; what a build still lies on, or can't be removed, stays for a
    later sweep."""
    try:
        held = os.open(entry, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        flock(held, LOCK_EX | LOCK_NB)
        remove(entry)
    except OSError:
        return
    finally:
        os.close(held)
