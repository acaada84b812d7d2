"""The store's size in bytes, kept in a file, so that nobody has to walk the store for it.

Whoever publishes or removes an entry holds the tally's lock for as long as a rename takes. So a
sweep sees a store in which nobody publishes on a layer that it is about to remove.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path

from ckpt_git.kept_files import decode_json, encode_json, make_way, open_lock, read_kept, replace

_BLOCK = 4096  # bytes: what most file systems give out at least


class Tally:
    """The number in the file ``path``, and the lock beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_suffix(".lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one that publishes or removes. Not re-entrant."""
        with open_lock(self._lock, 0o600) as descriptor:
            flock(descriptor, LOCK_EX)
            yield

    def read(self) -> int | None:
        """Bytes of all that was published; None where that has to be counted anew."""
        try:
            number = decode_json(read_kept(self._path))["bytes"]
        except (OSError, ValueError):
            return None
        return number if isinstance(number, int) else None

    def write(self, number: int) -> None:
        """Keep what was counted. Under the lock."""
        aside = self._path.with_suffix(".new")
        make_way(aside)
        aside.write_bytes(encode_json({"bytes": number}))
        replace(aside, self._path)

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
