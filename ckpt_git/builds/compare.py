"""Two outputs, file by file: content, kind, mode and link target. Dates don't count."""

from __future__ import annotations

import filecmp
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def differences(one: Path, other: Path) -> list[str]:
    """The paths, relative to both, that are not the same in both; sorted."""
    left, right = dict(_entries(one)), dict(_entries(other))
    return sorted(
        path
        for path in {*left, *right}
        if left.get(path) != right.get(path) or not _same_content(one / path, other / path)
    )


def _entries(root: Path) -> Iterator[tuple[str, tuple[int, str]]]:
    """Every path below ``root`` (itself as ``.``) with its mode and its link target."""
    pending = ["."]
    while pending:
        path = pending.pop()
        full = root / path
        info = full.lstat()
        target = os.readlink(full) if stat.S_ISLNK(info.st_mode) else ""  # noqa: PTH115
        yield path, (info.st_mode, target)
        if stat.S_ISDIR(info.st_mode):
            names = os.listdir(full)  # noqa: PTH208 - names, not paths
            pending += [name if path == "." else f"{path}/{name}" for name in names]


def _same_content(one: Path, other: Path) -> bool:
    if not stat.S_ISREG(one.lstat().st_mode):
        return True
    return filecmp.cmp(one, other, shallow=False)
