"""The state of one repository: its records, checkpoints, logs and notices.

Touches ``.git/ckpt`` only. Reading never fails: what is damaged counts as absent. Writing raises
``StoreError`` in one line where the disk is full or read-only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ckpt_git import kept_files
from ckpt_git.model import change_weight, follow_policy
from ckpt_git.model import checkpoint as checkpoint_model
from ckpt_git.model.errors import StoreError
from ckpt_git.model.record import Record
from ckpt_git.records.files import (
    last_of_all,
    newest_first,
    publish,
    publish_json,
    read_json,
    writing,
)

if TYPE_CHECKING:
    from ckpt_git.model.change_weight import Weights
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.model.follow_policy import Drift

Value = TypeVar("Value")

KEPT_LOGS = 200
KEPT_RECORDS = 200

_NAMED = 3  # damaged files that are named; the rest lies beside them

_UNWRITTEN = (
    "ckpt: a background build could not run, and there was no room to keep why;"
    " free some space, and `git ckpt build` builds what is there now"
)


class State:
    """``.git/ckpt`` at ``path``; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tell: Callable[[str], None] = self._tell_later
        """Is given what is to be said about damage; it waits for the next command otherwise."""
        self._told = 0

    # -- records ------------------------------------------------------------------------------

    def find(self, package: str, key: str, recipe: str) -> Record | None:
        """What is known about ``key`` under ``recipe``, or None."""
        record = self._read_record(self._record(package, key, recipe))
        if record is None or record.recipe != recipe:
            return None
        # One that was still being built when its checkpoint was found wrong came afterwards.
        wrong = self._distrusted(package) & {record.base, record.left}
        return None if wrong and not record.verified else record

    def has_built(self, package: str, key: str) -> bool:
        """Whether there is a record about ``key``, under whatever recipe."""
        return any(self._record(package, key, "").parent.glob(f"{key}-*.json"))

    def save(self, record: Record) -> None:
        """Keep ``record`` in place of an older one about the same. Raises ``StoreError``."""
        path = self._record_of(record)
        publish_json(path, record.to_json(), mtime=self._last("records", record.finished))

    def touch_record(self, record: Record) -> None:
        """Have ``record`` count as the newest: it is the answer to what was asked for last."""
        with suppress(OSError):  # a read-only repository can be asked, too
            moment = self._last("records", time.time())
            os.utime(self._record_of(record), (moment, moment))

    def history(self, package: str | None = None, limit: int | None = None) -> list[Record]:
        """The records, the one last made or asked for first; at most ``limit``, and then no
        other file is opened."""
        paths = newest_first(self._folders("records", package), ".json")
        records = (self._read_record(path) for path in paths)
        return list(islice((record for record in records if record is not None), limit))

    def forget_records(self, before: float, *, dry_run: bool = False) -> int:
        """Forget all records that were neither made nor asked for since ``before`` (Unix seconds),
        but for each package's newest; returns how many."""
        old = [
            path
            for folder in self._folders("records", None)
            for path in newest_first([folder], ".json")[KEPT_RECORDS:]
            if path.lstat().st_mtime < before
        ]
        for path in [] if dry_run else old:
            kept_files.remove_file(path)
        return len(old)

    def _record(self, package: str, key: str, recipe: str) -> Path:
        return self.path / "records" / package / f"{key}-{recipe[:16]}.json"

    def _record_of(self, record: Record) -> Path:
        return self._record(record.package, record.key, record.recipe)

    def _read_record(self, path: Path) -> Record | None:
        return self.read(path, Record.from_json, self._record_of)

    # -- checkpoints --------------------------------------------------------------------------

    def checkpoints(self, package: str) -> list[Checkpoint]:
        """What ``package`` can be started from, newest first."""

        paths = newest_first(self._folders("checkpoints", package), ".json")
        read = (
            self.read(path, checkpoint_model.Checkpoint.from_json, self._checkpoint)
            for path in paths
        )
        wrong = self._distrusted(package)
        return [c for c in read if c is not None and not wrong.intersection(c.bases)]

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Remember ``checkpoint``. Raises ``StoreError``."""
        moment = self._last("checkpoints", checkpoint.created)
        publish_json(self._checkpoint(checkpoint), checkpoint.to_json(), mtime=moment)

    def drop_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Forget ``checkpoint``, if it is known; its artifacts are the engine's to remove."""
        self.forget_checkpoint(checkpoint.package, checkpoint.id)

    def forget_checkpoint(self, package: str, name: str) -> None:
        """The same by its id."""
        path = self._checkpoint_file(package, name)
        with writing(path):
            kept_files.remove_file(path)

    def distrust(self, package: str, ids: Collection[str]) -> list[Checkpoint]:
        """Have the checkpoints ``ids`` of ``package``, and all that was built on them, count for
        nothing from now on, but for what was verified. It is noted for good: a build that runs
        meanwhile may be on one of them.

        Returns those that were known: their artifacts are the engine's to remove. Raises
        ``StoreError``.
        """
        known = self.checkpoints(package)
        wrong = {*ids}
        for checkpoint in known:
            if checkpoint.lies_on(ids):
                first = max((n for n, one in enumerate(checkpoint.bases) if one in ids), default=0)
                wrong.update(checkpoint.bases[: first + 1])
        for name in sorted(wrong):
            publish_json(self._distrust(package) / f"{name}.json", {})
        lost = [checkpoint for checkpoint in known if checkpoint.id in wrong]
        for checkpoint in lost:
            self.drop_checkpoint(checkpoint)
        sound = {base for checkpoint in known for base in checkpoint.bases} - wrong
        self._forget_records(package, wrong, sound)
        return lost

    def _forget_records(self, package: str, wrong: Collection[str], sound: Collection[str]) -> None:
        """Forget the builds that left a ``wrong`` checkpoint, and those from others than the
        ``sound`` ones: of what is long gone nobody knows what it lay on."""
        for record in self.history(package):
            if record.depth == 0 or record.verified:
                continue
            if record.base not in sound or record.left in wrong:
                path = self._record_of(record)
                with writing(path):
                    kept_files.remove_file(path)

    def _distrusted(self, package: str) -> frozenset[str]:
        """The ids of the checkpoints that were ever found wrong, and of what lay on them."""
        with suppress(OSError):
            return frozenset(path.stem for path in self._distrust(package).iterdir())
        return frozenset()

    def _distrust(self, package: str) -> Path:
        return self.path / "distrusted" / package

    def packages(self) -> list[str]:
        """The names of all packages that were built."""
        with suppress(OSError):
            return sorted(folder.name for folder in (self.path / "records").iterdir())
        return []

    def known_checkpoints(self) -> list[str]:
        """The ids of all checkpoints, of any package. No file is opened."""
        paths = newest_first(self._folders("checkpoints", None), ".json")
        return [path.stem for path in paths]

    def in_force(self, package: str) -> Checkpoint | None:
        """The checkpoint that was put in force, as long as it is known; else the newest."""
        known = self.checkpoints(package)
        pinned = self._pinned(package)
        return next((c for c in known if c.id == pinned), known[0] if known else None)

    def is_pinned(self, package: str) -> bool:
        """Whether a checkpoint that is still known was put in force."""
        pinned = self._pinned(package)
        return pinned is not None and self._checkpoint_file(package, pinned).exists()

    def put_in_force(self, checkpoint: Checkpoint) -> None:
        """Have ``checkpoint``, which is known, be the one in force. Raises ``StoreError``."""
        publish_json(self._pin(checkpoint.package), {"id": checkpoint.id})

    def _pinned(self, package: str) -> str | None:
        return self.read(self._pin(package), lambda data: str(data["id"]))

    def _pin(self, package: str) -> Path:
        return self.path / "in-force" / f"{package}.json"

    def _checkpoint(self, checkpoint: Checkpoint) -> Path:
        return self._checkpoint_file(checkpoint.package, checkpoint.id)

    def _checkpoint_file(self, package: str, name: str) -> Path:
        return self.path / "checkpoints" / package / f"{name}.json"

    # -- weights ------------------------------------------------------------------------------

    def weights(self, package: str) -> Weights:
        """What is known of what a change to ``package`` has compiled anew."""

        known = self.read(self._weights(package), change_weight.Weights.from_json)
        return change_weight.Weights() if known is None else known

    def keep_weights(self, package: str, weights: Weights) -> None:
        """Keep what a clean build has taught. Raises ``StoreError``."""
        publish_json(self._weights(package), weights.to_json())

    def _weights(self, package: str) -> Path:
        return self.path / "weights" / f"{package}.json"

    # -- drift --------------------------------------------------------------------------------

    def drift(self, checkpoint: Checkpoint) -> Drift:
        """What it has cost that ``checkpoint`` stays in force; nothing where it was just put."""

        def read(data: Mapping[str, Any]) -> Drift:
            return (
                follow_policy.Drift.from_json(data)
                if data["checkpoint"] == checkpoint.id
                else follow_policy.Drift()
            )

        return self.read(self._drift(checkpoint.package), read) or follow_policy.Drift()

    def keep_drift(self, checkpoint: Checkpoint, drift: Drift) -> None:
        """Keep that. Raises ``StoreError``."""
        data = {"checkpoint": checkpoint.id, **drift.to_json()}
        publish_json(self._drift(checkpoint.package), data)

    def _drift(self, package: str) -> Path:
        return self.path / "drift" / f"{package}.json"

    # -- logs ---------------------------------------------------------------------------------

    def new_log(self, package: str) -> Path:
        """A new, empty log file for a build of ``package``; only the newest 200 are kept.

        Names sort by time (UTC). Raises ``StoreError``.
        """
        folder = self.path / "logs"
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            log = _create_log(folder, package)
        self._prune_logs(log)
        return log

    def _prune_logs(self, new: Path) -> None:
        """Whatever its name says of the time, the ``new`` one stays."""
        with suppress(OSError):
            for log in sorted((self.path / "logs").iterdir())[:-KEPT_LOGS]:
                if log != new:
                    kept_files.remove_file(log)

    # -- notices ------------------------------------------------------------------------------

    def post_notice(self, text: str) -> None:
        """Keep ``text`` until it can be told: by the next hook or the next command.

        Each is a file of its own, so that one which is posted while others are taken is not
        lost. Raises ``StoreError``; that there was something can still be told then, as an empty
        file has room on a full disk.
        """
        name = f"{time.time_ns():020}-{os.getpid()}.txt"
        try:
            publish(self.path / "notices" / name, os.fsencode(text.rstrip("\n") + "\n"))
        except StoreError:
            with suppress(OSError):
                self._unwritten.touch()
            raise

    def take_notices(self) -> list[str]:
        """What waits to be told, oldest first; who takes it tells it, nobody else will.

        hooks/background.sh does the same with ``mv``: the one whose rename succeeds tells.
        """
        taken = []
        for path in self._notices():
            mine = path.with_name(f".{path.name}.{os.getpid()}")
            with suppress(OSError):
                path.rename(mine)
                if text := _text(mine):
                    taken.append(text)
                kept_files.remove_file(mine)
        with suppress(OSError):
            self._unwritten.lstat()
            kept_files.remove_file(self._unwritten)
            taken.append(_UNWRITTEN)
        return taken

    @property
    def _unwritten(self) -> Path:
        return self.path / "unwritten"

    def _notices(self) -> list[Path]:
        with suppress(OSError):
            return sorted(filter(_is_notice, (self.path / "notices").iterdir()))
        return []

    # -- skipping -----------------------------------------------------------------------------

    def remember_skipping(self, skipped: bool) -> None:
        """Whether git's configuration has hooks do nothing: hooks/background.sh asks git then."""
        with suppress(OSError):
            if skipped:
                (self.path / "skip").touch()
            else:
                kept_files.remove_file(self.path / "skip")

    # -- damage -------------------------------------------------------------------------------

    def read(
        self,
        path: Path,
        parse: Callable[[Mapping[str, Any]], Value],
        place: Callable[[Value], Path] | None = None,
    ) -> Value | None:
        """What ``parse`` makes of the JSON object at ``path``; None where there is none.

        ``place`` says where that belongs: where files were swapped each is whole, and about
        something else than its name says. What isn't as it was written counts as absent, is moved
        aside so that it is looked at once, and is still there for whoever wants to know what
        happened.
        """

        def read(data: Mapping[str, Any]) -> Value:
            value = parse(data)
            if place is not None and place(value) != path:
                raise kept_files.DamagedError(f"{path} has another record in it")
            return value

        return read_json(path, read, self._let_go)

    def _let_go(self, path: Path) -> None:
        name = f"{path.parent.name}-{path.name}"
        with suppress(OSError):
            self.damaged.mkdir(parents=True, exist_ok=True)
            kept_files.remove_file(self.damaged / name)
            path.rename(self.damaged / name)
            self._told += 1
            if self._told <= _NAMED:
                self.tell(f"ckpt: {path} is damaged, so it is ignored; {self.damaged} keeps it")

    def _tell_later(self, text: str) -> None:
        with suppress(StoreError):
            self.post_notice(text)

    # -- places -------------------------------------------------------------------------------

    @property
    def damaged(self) -> Path:
        """Where files go that could not be understood."""
        return self.path / "damaged"

    def lock(self, name: str) -> Path:
        """The file that stands for the lock ``name``, for ``records.lock.exclusive``."""
        return self.path / "locks" / name

    def _last(self, kind: str, moment: float) -> float:
        return last_of_all(self._folders(kind, None), ".json", moment)

    def _folders(self, kind: str, package: str | None) -> list[Path]:
        folder = self.path / kind
        if package is not None:
            return [folder / package]
        with suppress(OSError):
            return list(folder.iterdir())
        return []


def _create_log(folder: Path, package: str) -> Path:
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S.%f")
        log = folder / f"{stamp}-{package}.log"
        with suppress(FileExistsError):
            log.touch(exist_ok=False)
            return log


def _is_notice(path: Path) -> bool:
    return path.suffix == ".txt" and not path.name.startswith(".")


def _text(path: Path) -> str | None:
    try:
        return os.fsdecode(kept_files.read_kept(path)).rstrip("\n")
    except (OSError, kept_files.DamagedError):
        return None
