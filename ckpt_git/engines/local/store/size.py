"""How much room the store takes, as a number that is kept with it: nothing is walked to know it.

Whoever publishes or removes an entry holds the tally's lock for as long as a rename takes. So a
sweep sees a store in which nobody publishes on a layer that it is about to remove.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path

_BLOCK = 4096  # bytes: what most file systems give out at least


class Tally:
    """The number in the file ``path``, and the lock beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_suffix(".lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one that publishes or removes. Not re-entrant."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(descriptor, LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def read(self) -> int | None:
        """Bytes of all that was published; None where that has to be counted anew."""
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return None

    def write(self, number: int) -> None:
        """Keep what was counted. Under the lock."""
        aside = self._path.with_suffix(".new")
        aside.write_text(str(number))
        aside.replace(self._path)

    def add(self, number: int) -> None:
        """Note that ``number`` bytes are about to be published, or were removed. Under the lock:
        who is killed in between has counted too much, which the next sweep puts right."""
        before = self.read()
        if before is not None:
            with suppress(OSError):
                self.write(before + number)


def on_disk(size: int) -> int:
    """The bytes that a file of ``size`` takes up, its name and inode left out."""
    return -(-size // _BLOCK) * _BLOCK
