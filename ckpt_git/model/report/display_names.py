"""What files and lines of builds are called for people to read, and our own file."""

from __future__ import annotations

import os

CONFIG_NAME = "ckpt.toml"

_NAMES = frozenset(
    map(chr, range(0xDC80, 0xDD00))
)  # bytes of file names that aren't UTF-8: PEP 383


def shown(path: str) -> str:
    """A file's name for people: quoted, where it would break a line or can't be read."""
    if path.isprintable():
        return path
    text = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    return f'"{"".join(c if c.isprintable() else repr(c)[1:-1] for c in text)}"'


def printable(text: str) -> str:
    """``text`` without what moves the cursor or rings a bell; of a progress bar its last state."""
    last = text.rstrip("\r").rpartition("\r")[2]
    if last.isprintable():
        return last
    return "".join(c if c.isprintable() or c == "\t" or c in _NAMES else "\ufffd" for c in last)
