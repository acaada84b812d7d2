"""Moves and removes folders that are ours. No git here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ckpt_git.folders import remove
from ckpt_git.model.errors import StoreError


def merge(source: Path, target: Path) -> None:
    """Move everything in ``source`` into ``target``; what is in the way is replaced.

    Both are on one file system. Raises ``StoreError`` where something can't be moved.
    """
    pending = [(source, target)]
    try:
        while pending:
            source, target = pending.pop()
            with os.scandir(source) as entries:
                for entry in entries:
                    pending += _move(Path(entry.path), target / entry.name)
    except OSError as error:
        raise StoreError(f"cannot write {error.filename}: {error.strerror}") from error


def _move(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Two folders stay, and are given: what is in them is to be moved."""
    if _is_folder(target):
        if _is_folder(source):
            return [(source, target)]
        remove_folder(target)
    elif _is_folder(source):
        target.unlink(missing_ok=True)
    source.replace(target)
    return []


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def remove_folder(folder: Path) -> None:
    """Remove ``folder`` and all in it, as far as that is possible."""
    with suppress(OSError):
        remove(folder)
