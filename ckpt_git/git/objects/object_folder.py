"""Our own object folder: find objects in it that are damaged.

git takes a damaged object for one that is there, and never writes it anew; at a pipe in its place
it waits for ever. What goes is written again by the next snapshot that needs it.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ckpt_git.git.location import Location
from ckpt_git.kept_files import DamagedError, read_kept, remove_file

_FOLDER = 2  # letters of an id that are the name of a folder


def drop_what_is_no_file(at: Location) -> None:
    """Remove what git would wait for, or stumble over. No file is looked at."""
    for entry in _entries(at):
        if not entry.is_file(follow_symlinks=False):
            with suppress(OSError):
                remove_file(Path(entry.path))


def drop_damaged(at: Location) -> int:
    """Remove all that isn't the object that its name says; returns how many there were. Reads all
    of them."""
    damaged = [Path(entry.path) for entry in _entries(at) if not _is_whole(at, Path(entry.path))]
    for path in damaged:
        with suppress(OSError):
            remove_file(path)
    return len(damaged)


def _is_whole(at: Location, path: Path) -> bool:
    reading = zlib.decompressobj()
    try:
        held = reading.decompress(read_kept(path))
    except (DamagedError, OSError, zlib.error):
        return False
    if not reading.eof or reading.unused_data:
        return False
    return hashlib.new(at.object_format, held).hexdigest() == path.parent.name + path.name


def _entries(at: Location) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(at.objects) as folders:
        for folder in folders:
            if len(folder.name) == _FOLDER and folder.is_dir(follow_symlinks=False):
                with suppress(OSError), os.scandir(folder.path) as entries:
                    yield from entries
