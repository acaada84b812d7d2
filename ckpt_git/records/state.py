"""A repository's ``.git/ckpt``: where its files lie, what a damaged one means, what to tell.

Touches ``.git/ckpt`` only. Reading never fails: what is damaged counts as absent. Writing raises
``StoreError`` in one line where the disk is full or read-only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ckpt_git import kept_files
from ckpt_git.model.errors import StoreError
from ckpt_git.records.files import last_of_all, publish, read_json

Value = TypeVar("Value")

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
        """Called with each message about damage. By default the next command prints them."""
        self._told = 0

    # -- notices ------------------------------------------------------------------------------

    def post_notice(self, text: str) -> None:
        """Keep ``text`` until the next hook or command prints it.

        Each notice is a file, so that one that is posted while others are taken isn't lost. Raises
        ``StoreError`` on a full disk. An empty file still fits there, and says that a notice is
        missing.
        """
        name = f"{time.time_ns():020}-{os.getpid()}.txt"
        try:
            publish(self.path / "notices" / name, os.fsencode(text.rstrip("\n") + "\n"))
        except StoreError:
            with suppress(OSError):
                self._unwritten.touch()
            raise

    def take_notices(self) -> list[str]:
        """Take all notices, oldest first. The caller prints them: they are removed.

        hooks/background.sh does the same with ``mv``. The process whose rename succeeds prints.
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
        """Note whether git's configuration switches our hooks off. hooks/background.sh asks git
        only if there is such a note."""
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
        """``parse`` of the JSON object at ``path``; None where there is none.

        ``place`` gives the path that a value belongs at. It finds files that were swapped: each of
        them is whole, but has another name's content. A damaged file counts as absent. It is moved
        to the folder ``damaged``, where the user can look at it.
        """

        def read(data: Mapping[str, Any]) -> Value:
            value = parse(data)
            if place is not None and place(value) != path:
                raise kept_files.DamagedError(f"{path} has another record in it")
            return value

        return read_json(path, read, self._set_aside)

    def _set_aside(self, path: Path) -> None:
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
        """The file of the lock ``name``, for ``records.lock.exclusive``."""
        return self.path / "locks" / name

    def last(self, kind: str, moment: float) -> float:
        """``moment``, or what comes after all else of a ``kind``: see ``last_of_all``."""
        return last_of_all(self.folders(kind, None), ".json", moment)

    def folders(self, kind: str, package: str | None) -> list[Path]:
        """The folders of a ``kind`` (records, …): that of ``package``, or of all packages."""
        folder = self.path / kind
        if package is not None:
            return [folder / package]
        with suppress(OSError):
            return list(folder.iterdir())
        return []

    # -- distrusted -----------------------------------------------------------------------------

    def distrusted(self, package: str) -> frozenset[str]:
        """The ids of all checkpoints that were found wrong, and of those built on them."""
        with suppress(OSError):
            return frozenset(path.stem for path in self.distrust_folder(package).iterdir())
        return frozenset()

    def distrust_folder(self, package: str) -> Path:
        """Where their ids are kept, a file for each."""
        return self.path / "distrusted" / package


def _is_notice(path: Path) -> bool:
    return path.suffix == ".txt" and not path.name.startswith(".")


def _text(path: Path) -> str | None:
    try:
        return os.fsdecode(kept_files.read_kept(path)).rstrip("\n")
    except (OSError, kept_files.DamagedError):
        return None
