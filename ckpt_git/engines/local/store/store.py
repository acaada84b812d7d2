"""The store: memories and outputs, immutable once they are published, safe for several processes.

    entries/ID/memory    a checkpoint: what the commands of one build made of what they saw
    entries/ID/report    which of them ran, and why, as JSON
    entries/ID/manifest  the source tree it was built from (git ls-tree's form)
    entries/ID/fs        or what ``fetch`` brought, with the list by which damage is noticed
    entries/ID/seal
    entries/ID/meta.json whose it is, below a checksum
    objects/ab/ID        the contents that memories name, by their digests
    outputs/ID/NAME      what a build installed
    outputs/ID/.seal
    outputs/ID/.of       whose it is, the owner and the package, and its size, as JSON
    toolchains/ID        what a build read of the system
    dates/ID             its mtime is the date of a package's sources in all builds
    seed                 the secret that random bytes of builds are made of
    watch/               the watcher's programs
    tmp/ID               a build that runs; locked by its process
    size                 bytes of all entries, objects and outputs

An entry is made in ``tmp`` and published by rename(2): it is there whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from dataclasses import replace as with_changes
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from ckpt_git.deferred import Deferred
from ckpt_git.engines.files import (
    decode_manifest,
    make_private,
    make_readable,
    move,
    new_id,
    spread_folders,
    writing,
)
from ckpt_git.engines.local.store import seal
from ckpt_git.engines.local.store.size import Tally, on_disk
from ckpt_git.folders import remove
from ckpt_git.kept_files import DamagedError, make_way, read_kept, remove_file, replace
from ckpt_git.model.derivation import digest
from ckpt_git.model.errors import StoreError
from ckpt_git.model.source_diff import Manifest
from ckpt_git.process import ProcessError, popen, run
from ckpt_git.watch.session import is_whole

_GRACE = 600.0  # seconds
OWNED = ".of"
"""The file that says whose a folder is, and its size."""
BESIDE = 4 * 4096
"""Bytes of the folders and small files around what an entry holds: ``AROUND`` for one."""
AROUND = frozenset({"meta.json", "unsynced"})

MEMORY, REPORT = "memory", "report"
"""The files of an entry that is a checkpoint: see ``ckpt_git.watch``."""


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


class Store:
    """A store below ``root``. Nothing is written before something is to be kept."""

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

    @contextmanager
    def workspace(self, *, until_released: bool = False) -> Iterator[Path]:
        """A folder for one build, removed afterwards; locked, so that no sweep takes it. With
        ``until_released`` it goes while what was built is made known: see ``release_pins``."""
        self.open()
        self.sweep_dead_builds()
        name = new_id()
        work = self.tmp / name
        with writing(self.tmp):
            lock = _locked_file(self.tmp / f"{name}.lock")

        def clear() -> None:
            with suppress(OSError):  # what can't be removed now is swept by a later build
                remove(work)
                (self.tmp / f"{name}.lock").unlink(missing_ok=True)
            os.close(lock)

        try:
            with writing(self.tmp):
                work.mkdir()
            yield work
        except BaseException:
            clear()
            raise
        if until_released:
            self._clearing.append(Deferred(clear))
        else:
            clear()

    def sweep_dead_builds(self) -> None:
        """Remove what killed builds left in ``tmp``: their locks are free."""
        for left in self.tmp.iterdir():
            locked = left.suffix == ".lock" or left.with_suffix(".lock").exists()
            if not locked and _age(left) > _GRACE:
                _remove_unless_held(left)
        for lock_file in self.tmp.glob("*.lock"):
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

    # --- entries --------------------------------------------------------------------------

    def fs(self, entry_id: str) -> Path:
        return self.entries / entry_id / "fs"

    def file(self, entry_id: str, name: str) -> Path:
        """A file of an entry, whether it is there or not."""
        return self.entries / entry_id / name

    def entry(self, entry_id: str) -> Entry | None:
        """What an entry says of itself, or None where that can't be read."""
        try:
            said = read_kept(self.file(entry_id, "meta.json"))
            checksum, _, text = said.partition(b"\n")
            if hashlib.sha256(text).hexdigest().encode() != checksum:
                return None
            entry = Entry(**json.loads(text))
            return entry if entry.id == entry_id else None  # another's, where files were swapped
        except (OSError, ValueError, TypeError):
            return None

    def memories(self, owner: str, package: str, machine: str) -> list[str]:
        """The checkpoints of ``owner``'s ``package`` that were made on such a machine, the one that
        was used last first."""
        found = []
        for path in self.entries.glob(f"*/{MEMORY}"):
            entry = self.entry(path.parent.name)
            of_whom = None if entry is None else (entry.owner, entry.package, entry.machine)
            is_its_own = of_whom == (owner, package, machine)
            if is_its_own and not self._lost_in_a_crash(path.parent):
                with suppress(OSError):
                    found.append((path.parent.stat().st_mtime_ns, path.parent.name))
        return [name for _, name in sorted(found, reverse=True)]

    def source_date(self, owner: str, package: str) -> int:
        """The date (ns) that all sources of a package get in each of its builds: that of the first
        one. What hangs on it (an archive, a compiled Python module) is the same each time."""
        path = self.root / "dates" / digest([owner, package])[:16]
        now = time.time_ns()
        with writing(path.parent):
            make_private(path.parent)
            make_way(path)
            with suppress(FileExistsError), path.open("x"):
                os.utime(path, ns=(now, now))
            date = path.lstat().st_mtime_ns
            if date > now:  # the clock was set back: no file may be dated in the future
                os.utime(path, ns=(now, now))
                date = now
        return date

    def seed(self) -> str:
        """The secret that random bytes of builds are made of, ``random.c``: one for all builds. A
        link's target, since a link is there whole or not at all."""
        path = self.root / "seed"
        with writing(self.root):
            seed = _seed(path)
            if seed is None:
                remove_file(path)
                with suppress(FileExistsError):
                    path.symlink_to(os.urandom(16).hex())
                seed = os.readlink(path)
            return seed

    def fetched(self, prefix: str) -> list[Entry]:
        """What ``fetch`` brought, of the entries whose ids begin with ``prefix``."""
        names = sorted(path.name for path in self.entries.glob(f"{prefix}*"))
        found = [entry for name in names if (entry := self.entry(name)) is not None]
        return [entry for entry in found if entry.fetched]

    def missing(self, entry_id: str) -> str | None:
        """What of an entry isn't there, in a few words, or None. Doesn't look into its files."""
        folder = self.entries / entry_id
        if not folder.is_dir():
            made_before = (self.root / "layers" / entry_id).is_dir()
            return "an older git-ckpt made it" if made_before else f"{folder} is gone"
        entry = self.entry(entry_id)
        if entry is None or not (folder / ("fs" if entry.fetched else MEMORY)).exists():
            return f"{folder} is incomplete"
        if self._lost_in_a_crash(folder):
            return f"{folder} was not on disk yet when the machine stopped"
        return None

    def damage(self, entry_id: str) -> str | None:
        """What of an entry isn't as it was published. Reads a memory; of what ``fetch`` brought,
        every inode."""
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
            meta = json.dumps(asdict(with_changes(entry, bytes=size))).encode()
            (made / "meta.json").write_bytes(
                hashlib.sha256(meta).hexdigest().encode() + b"\n" + meta
            )
            (made / "unsynced").write_text(_boot())
            self._hold(made)
            with self.tally.locked():
                self.tally.add(size)
                _publish(made, self.entries / entry.id)

    def _hold(self, made: Path) -> None:
        """Keep what is about to be published from sweeps that know of nobody who wants it."""
        held = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._fresh.append(held)
        flock(held, LOCK_SH)

    def release_pins(self) -> None:
        """What this process has published is known to whoever wants it: it may be swept. And its
        workspaces are gone."""
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
        """Remove an entry: out of sight first, so that nobody starts from half of it. A build that
        uses it keeps it until it ends."""
        entry = self.entry(entry_id)
        self.open()
        with writing(self.root), self.tally.locked():
            aside = self._put_aside(self.entries / entry_id)
            if entry is not None and aside is not None:
                self.tally.add(-entry.bytes)
        if aside is not None:
            _remove_unless_held(aside)

    @contextmanager
    def held(self, entry_ids: Iterable[str]) -> Iterator[None]:
        """Keep these entries from being removed meanwhile. Raises ``StoreError`` for one that is
        gone."""
        with ExitStack() as stack:
            for name in entry_ids:
                folder = self.entries / name
                try:
                    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    stack.callback(os.close, held)
                    flock(held, LOCK_SH)
                    same = os.path.samestat(os.fstat(held), os.stat(folder))
                except (FileNotFoundError, NotADirectoryError):
                    same = False
                if not same:
                    raise StoreError(f"{folder} is gone")
            yield

    def take_away(self, entry: Path) -> bool:
        """Take an entry or an output out of sight, unless it is held, for ``clear_away`` to remove.
        Gives whether it is gone. Under the tally's lock."""
        with _seized(entry) as seized:
            if seized:
                self._put_aside(entry)
        return seized

    def is_held(self, entry: Path) -> bool:
        """Whether a build uses an entry, or published it and hasn't made it known yet."""
        with _seized(entry) as seized:
            return not seized

    def clear_away(self) -> None:
        """Remove what was taken out of sight."""
        for left in self.tmp.glob("*.dropped"):
            _remove_unless_held(left)

    def _put_aside(self, entry: Path) -> Path | None:
        aside = self.tmp / f"{new_id()}.dropped"
        try:
            entry.rename(aside)
        except FileNotFoundError:
            return None
        os.utime(aside)  # its age counts from now: see sweep_dead_builds
        return aside

    def used(self, entry_id: str) -> None:
        """Have it known that an entry was used just now."""
        with suppress(OSError):
            os.utime(self.entries / entry_id)

    def _lost_in_a_crash(self, folder: Path) -> bool:
        try:
            return read_kept(folder / "unsynced").decode() != _boot()
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True

    def make_durable(self, entry_id: str) -> None:
        """Have a published entry written to disk, beside whatever goes on: syncfs(2).

        Until that is done it is trusted as long as the machine runs, no longer.
        """
        mark = self.entries / entry_id / "unsynced"
        script = 'sync -f "$1" && rm -f "$1"'
        popen(["/bin/sh", "-c", script, "sync", str(mark)], env={"PATH": os.defpath})

    # --- outputs -------------------------------------------------------------------------

    def publish_output(self, work: Path, output_id: str, owner: str, package: str) -> Path | None:
        """Publish ``work/out`` as what a build of ``owner``'s ``package`` installed; its path in
        the store, or None where nothing was installed. Raises ``StoreError``."""
        made = work / "output"
        with writing(self.outputs):
            made.mkdir()
            out = made / package
            move(work / "out", out)
            make_readable(out)
            sealed = seal.strip_setuid_and_seal(out)
            if not sealed.entries:
                return None
            (made / ".seal").write_bytes(sealed.encode())
            size = sealed.room + BESIDE
            (made / OWNED).write_text(json.dumps([owner, package, size]))
            self._hold(made)
            with self.tally.locked():
                self.tally.add(size)
                made.rename(self.outputs / output_id)
        return self.outputs / output_id / package

    def output_damage(self, out: Path) -> str | None:
        """What of a published output isn't as it was, or None."""
        return seal.damage(out, out.parent / ".seal")

    # --- toolchains ----------------------------------------------------------------------

    def keep_system(self, seen: Path) -> str:
        """Keep what a build read of the system, in the file ``seen``; gives its name. Raises
        ``FileNotFoundError`` where the build wrote down nothing, and ``StoreError``."""
        name = _name_of(seen.read_bytes())
        with writing(self.toolchains):
            replace(seen, self.toolchains / name)  # what is there may be damaged
        return name

    def system(self, name: str) -> Path | None:
        """The file that was kept by that name; None where it isn't there as it was."""
        path = self.toolchains / name
        with suppress(OSError, DamagedError):
            return path if _name_of(read_kept(path)) == name else None
        return None


def make_folder(folder: Path) -> None:
    """Make a folder that the build sees, unless it is there. Its mode gets into what is built
    (``cp -R``), so the umask of whoever calls us must not."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def copy_tree(origin: Path, target: Path, *, reflink: str) -> None:
    """Copy a folder with everything about it, mtimes to the nanosecond and hard links included.

    ``reflink`` is cp(1)'s: ``always`` shares the blocks, ``never`` copies them.
    """
    try:
        run(["cp", "-a", f"--reflink={reflink}", "--", str(origin), str(target)])
    except ProcessError as error:
        raise StoreError(
            f"can't copy {origin} to {target}: {error.stderr.decode(errors='replace').strip()}",
            "free some space there, or set CKPT_STORE to a folder on another disk",
        ) from error


def _publish(made: Path, entry: Path) -> None:
    try:
        made.rename(entry)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:  # rename(2): either code is allowed
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(entry)) from error
        raise


def _locked_file(path: Path) -> int:
    """A new file, locked. A sweep may have found it between the two steps, and removed it."""
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        flock(lock, LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                return lock
        os.close(lock)


@contextmanager
def _seized(entry: Path) -> Iterator[bool]:
    """Be the only one that holds an entry; gives False where that can't be. What is gone, or never
    was a folder, is held by nobody."""
    try:
        held = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield True
        return
    try:
        flock(held, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(held)


def _remove_unless_held(entry: Path) -> None:
    """Remove what is out of sight; what a build still lies on, or can't be removed, stays for a
    later sweep."""
    try:
        held = os.open(entry, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        flock(held, LOCK_EX | LOCK_NB)
        remove(entry)
    except OSError:
        return
    finally:
        os.close(held)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _name_of(system: bytes) -> str:
    return hashlib.sha256(system).hexdigest()[:32]


def _seed(path: Path) -> str | None:
    with suppress(OSError):
        seed = os.readlink(path)
        return seed if re.fullmatch("[0-9a-f]{32}", seed) else None
    return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
