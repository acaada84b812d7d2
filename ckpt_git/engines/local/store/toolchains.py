"""The system files that a build read, with their state: they tell whether a record still holds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import writing
from ckpt_git.kept_files import (
    DamagedError,
    decode_json,
    encode_json,
    make_way,
    read_kept,
    remove_file,
    replace,
)
from ckpt_git.records.files import newest_first

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store

_KEPT = 64
_LISTED = "listed-"
"""How the name of a toolchain begins that is all that a build may use, not what one did."""


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


def keep_list(store: Store, digest: str, inputs: Sequence[str]) -> str:
    """Keep of which ``inputs`` a list of all that a build may use was made, for one of which not
    all was seen; gives its name. Raises ``StoreError``."""
    path = store.toolchains / name_of_list(digest)
    with writing(store.toolchains):
        make_way(path)
        path.write_bytes(encode_json({"inputs": inputs}))
    return path.name


def is_list(name: str) -> bool:
    """Whether it is the name of a list."""
    return name.startswith(_LISTED)


def name_of_list(digest: str) -> str:
    """The name of a list by its digest."""
    return _LISTED + digest


def inputs_of_list(store: Store, name: str) -> tuple[str, ...]:
    """Its ``inputs``. Raises ``OSError`` and ``ValueError`` where that can't be read."""
    return tuple(decode_json(read_kept(store.toolchains / name))["inputs"])


def forget_old(store: Store) -> None:
    """Remove all but the newest ones."""
    for old in newest_first([store.toolchains], "")[_KEPT:]:
        remove_file(old)


def _name_of(system: bytes) -> str:
    return hashlib.sha256(system).hexdigest()[:32]
