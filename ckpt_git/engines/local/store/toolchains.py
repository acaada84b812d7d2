"""What builds read of the system, a file for each, by which it is seen whether it is as it was."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import writing
from ckpt_git.kept_files import DamagedError, read_kept, replace

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store


def keep(store: Store, seen: Path) -> str:
    """Keep what a build read of the system, in the file ``seen``; gives its name. Raises
    ``FileNotFoundError`` where the build wrote down nothing, and ``StoreError``."""
    name = _name_of(seen.read_bytes())
    with writing(store.toolchains):
        replace(seen, store.toolchains / name)  # what is there may be damaged
    return name


def find(store: Store, name: str) -> Path | None:
    """The file that was kept by that name; None where it isn't there as it was."""
    path = store.toolchains / name
    with suppress(OSError, DamagedError):
        return path if _name_of(read_kept(path)) == name else None
    return None


def _name_of(system: bytes) -> str:
    return hashlib.sha256(system).hexdigest()[:32]
