"""Two outputs, file by file: content, kind, mode and link target. Dates don't count."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ckpt_git.model.errors import StoreError

Contents = Mapping[str, tuple[int, str]]
"""Every path of an output (itself as ``.``) with its mode, and its link's target or the SHA-256
of what it holds."""


def contents(root: Path) -> Contents:
    """What the output ``root`` holds. Raises ``StoreError`` where it goes meanwhile."""
    try:
        return dict(_entries(root))
    except FileNotFoundError as error:
        raise StoreError(
            f"{error.filename} went while it was compared", "another build cleared up; try again"
        ) from error


def differences(one: Contents, other: Contents) -> list[str]:
    """The paths that are not the same in both, sorted."""
    return sorted(path for path in {*one, *other} if one.get(path) != other.get(path))


def _entries(root: Path) -> Iterator[tuple[str, tuple[int, str]]]:
    pending = ["."]
    while pending:
        path = pending.pop()
        full = root / path
        mode = full.lstat().st_mode
        yield path, (mode, _said_by(full, mode))
        if stat.S_ISDIR(mode):
            names = os.listdir(full)  # noqa: PTH208 - names, not paths
            pending += [name if path == "." else f"{path}/{name}" for name in names]


def _said_by(file: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return os.readlink(file)  # noqa: PTH115 - the target as it stands
    if not stat.S_ISREG(mode):
        return ""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
