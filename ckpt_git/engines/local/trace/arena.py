"""The arena: the file of shared memory in which a build's programs note what they do.

``interpose.c`` says how it is laid out. Made before a build, read after it, and gone with its
workspace. Nothing here decides anything; what the records mean says ``model/trace.py``.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"ckpttrc1"
_HEAD = struct.Struct("=8sQQIIII1024s256s")  # struct arena
_BLOCK = struct.Struct("=IIIII")  # struct block
_RECORD = struct.Struct("=Hc")
_NEXT = struct.Struct("=QQIII")  # of _HEAD what is read: from `next` to `lost`
_READY = 8 << 20  # bytes that have their place on disk from the beginning
_LONGEST_ROOT = 1023
_ELF_HEAD = struct.Struct("=16s16xQ14xHH")  # elf(5): e_phoff, e_phentsize, e_phnum
_PT_INTERP = 3


class Noted(NamedTuple):
    """What one program noted: its process, its parent's, and (kind, bytes) in their order."""

    process: int
    parent: int
    records: list[tuple[bytes, bytes]]


class Read(NamedTuple):
    """What an arena held: programs by the number of their step, the processes that went on with
    one (process, step) in their order, and how many records found no room."""

    programs: dict[int, Noted]
    forks: list[tuple[int, int]]
    lost: int


def make(path: Path, root: str) -> None:
    """A new arena for a build below ``root``, as the build sees it. Raises ``OSError``."""
    page = mmap.PAGESIZE
    encoded = os.fsencode(root)
    if len(encoded) > _LONGEST_ROOT:
        raise OSError(f"{root} is too long a path to be traced")
    head = _HEAD.pack(_MAGIC, page, _READY, page, 0, 0, len(encoded), encoded, interpreter())
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o666)  # whoever the build becomes inside of its sandbox
        os.posix_fallocate(file.fileno(), 0, _READY)
        file.write(head)


def interpreter(program: str = "/bin/sh") -> bytes:
    """The loader that this machine's programs ask for; empty where that can't be told."""
    with suppress(OSError, struct.error), open(program, "rb") as file:
        head = file.read(4096)
        _, start, size, count = _ELF_HEAD.unpack_from(head)
        for number in range(count):
            kind, _, offset, _, _, length = struct.unpack_from(
                "=IIQQQQ", head, start + number * size
            )
            if kind == _PT_INTERP:
                return head[offset : offset + length].rstrip(b"\0")
    return b""


def read(path: Path) -> Read:
    """All that was noted in the arena. Raises ``OSError`` and ``ValueError`` where it is none."""
    programs: dict[int, Noted] = {}
    forks: list[tuple[int, int]] = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as arena:
        if arena[: len(_MAGIC)] != _MAGIC:
            raise ValueError(f"{path} is no arena")
        end, _, page, _, lost = _NEXT.unpack_from(arena, len(_MAGIC))
        at = page
        while at < min(end, len(arena)):
            size, step, process, parent, used = _BLOCK.unpack_from(arena, at)
            if size == 0:  # whoever took it was killed before it began
                at, lost = at + page, lost + 1
                continue
            noted = programs.setdefault(step, Noted(process, parent, []))
            for kind, text in _records(arena, at, min(used, size)):
                if kind == b"f":
                    forks.append((int.from_bytes(text, "little"), step))
                else:
                    noted.records.append((kind, text))
            at += size
    return Read(programs, forks, lost)


def _records(arena: mmap.mmap, at: int, used: int) -> Iterator[tuple[bytes, bytes]]:
    place, end = at + _BLOCK.size, at + used
    while place + _RECORD.size <= end:
        size, kind = _RECORD.unpack_from(arena, place)
        if size < _RECORD.size or place + size > end:
            return
        yield kind, arena[place + _RECORD.size : place + size]
        place += size
