"""What a build installed, as a value that can be compared: the tests' own eyes, none of ours."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

Output = Mapping[str, tuple[str, bool, bytes]]
"""Each path's kind (``file``, ``link``, ``folder``), whether it may be executed, its content."""


def read(folder: Path) -> Output:
    """All that lies below ``folder``. Raises ``OSError`` where it isn't there."""
    found: dict[str, tuple[str, bool, bytes]] = {}
    for here, folders, files in os.walk(folder, onerror=_raise):
        for path in (Path(here) / name for name in (*folders, *files)):
            found[str(path.relative_to(folder))] = _entry(path)
    return found


def differences(one: Output, other: Output) -> list[str]:
    """Where two outputs differ, with the lines of a text that do: for an assertion's message."""
    told = []
    for path in sorted({*one, *other}):
        left, right = one.get(path), other.get(path)
        if left is None or right is None:
            told.append(f"{path}: only in the {'second' if left is None else 'first'}")
        elif left != right:
            lines = set(left[2].splitlines()) ^ set(right[2].splitlines())
            shown = sorted(lines)[:6] if path == "listing" else []
            told.append(f"{path}: {left[:2]} and {right[:2]} {shown}")
    return told


def _entry(path: Path) -> tuple[str, bool, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "link", False, os.fsencode(path.readlink())
    if stat.S_ISDIR(mode):
        return "folder", False, b""
    return "file", bool(mode & 0o100), path.read_bytes()


def _raise(error: OSError) -> None:
    raise error
