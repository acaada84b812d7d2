"""Folders that are ours, however deep: what is below one, and its removal.

A build may nest folders deeper than Python calls itself, or than a path can name. Nothing
here calls itself for each of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import AnyStr

from ckpt_git.process import run


def walk(folder: AnyStr) -> Iterator[os.DirEntry[AnyStr]]:
    """All that is below ``folder``, links not followed, in no order but that a folder comes before
    what is in it. However deep: os.walk() calls itself."""
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)


def _unlock(folder: Path) -> None:
    """Let the owner enter, list and change it, and each folder below it. Raises ``OSError``."""
    folder.chmod(stat.S_IRWXU)
    for entry in walk(str(folder)):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101 - as scandir gives it


def remove(folder: Path) -> None:
    """Remove a folder, whatever its modes: overlayfs and go leave some that can't be entered.
    A link to one is removed itself."""
    if folder.is_symlink():
        folder.unlink()
        return

    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.is_file() and not folder.is_symlink():
        folder.unlink(missing_ok=True)
    if folder.is_dir():
        with suppress(OSError, RecursionError):
            _unlock(folder)
            shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():
        # Folders may be nested deeper than a path can name them: fts(3) goes down by itself.
        run(["chmod", "-R", "u+rwx", "--", str(folder)], ok=(0, 1))
        run(["rm", "-rf", "--", str(folder)], ok=(0, 1))
    if folder.is_dir():
        raise OSError(errno.ENOTEMPTY, "it can't be removed", str(folder))
