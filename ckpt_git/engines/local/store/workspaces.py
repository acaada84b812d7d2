"""The folders that builds run in, below ``tmp``: one for each, locked, and removed when it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.deferred import Deferred
from ckpt_git.engines.files import new_id, writing
from ckpt_git.engines.local.store.locks import locked_file, remove_unless_held
from ckpt_git.folders import remove

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store

_GRACE = 600.0  # seconds


@contextmanager
def new(store: Store, *, until_released: bool = False) -> Iterator[Path]:
    """A folder for one build, removed afterwards; locked, so that no sweep takes it. With
    ``until_released`` it goes while what was built is made known: see ``Store.release_pins``."""
    store.open()
    sweep_dead_builds(store)
    name = new_id()
    work = store.tmp / name
    with writing(store.tmp):
        lock = locked_file(store.tmp / f"{name}.lock")

    def clear() -> None:
        with suppress(OSError):  # what can't be removed now is swept by a later build
            remove(work)
            (store.tmp / f"{name}.lock").unlink(missing_ok=True)
        os.close(lock)

    try:
        with writing(store.tmp):
            work.mkdir()
        yield work
    except BaseException:
        clear()
        raise
    if until_released:
        store.when_released(Deferred(clear))
    else:
        clear()


def sweep_dead_builds(store: Store) -> None:
    """Remove what killed builds left in ``tmp``: their locks are free."""
    for left in store.tmp.iterdir():
        locked = left.suffix == ".lock" or left.with_suffix(".lock").exists()
        if not locked and _age(left) > _GRACE:
            remove_unless_held(left)
    for lock_file in store.tmp.glob("*.lock"):
        try:
            lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            flock(lock, LOCK_EX | LOCK_NB)
            remove(lock_file.with_suffix(""))
            lock_file.unlink(missing_ok=True)
        except OSError:  # its build runs
            continue
        finally:
            os.close(lock)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
