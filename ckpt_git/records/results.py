"""The results of builds: a record for each tree and recipe, and their logs.

Both are small files below ``.git/ckpt``: ``records`` and ``logs``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from ckpt_git.kept_files import remove_file
from ckpt_git.model.record import Record
from ckpt_git.records.files import newest_first, publish_json, writing
from ckpt_git.records.state import State

KEPT_LOGS = 200
KEPT_RECORDS = 200


def find(state: State, package: str, key: str, recipe: str) -> Record | None:
    """What is known about ``key`` under ``recipe``, or None."""
    record = _read(state, _file(state, package, key, recipe))
    if record is None or record.recipe != recipe:
        return None
    # One that was still being built when its checkpoint was found wrong came afterwards.
    wrong = state.distrusted(package) & {record.base, record.left}
    return None if wrong and not record.verified else record


def has_built(state: State, package: str, key: str) -> bool:
    """Whether there is a record about ``key``, under whatever recipe."""
    return any(_file(state, package, key, "").parent.glob(f"{key}-*.json"))


def save(state: State, record: Record) -> None:
    """Keep ``record`` in place of an older one about the same. Raises ``StoreError``."""
    path = _file_of(state, record)
    publish_json(path, record.to_json(), mtime=state.last("records", record.finished))


def touch(state: State, record: Record) -> None:
    """Mark ``record`` as the newest: it answered the last question."""
    with suppress(OSError):  # a read-only repository can be asked, too
        moment = state.last("records", time.time())
        os.utime(_file_of(state, record), (moment, moment))


def history(state: State, package: str | None = None, limit: int | None = None) -> list[Record]:
    """The records, the one last made or asked for first; at most ``limit``, and then no
    other file is opened."""
    paths = newest_first(state.folders("records", package), ".json")
    records = (_read(state, path) for path in paths)
    return list(islice((record for record in records if record is not None), limit))


def forget_old(state: State, before: float, *, dry_run: bool = False) -> int:
    """Forget all records that were neither made nor asked for since ``before`` (Unix seconds),
    but for each package's newest; returns how many."""
    old = [
        path
        for folder in state.folders("records", None)
        for path in newest_first([folder], ".json")[KEPT_RECORDS:]
        if path.lstat().st_mtime < before
    ]
    for path in [] if dry_run else old:
        remove_file(path)
    return len(old)


def _file(state: State, package: str, key: str, recipe: str) -> Path:
    return state.path / "records" / package / f"{key}-{recipe[:16]}.json"


def _file_of(state: State, record: Record) -> Path:
    return _file(state, record.package, record.key, record.recipe)


def _read(state: State, path: Path) -> Record | None:
    return state.read(path, Record.from_json, partial(_file_of, state))


def forget_built_on(
    state: State, package: str, wrong: Collection[str], sound: Collection[str]
) -> None:
    """Forget the builds that left a ``wrong`` checkpoint, and those that started from a checkpoint
    not among the ``sound`` ones: what an old one was built on isn't known."""
    for record in history(state, package):
        if record.depth == 0 or record.verified:
            continue
        if record.base not in sound or record.left in wrong:
            path = _file_of(state, record)
            with writing(path):
                remove_file(path)


def packages(state: State) -> list[str]:
    """The names of all packages that were built."""
    with suppress(OSError):
        return sorted(folder.name for folder in (state.path / "records").iterdir())
    return []


# -- logs ------------------------------------------------------------------------------------------


def new_log(state: State, package: str) -> Path:
    """A new, empty log file for a build of ``package``; only the newest 200 are kept.

    Names sort by time (UTC). Raises ``StoreError``.
    """
    folder = state.path / "logs"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        log = _create_log(folder, package)
    _prune_logs(state, log)
    return log


def _prune_logs(state: State, new: Path) -> None:
    """Whatever its name says of the time, the ``new`` one stays."""
    with suppress(OSError):
        for log in sorted((state.path / "logs").iterdir())[:-KEPT_LOGS]:
            if log != new:
                remove_file(log)


def _create_log(folder: Path, package: str) -> Path:
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S.%f")
        log = folder / f"{stamp}-{package}.log"
        with suppress(FileExistsError):
            log.touch(exist_ok=False)
            return log
