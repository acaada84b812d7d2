"""The store: memories and outputs, immutable once they are published, safe for several processes.

    entries/ID/memory    a checkpoint: the inputs and the results of one build's commands
    entries/ID/report    which commands ran, and why, as JSON
    entries/ID/manifest  the source tree it was built from (git ls-tree's form)
    entries/ID/fs        or what ``fetch`` brought
    entries/ID/seal      and the list of its files, which shows damage
    entries/ID/meta.json the owner and the package, with a checksum
    objects/ab/ID        the contents that memories name, by their digests
    outputs/ID/NAME      what a build installed
    outputs/ID/.seal
    outputs/ID/.of       the owner, the package and the size, as JSON
    toolchains/ID        the system files that a build read
    dates/ID             its mtime is the date of a package's sources in all builds
    seed                 the secret from which builds get their random bytes
    watch/               the watcher's programs
    tmp/ID               the folder of a build that runs; its process holds a lock
    size                 bytes of all entries, objects and outputs

An entry is made in ``tmp`` and published by rename(2): it is there whole or not at all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace as with_changes
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import (
    decode_manifest,
    make_private,
    move,
    new_id,
    spread_folders,
    writing,
)
from ckpt_git.engines.local.store import entries, locks, seal
from ckpt_git.engines.local.store.entries import BESIDE, MEMORY, META, Entry
from ckpt_git.engines.local.store.size import Tally, on_disk
from ckpt_git.kept_files import DamagedError, read_kept
from ckpt_git.model.errors import StoreError
from ckpt_git.model.source_diff import Manifest
from ckpt_git.watch.session import is_whole

if TYPE_CHECKING:
    from ckpt_git.deferred import Deferred


class Store:
    """A store below ``root``. It writes nothing there before the first entry."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries = root / "entries"
        self.objects = root / "objects"
        self.outputs = root / "outputs"
        self.toolchains = root / "toolchains"
        self.tmp = root / "tmp"
        self.tally = Tally(root / "size")
        self._fresh: list[int] = []
        self._clearing: list[Deferred[None]] = []

    def open(self) -> None:
        """Make the folders. Raises ``StoreError`` where they can't be written."""
        with writing(self.root):
            for folder in (
                *(self.root, self.entries, self.objects, self.outputs, self.toolchains),
                self.tmp,
            ):
                make_private(folder)
            spread_folders(self.tmp)

    # --- entries --------------------------------------------------------------------------

    def fs(self, entry_id: str) -> Path:
        return self.entries / entry_id / "fs"

    def file(self, entry_id: str, name: str) -> Path:
        """A file of an entry, whether it is there or not."""
        return self.entries / entry_id / name

    def entry(self, entry_id: str) -> Entry | None:
        """What an entry says of itself, or None where that can't be read."""
        return entries.read(self.entries / entry_id)

    def memories(self, owner: str, package: str, machine: str) -> list[str]:
        """The checkpoints of ``owner``'s ``package`` that were made on such a machine, the one that
        was used last first."""
        found = []
        for path in self.entries.glob(f"*/{MEMORY}"):
            entry = self.entry(path.parent.name)
            of_whom = None if entry is None else (entry.owner, entry.package, entry.machine)
            is_its_own = of_whom == (owner, package, machine)
            if is_its_own and not entries.was_lost_in_a_crash(path.parent):
                with suppress(OSError):
                    found.append((path.parent.stat().st_mtime_ns, path.parent.name))
        return [name for _, name in sorted(found, reverse=True)]

    def fetched(self, prefix: str) -> list[Entry]:
        """The entries of ``fetch`` whose ids begin with ``prefix``."""
        names = sorted(path.name for path in self.entries.glob(f"{prefix}*"))
        found = [entry for name in names if (entry := self.entry(name)) is not None]
        return [entry for entry in found if entry.fetched]

    def missing(self, entry_id: str) -> str | None:
        """What is missing of an entry, in a few words, or None. Reads none of its files."""
        folder = self.entries / entry_id
        if not folder.is_dir():
            made_before = (self.root / "layers" / entry_id).is_dir()
            return "an older git-ckpt made it" if made_before else f"{folder} is gone"
        entry = self.entry(entry_id)
        if entry is None or not (folder / ("fs" if entry.fetched else MEMORY)).exists():
            return f"{folder} is incomplete"
        if entries.was_lost_in_a_crash(folder):
            return f"{folder} was not on disk yet when the machine stopped"
        return None

    def damage(self, entry_id: str) -> str | None:
        """What of an entry differs from what was published. Reads all of a memory, and every inode
        of a fetched entry."""
        entry = self.entry(entry_id)
        if entry is None:
            return f"{self.entries / entry_id} is incomplete"
        if entry.fetched:
            return seal.damage(self.fs(entry_id), self.entries / entry_id / "seal")
        path = self.file(entry_id, MEMORY)
        try:
            return None if is_whole(read_kept(path)) else f"{path} is damaged"
        except DamagedError as error:
            return str(error)
        except OSError as error:
            return f"{path} can't be read: {error.strerror}"

    def publish(self, work: Path, entry: Entry, files: Mapping[str, bytes | Path]) -> None:
        """Publish an entry of ``files`` (what they hold, or which file or folder in ``work`` they
        are). It is there at once or not at all, and no sweep takes it before ``release_pins``.

        Raises ``FileExistsError`` where another process has published it, and ``StoreError``.
        """
        made = work / "entry"
        with writing(self.entries):
            made.mkdir()
            lengths = []
            for name, content in files.items():
                if isinstance(content, bytes):
                    (made / name).write_bytes(content)
                else:
                    move(content, made / name)
                if (made / name).is_file():
                    lengths.append((made / name).stat().st_size)
            size = entry.bytes + sum(map(on_disk, lengths)) + BESIDE
            (made / META).write_bytes(entries.encode(with_changes(entry, bytes=size)))
            entries.mark_unsynced(made)
            self.hold(made)
            with self.tally.locked():
                self.tally.add(size)
                _publish(made, self.entries / entry.id)

    def hold(self, made: Path) -> None:
        """Pin an entry that is about to be published: no record names it yet, so a sweep would
        remove it."""
        self._fresh.append(locks.hold(made))

    def when_released(self, workspace: Deferred[None]) -> None:
        """``release_pins`` waits for this removal of a workspace."""
        self._clearing.append(workspace)

    def release_pins(self) -> None:
        """All results of this process are recorded: a sweep may remove what nobody refers to. Waits
        until its workspaces are removed."""
        while self._clearing:
            self._clearing.pop().value()
        while self._fresh:
            os.close(self._fresh.pop())

    def manifest(self, entry_id: str) -> Manifest:
        """The manifest of the tree that a checkpoint was built from. Raises ``StoreError``."""
        path = self.file(entry_id, "manifest")
        try:
            return decode_manifest(read_kept(path))
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} can't be read: {error}") from error

    def drop(self, entry_id: str) -> None:
        """Remove an entry. It is renamed first, so that no build starts from half of it. A build
        that uses it keeps it until that build ends."""
        entry = self.entry(entry_id)
        self.open()
        with writing(self.root), self.tally.locked():
            aside = self._put_aside(self.entries / entry_id)
            if entry is not None and aside is not None:
                self.tally.add(-entry.bytes)
        if aside is not None:
            locks.remove_unless_held(aside)

    @contextmanager
    def held(self, entry_ids: Iterable[str]) -> Iterator[None]:
        """Lock these entries against removal. Raises ``StoreError`` for one that is gone."""
        with ExitStack() as stack:
            for name in entry_ids:
                folder = self.entries / name
                try:
                    held = locks.hold(folder)
                    stack.callback(os.close, held)
                    same = os.path.samestat(os.fstat(held), os.stat(folder))
                except (FileNotFoundError, NotADirectoryError):
                    same = False
                if not same:
                    raise StoreError(f"{folder} is gone")
            yield

    def take_away(self, entry: Path) -> bool:
        """Rename an entry or an output that nobody holds; ``clear_away`` removes it. Returns
        whether that was done. The caller holds the tally's lock."""
        with locks.seized(entry) as seized:
            if seized:
                self._put_aside(entry)
        return seized

    def is_held(self, entry: Path) -> bool:
        """Whether a build uses an entry, or has published it and not yet recorded it."""
        with locks.seized(entry) as seized:
            return not seized

    def clear_away(self) -> None:
        """Remove what ``take_away`` has renamed."""
        for left in self.tmp.glob("*.dropped"):
            locks.remove_unless_held(left)

    def _put_aside(self, entry: Path) -> Path | None:
        aside = self.tmp / f"{new_id()}.dropped"
        try:
            entry.rename(aside)
        except FileNotFoundError:
            return None
        os.utime(aside)  # its age counts from now: see workspaces.sweep_dead_builds
        return aside

    def used(self, entry_id: str) -> None:
        """Mark an entry as recently used."""
        with suppress(OSError):
            os.utime(self.entries / entry_id)


def _publish(made: Path, entry: Path) -> None:
    try:
        made.rename(entry)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:  # rename(2): either code is allowed
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(entry)) from error
        raise
