"""Seals: a seal lists all that a folder holds, so that damage is found later.

A seal names every entry with its kind, mode, size and dates (ns), and a file with its digest. A
file is read again only where its date of change, which no program can set (inode(7), "ctime"), is
another one. So checking takes a few microseconds a file, and a copied store is still as it was.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.local.store.size import on_disk
from ckpt_git.kept_files import DamagedError, open_kept, read_kept

_HEADER = b"ckpt-seal 3\n"
_STAT_BLOCK = 512  # bytes


class Sealed(NamedTuple):
    """One entry below the sealed folder. Only files have a date of change and a digest here; the
    digest of one that can't be read is empty."""

    path: bytes
    mode: int
    size: int
    mtime_ns: int
    link: bytes
    ctime_ns: int = 0
    digest: bytes = b""


_FIELDS = len(Sealed._fields)
_AS_LISTED = 5
"""So many fields are what listing a folder tells, and stay the same in a copy of it."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a folder held when it was sealed, sorted by path. ``room`` is the bytes that it takes
    on disk."""

    entries: tuple[Sealed, ...]
    room: int

    def encode(self) -> bytes:
        """As kept on disk; the first lines say what it is and carry a checksum of the rest."""
        body = b"".join(b"%s\0%o\0%d\0%d\0%s\0%d\0%s\0" % entry for entry in self.entries)
        return _HEADER + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def seal(folder: Path) -> Seal:
    """Seal ``folder`` as it is now. Raises ``OSError`` where it can't be read."""
    entries, room = [], 0
    for entry, blocks in _walk(folder):
        digest = _digest(folder, entry) if stat.S_ISREG(entry.mode) else b""
        entries.append(entry._replace(digest=digest))
        room += _room(entry, blocks)
    return Seal(tuple(sorted(entries)), room)


def strip_setuid_and_seal(folder: Path) -> Seal:
    """Take from the files of ``folder`` the bits that would let them run as their owner, and seal
    it: what a build by root left must not become anybody's way to root. The Nix store keeps none
    either (Nix manual, "File System Object"). Raises ``OSError`` where it can't be read.
    """
    bits = stat.S_ISUID | stat.S_ISGID
    for entry, _ in _walk(folder):
        if stat.S_ISREG(entry.mode) and entry.mode & bits:
            (folder / os.fsdecode(entry.path)).chmod(stat.S_IMODE(entry.mode) & ~bits)
    return seal(folder)


def damage(folder: Path, seal_file: Path) -> str | None:
    """What is not as it was sealed, in a few words, or None. Raises nothing for what is gone."""
    try:
        kept = read_kept(seal_file)
        header, checksum, body = (*kept.split(b"\n", 2), b"", b"")[:3]
        if header + b"\n" != _HEADER or hashlib.sha256(body).hexdigest().encode() != checksum:
            return f"{seal_file} itself is damaged"
        sealed = {entry.path: entry for entry in _entries(body)}
        found = {entry.path: entry for entry, _ in _walk(folder)}
        changed = sealed.keys() ^ found.keys() | {
            path
            for path in sealed.keys() & found.keys()
            if not _is_as_sealed(folder, sealed[path], found[path])
        }
    except DamagedError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"
    if not changed:
        return None
    # A folder's date moves with what is in it: what lies deepest is what happened.
    path = min(changed, key=lambda path: (-path.count(b"/"), path))
    return f"{folder / os.fsdecode(path)} is missing or was changed"


def _is_as_sealed(folder: Path, sealed: Sealed, found: Sealed) -> bool:
    if sealed[:_AS_LISTED] != found[:_AS_LISTED]:
        return False
    return sealed.ctime_ns == found.ctime_ns or (
        sealed.digest != b"" and sealed.digest == _digest(folder, found)
    )


def _entries(body: bytes) -> Iterator[Sealed]:
    """The entries that an encoded seal has. Their fields end with a NUL: a name may hold any other
    byte."""
    fields = iter(body.split(b"\0")[:-1])
    for path, mode, size, mtime, link, ctime, digest in zip(*[fields] * _FIELDS, strict=True):
        yield Sealed(path, int(mode, 8), int(size), int(mtime), link, int(ctime), digest)


def _walk(folder: Path) -> Iterator[tuple[Sealed, int]]:
    """Every entry below ``folder`` without its digest, and the blocks that it has on disk, of 512
    bytes each (stat(2)). Links aren't followed. In no order."""
    pending = [b""]
    root = os.fsencode(folder)
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(root, below)) as entries:
            for entry in entries:
                path = os.path.join(below, entry.name)
                info = entry.stat(follow_symlinks=False)
                if is_folder := stat.S_ISDIR(info.st_mode):
                    pending.append(path)
                yield (
                    Sealed(
                        path,
                        info.st_mode,
                        0 if is_folder else info.st_size,
                        info.st_mtime_ns,
                        os.readlink(entry.path) if entry.is_symlink() else b"",
                        info.st_ctime_ns if stat.S_ISREG(info.st_mode) else 0,
                    ),
                    info.st_blocks,
                )


def _digest(folder: Path, entry: Sealed) -> bytes:
    """The digest of a file's content, in hex; empty where its owner may not read it."""
    try:
        with open_kept(folder / os.fsdecode(entry.path)) as content:
            return hashlib.file_digest(content, "sha256").hexdigest().encode()
    except DamagedError:
        return b""


def _room(entry: Sealed, blocks: int) -> int:
    """A file with holes takes less than its size, and one with blocks in reserve no more for long.
    A folder takes a block, and so does a link."""
    if not stat.S_ISREG(entry.mode):
        return on_disk(1)
    return min(on_disk(entry.size), blocks * _STAT_BLOCK)
