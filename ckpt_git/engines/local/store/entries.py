"""A store's entries: their files, what they say of themselves, and whether they are on disk."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ckpt_git.kept_files import decode_json, encode_json, read_kept
from ckpt_git.process import popen

MEMORY, REPORT = "memory", "report"
"""The files of an entry that is a checkpoint: see ``ckpt_git.watch``."""

META, _UNSYNCED = "meta.json", "unsynced"

BESIDE = 4 * 4096
"""Bytes of the folders and small files around what an entry holds: ``AROUND`` for one."""
AROUND = frozenset({META, _UNSYNCED})


@dataclass(frozen=True, slots=True)
class Entry:
    """One published entry: a checkpoint's memory, or what ``fetch`` brought.

    ``owner`` is the git folder of the repository it was made for, ``machine`` a digest of what it
    was made on. ``bytes`` is the room that it
    takes, that of the objects that came with it included; ``seconds`` what it took to make it.
    """

    id: str
    owner: str
    package: str
    machine: str = ""
    fetched: bool = False
    bytes: int = 0
    seconds: float = 0.0


def encode(entry: Entry) -> bytes:
    """What ``META`` holds."""
    return encode_json(asdict(entry))


def read(folder: Path) -> Entry | None:
    """What the entry in ``folder`` says of itself, or None where that can't be read."""
    try:
        entry = Entry(**decode_json(read_kept(folder / META)))
        return entry if entry.id == folder.name else None  # another's, where files were swapped
    except (OSError, ValueError, TypeError):
        return None


# --- on disk or not --------------------------------------------------------------------------


def mark_unsynced(folder: Path) -> None:
    """Note that what is in ``folder`` may be in the memory of the running machine alone."""
    (folder / _UNSYNCED).write_text(_boot())


def was_lost_in_a_crash(folder: Path) -> bool:
    """Whether the machine stopped before the entry in ``folder`` was on disk."""
    try:
        return read_kept(folder / _UNSYNCED).decode() != _boot()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def make_durable(folder: Path) -> None:
    """Write a published entry to disk with syncfs(2), in a process of its own. Until that has
    ended, the entry is trusted only as long as the machine runs."""
    mark = folder / _UNSYNCED
    script = 'sync -f "$1" && rm -f "$1"'
    popen(["/bin/sh", "-c", script, "sync", str(mark)], env={"PATH": os.defpath})


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
