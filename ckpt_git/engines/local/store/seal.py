"""Seals: a seal lists all that a folder holds, so that damage is found later.

A seal names every entry with its kind, mode, size and mtime (ns). It doesn't read contents:
checking one costs a few microseconds a file and runs beside the build.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.local.store.size import on_disk
from ckpt_git.kept_files import DamagedError, read_kept

OPAQUE = "user.overlay.opaque"
"""The kernel's page on overlayfs, "whiteouts and opaque directories"."""

_HEADER = b"ckpt-seal 2\n"
_FIELDS = 5
_STAT_BLOCK = 512  # bytes


class Sealed(NamedTuple):
    """One entry below the sealed folder."""

    path: str
    mode: int
    size: int
    mtime_ns: int
    link: str
    blocks: int = 0
    """On disk when it was sealed, of 512 bytes each: stat(2). It isn't kept."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a folder held when it was sealed, sorted by path."""

    entries: tuple[Sealed, ...]

    @property
    def newest_mtime_ns(self) -> int:
        """The newest mtime of any file or folder, in ns; 0 for an empty folder."""
        return max((entry.mtime_ns for entry in self.entries), default=0)

    @property
    def room(self) -> int:
        """Bytes that it takes on disk."""
        return sum(map(_room, self.entries))

    def encode(self) -> bytes:
        """As kept on disk; the first lines say what it is and carry a checksum of the rest."""
        body = b"".join(
            b"%s\0%o\0%d\0%d\0%s\0"
            % (os.fsencode(e.path), e.mode, e.size, e.mtime_ns, os.fsencode(e.link))
            for e in self.entries
        )
        return _HEADER + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def seal(folder: Path) -> Seal:
    """Seal ``folder`` as it is now. Raises ``OSError`` where it can't be read."""
    return Seal(tuple(sorted(walk(folder))))


def strip_setuid_and_seal(folder: Path) -> Seal:
    """Take from the files of ``folder`` the bits that would let them run as their owner, and seal
    it: what a build by root left must not become anybody's way to root. The Nix store keeps none
    either (Nix manual, "File System Object"). Raises ``OSError`` where it can't be read.
    """
    sealed = seal(folder)
    bits = stat.S_ISUID | stat.S_ISGID
    loose = [e for e in sealed.entries if stat.S_ISREG(e.mode) and e.mode & bits]
    for entry in loose:
        (folder / entry.path).chmod(stat.S_IMODE(entry.mode) & ~bits)
    return seal(folder) if loose else sealed


def damage(folder: Path, seal_file: Path) -> str | None:
    """What is not as it was sealed, in a few words, or None. Raises nothing for what is gone."""
    try:
        kept = read_kept(seal_file)
        now = seal(folder)
    except DamagedError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"
    if kept == (found := now.encode()):
        return None
    header, checksum, body = (*kept.split(b"\n", 2), b"", b"")[:3]
    if header + b"\n" != _HEADER or hashlib.sha256(body).hexdigest().encode() != checksum:
        return f"{seal_file} itself is damaged"
    changed = {fields[0] for fields in {*_entries(kept)} ^ {*_entries(found)}}
    # A folder's date moves with what is in it: what lies deepest is what happened.
    path = min(changed, key=lambda path: (-path.count(b"/"), path))
    return f"{folder / os.fsdecode(path)} is missing or was changed"


def mtimes(encoded: bytes) -> dict[str, int]:
    """The mtime (ns) of each path that an encoded seal names."""
    return {os.fsdecode(fields[0]): int(fields[3]) for fields in _entries(encoded)}


def files(encoded: bytes) -> dict[str, int | None]:
    """The mtime (ns) of each file and link that an encoded seal names; None for one that says
    that what lies below it is gone: the kernel's page on overlayfs, "whiteouts"."""
    return {
        os.fsdecode(path): None if stat.S_ISCHR(int(mode, 8)) else int(mtime)
        for path, mode, _, mtime, _ in _entries(encoded)
        if not stat.S_ISDIR(int(mode, 8))
    }


def _entries(encoded: bytes) -> Iterator[tuple[bytes, ...]]:
    """The fields of each entry. They end with a NUL: a name may hold any other byte."""
    fields = iter(encoded.split(b"\n", 2)[2].split(b"\0")[:-1])
    return zip(*[fields] * _FIELDS, strict=True)


def walk(folder: Path) -> Iterator[Sealed]:
    """Every entry below ``folder``, links not followed, in no order."""
    pending = [""]
    root = os.fspath(folder)
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(root, below)) as entries:
            for entry in entries:
                path = os.path.join(below, entry.name)
                info = entry.stat(follow_symlinks=False)
                if is_folder := stat.S_ISDIR(info.st_mode):
                    pending.append(path)
                yield Sealed(
                    path,
                    info.st_mode,
                    0 if is_folder else info.st_size,
                    info.st_mtime_ns,
                    _said_besides(entry),
                    info.st_blocks,
                )


def _room(entry: Sealed) -> int:
    """A file with holes takes less than its size, and one with blocks in reserve no more for long.
    A folder takes a block, and so does a link."""
    if not stat.S_ISREG(entry.mode):
        return on_disk(1)
    return min(on_disk(entry.size), entry.blocks * _STAT_BLOCK)


def _said_besides(entry: os.DirEntry[str]) -> str:
    """What else there is to an entry: a link's target, overlayfs' mark on a folder."""
    if entry.is_symlink():
        return os.readlink(entry.path)
    return OPAQUE if entry.is_dir(follow_symlinks=False) and is_opaque(entry.path) else ""


def is_opaque(folder: str | Path) -> bool:
    """Whether a layer's folder hides what lies below it."""
    if sys.platform != "linux":
        return False
    try:
        return os.getxattr(folder, OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False
