"""The contents that memories name: their size, and which of them no memory names any more.

The watcher writes them (``ckpt_git/watch/files/objects.h``); here they are only let go of.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.local.store.entries import AROUND, BESIDE, MEMORY
from ckpt_git.engines.local.store.size import on_disk
from ckpt_git.kept_files import remove_file
from ckpt_git.watch.memory_file import MemoryFile

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store

_FOLDER = 2  # letters of a digest that are the name of a folder


def sweep(store: Store, young: float) -> None:
    """Remove the objects that no memory names, and those that were never finished, if they are
    older than ``young`` seconds. Under the tally's lock. A memory that can't be read names
    nothing."""
    named: set[str] = set()
    for path in store.entries.glob(f"*/{MEMORY}"):
        with suppress(OSError, ValueError):
            named |= {digest.hex() for digest in MemoryFile.read(path).contents}
    limit = time.time() - young
    for entry, name in chain(_each(store), _unfinished(store)):
        with suppress(OSError):
            if name not in named and entry.stat(follow_symlinks=False).st_ctime < limit:
                remove_file(Path(entry.path))


def size(store: Store) -> int:
    """Bytes that all objects take on disk. Looks at each."""
    total = 0
    for entry, _ in _each(store):
        with suppress(FileNotFoundError):
            total += on_disk(entry.stat(follow_symlinks=False).st_size)
    return total


def memory_bytes(store: Store, entry_id: str) -> int:
    """Bytes that a checkpoint takes, its objects left out."""
    total = BESIDE
    with suppress(FileNotFoundError), os.scandir(store.entries / entry_id) as files:
        for file in files:
            if file.name not in AROUND:
                total += on_disk(file.stat(follow_symlinks=False).st_size)
    return total


def _unfinished(store: Store) -> Iterator[tuple[os.DirEntry[str], str]]:
    with suppress(FileNotFoundError), os.scandir(store.objects) as files:
        for file in files:
            if file.name.startswith("tmp-"):
                yield file, file.name


def _each(store: Store) -> Iterator[tuple[os.DirEntry[str], str]]:
    with suppress(FileNotFoundError), os.scandir(store.objects) as folders:
        for folder in folders:
            if len(folder.name) == _FOLDER and folder.is_dir(follow_symlinks=False):
                with os.scandir(folder.path) as files:
                    for file in files:
                        yield file, folder.name + file.name
