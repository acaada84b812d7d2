"""What builds installed: published like an entry, with whose it is and a seal beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import make_readable, move, writing
from ckpt_git.engines.local.store import seal
from ckpt_git.engines.local.store.entries import BESIDE
from ckpt_git.kept_files import read_kept

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store

_OWNED = ".of"
"""The file that says whose a folder is, and its size."""
_SEAL = ".seal"
_MOST_BYTES = 1 << 63


def publish(store: Store, work: Path, output_id: str, owner: str, package: str) -> Path | None:
    """Publish ``work/out`` as what a build of ``owner``'s ``package`` installed; its path in
    the store, or None where nothing was installed. Raises ``StoreError``."""
    made = work / "output"
    with writing(store.outputs):
        made.mkdir()
        out = made / package
        move(work / "out", out)
        make_readable(out)
        sealed = seal.strip_setuid_and_seal(out)
        if not sealed.entries:
            return None
        (made / _SEAL).write_bytes(sealed.encode())
        size = sealed.room + BESIDE
        (made / _OWNED).write_text(json.dumps([owner, package, size]))
        store.hold(made)
        with store.tally.locked():
            store.tally.add(size)
            made.rename(store.outputs / output_id)
    return store.outputs / output_id / package


def damage(out: Path) -> str | None:
    """What of a published output isn't as it was, or None."""
    return seal.damage(out, out.parent / _SEAL)


def owner(folder: Path) -> tuple[str, str, int] | None:
    """Whose the output in ``folder`` is: the repository's git folder, the package and the bytes;
    None where that can't be read."""
    try:
        owner, package, size = json.loads(read_kept(folder / _OWNED))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    known = isinstance(owner, str) and isinstance(package, str) and type(size) is int
    return (owner, package, size) if known and 0 <= size < _MOST_BYTES else None
