"""Names of files, as people are to read them."""

from __future__ import annotations

import os


def shown(path: str) -> str:
    """A file's name for people: quoted, where it would break a line or can't be read."""
    if path.isprintable():
        return path
    text = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    return f'"{"".join(c if c.isprintable() else repr(c)[1:-1] for c in text)}"'
