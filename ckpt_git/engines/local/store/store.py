"""The store: layers and outputs, immutable once they are published, safe for several processes.

    layers/ID/fs         what a build left at /build (or, above other layers, what it changed)
    layers/ID/seal       the list by which damage to fs is noticed
    layers/ID/manifest   the source tree it was built from (git ls-tree's form)
    layers/ID/trace-N    what was seen of the builds that made it: see ``trace/kept.py``
    layers/ID/meta.json  what it lies on, and what it takes to trust it, below a checksum
    outputs/ID/NAME      what a build installed
    outputs/ID/.seal
    outputs/ID/.of       whose it is, the owner and the package, and its size, as JSON
    toolchains/ID        the listing that a fingerprint stands for
    caches/ID/ID         a compiler cache: of a package, and in it of a toolchain
    caches/ID/.of        whose it is, and its bytes, as above
    tmp/ID               a build that runs; locked by its process
    listed               of what the last listing was made, and its fingerprint
    size                 bytes of all layers and outputs

An entry is made in ``tmp`` and published by rename(2): it is there whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from ckpt_git.engines.files import (
    decode_manifest,
    encode_manifest,
    make_private,
    make_readable,
    move,
    new_id,
    remove,
    writing,
)
from ckpt_git.engines.local.store import seal
from ckpt_git.engines.local.store.size import Tally, on_disk
from ckpt_git.later import Later
from ckpt_git.model.derivation import digest
from ckpt_git.model.errors import StoreError
from ckpt_git.model.source_diff import Manifest
from ckpt_git.process import ProcessError, popen, run

_GRACE = 600.0  # seconds
OWNED = ".of"
"""The file that says whose a folder is, and its size."""
_BESIDE = 4 * 4096  # bytes of the folders and small files around what an entry holds

ASKED = "asked"
"""The name of what make said, beside a layer: see ``freshness/asked.py``."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One published layer. ``lowers`` are the ids it lies on, topmost first; none: it is whole.

    ``dirtied`` are source files that the build itself rewrote. ``configured`` are the spans of
    time (ns) in which its builds, those below it included, had not begun with their ``build``
    phase: what isn't a source and has no mtime in one of them was built. ``owner`` is the git
    folder of the repository it was made for. ``fetched``: it is what ``fetch`` brought.
    ``bytes`` is the room that it takes, ``seconds`` what it took to make it.
    """

    id: str
    lowers: tuple[str, ...]
    owner: str
    package: str
    newest_mtime_ns: int
    dirtied: tuple[str, ...] = ()
    configured: tuple[tuple[int, int], ...] = ()
    fetched: bool = False
    bytes: int = 0
    seconds: float = 0.0

    @property
    def chain(self) -> tuple[str, ...]:
        """The ids of all layers that make up the state, topmost first."""
        return (self.id, *self.lowers)


class Store:
    """A store below ``root``. Nothing is written before something is to be kept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layers = root / "layers"
        self.outputs = root / "outputs"
        self.toolchains = root / "toolchains"
        self.caches = root / "caches"
        self.tmp = root / "tmp"
        self.tally = Tally(root / "size")
        self._fresh: list[int] = []
        self._clearing: list[Later[None]] = []

    def open(self) -> None:
        """Make the folders. Raises ``StoreError`` where they can't be written."""
        with writing(self.root):
            for folder in (self.root, self.layers, self.outputs, self.toolchains, self.tmp):
                make_private(folder)

    @contextmanager
    def workspace(self, *, until_settled: bool = False) -> Iterator[Path]:
        """A folder for one build, removed afterwards; locked, so that no sweep takes it. With
        ``until_settled`` it goes while what was built is made known: see ``settle``."""
        self.open()
        self.sweep_dead_builds()
        name = new_id()
        work = self.tmp / name
        with writing(self.tmp):
            lock = _locked_file(self.tmp / f"{name}.lock")

        def clear() -> None:
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
        if until_settled:
            self._clearing.append(Later(clear))
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

    # --- layers --------------------------------------------------------------------------

    def fs(self, layer_id: str) -> Path:
        return self.layers / layer_id / "fs"

    def layer(self, layer_id: str) -> Layer | None:
        """The layer of that id, or None where it isn't whole."""
        found = self.described(layer_id)
        if found is None or not all(self.fs(name).is_dir() for name in found.chain):
            return None
        return found

    def described(self, layer_id: str) -> Layer | None:
        """What a layer says of itself, be it whole or not; None where that can't be read."""
        try:
            checksum, _, text = (self.layers / layer_id / "meta.json").read_bytes().partition(b"\n")
            if hashlib.sha256(text).hexdigest().encode() != checksum:
                return None
            data = json.loads(text)
            return Layer(
                **{
                    **data,
                    "lowers": tuple(data["lowers"]),
                    "dirtied": tuple(data["dirtied"]),
                    "configured": tuple((begin, end) for begin, end in data.get("configured", ())),
                }
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def memories(self, owner: str, package: str) -> list[str]:
        """The layers of ``owner``'s ``package`` that hold a memory, newest first."""
        found = []
        for path in self.layers.glob("*/memory"):
            layer = self.described(path.parent.name)
            if layer is not None and (layer.owner, layer.package) == (owner, package):
                with suppress(OSError):
                    found.append((path.stat().st_mtime_ns, layer.id))
        return [name for _, name in sorted(found, reverse=True)]

    def source_date(self, owner: str, package: str) -> int:
        """The date (ns) that all sources of a package get in each of its builds: that of the first
        one. What hangs on it (an archive, a compiled Python module) is the same each time."""
        path = self.root / "dates" / digest([owner, package])[:16]
        now = time.time_ns()
        with writing(path.parent):
            make_private(path.parent)
            with suppress(FileExistsError), path.open("x"):
                os.utime(path, ns=(now, now))
            date = path.stat().st_mtime_ns
            if date > now:  # the clock was set back: no file may be dated in the future
                os.utime(path, ns=(now, now))
                date = now
        return date

    def layers_named(self, prefix: str) -> list[Layer]:
        """The whole layers whose ids begin with ``prefix``, in the order of their ids."""
        names = sorted(path.name for path in self.layers.glob(f"{prefix}*"))
        return [layer for name in names if (layer := self.layer(name)) is not None]

    def missing(self, layer_id: str) -> str | None:
        """What of a layer isn't there, in a few words, or None. Doesn't look into its files."""
        folder = self.layers / layer_id
        if not folder.is_dir():
            return f"{folder} is gone"
        if self.layer(layer_id) is None:
            return f"{folder} is incomplete"
        if self._lost_in_a_crash(folder):
            return f"{folder} was not on disk yet when the machine stopped"
        return None

    def damage(self, layer_ids: Iterable[str]) -> str | None:
        """What in these layers isn't as it was published. Reads every entry's inode."""
        for name in layer_ids:
            found = seal.damage(self.fs(name), self.layers / name / "seal")
            if found is not None:
                return found
        return None

    def publish_layer(
        self,
        work: Path,
        layer: Layer,
        sealed: seal.Seal,
        manifest: Manifest,
        beside: Mapping[str, bytes | Path] | None = None,
    ) -> None:
        """Publish ``work/fs`` as ``layer``, its size filled in. It is there at once or not at all,
        and no sweep takes it before ``settle``.

        ``beside`` are further files for its folder: what they hold, or which file they are.

        Raises ``FileExistsError`` where another process has published it, and ``StoreError``.
        """
        made = work / "layer"
        with writing(self.layers):
            made.mkdir()
            move(work / "fs", made / "fs")
            own = {"seal": sealed.encode(), "manifest": encode_manifest(manifest)}
            for name, content in own.items():
                (made / name).write_bytes(content)
            lengths = [len(content) for content in own.values()]
            for name, more in (beside or {}).items():
                if isinstance(more, bytes):
                    (made / name).write_bytes(more)
                    lengths.append(len(more))
                    continue
                with suppress(FileNotFoundError):  # its layer was let go of meanwhile
                    (made / name).hardlink_to(more)
            size = sealed.room + sum(map(on_disk, lengths)) + _BESIDE
            meta = json.dumps(asdict(replace(layer, bytes=size))).encode()
            (made / "meta.json").write_bytes(
                hashlib.sha256(meta).hexdigest().encode() + b"\n" + meta
            )
            (made / "unsynced").write_text(_boot())
            self._hold(made)
            with self.tally.locked():
                self.tally.add(size)
                _publish(made, self.layers / layer.id)

    def beside(self, layer_id: str, name: str) -> Path | None:
        """The file that was added to a layer's folder under that name, if one was."""
        path = self.layers / layer_id / name
        return path if path.exists() else None

    def put_beside(self, layer_id: str, name: str, content: bytes) -> None:
        """Add a small file to a layer's folder: there at once or not at all. Best effort."""
        aside = self.tmp / new_id()
        with suppress(OSError):
            try:
                aside.write_bytes(content)
                aside.rename(self.layers / layer_id / name)
            finally:
                aside.unlink(missing_ok=True)

    def _hold(self, made: Path) -> None:
        """Keep what is about to be published from sweeps that know of nobody who wants it."""
        held = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._fresh.append(held)
        flock(held, LOCK_SH)

    def settle(self) -> None:
        """What this process has published is known to whoever wants it: it may be swept. And its
        workspaces are gone."""
        while self._clearing:
            self._clearing.pop().value()
        while self._fresh:
            os.close(self._fresh.pop())

    def manifest(self, layer_id: str) -> Manifest:
        """The manifest of the tree that the layer was built from. Raises ``StoreError``."""
        try:
            return decode_manifest((self.layers / layer_id / "manifest").read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.layers / layer_id}/manifest can't be read: {error}") from error

    def mtimes(self, layer_id: str) -> dict[str, int]:
        """The mtime (ns) of every file of a layer, as it was published."""
        return seal.mtimes((self.layers / layer_id / "seal").read_bytes())

    def files(self, layer: Layer) -> dict[str, int]:
        """Every file and link of the state that ``layer`` stands for, below ``/build``, with its
        mtime (ns). One in a folder that a layer above replaced may be named although it's gone."""
        seen: dict[str, int | None] = {}
        for name in reversed(layer.chain):
            seen |= seal.files((self.layers / name / "seal").read_bytes())
        return {path: mtime for path, mtime in seen.items() if mtime is not None}

    def drop_layer(self, layer_id: str) -> None:
        """Remove a layer: out of sight first, so that nobody starts from half of it. A build
        that lies on it keeps it until it ends."""
        layer = self.described(layer_id)
        self.open()
        with writing(self.root), self.tally.locked():
            aside = self._put_aside(self.layers / layer_id)
            if layer is not None and aside is not None:
                self.tally.add(-layer.bytes)
        if aside is not None:
            _remove_unless_held(aside)

    @contextmanager
    def held(self, layer_ids: Iterable[str]) -> Iterator[None]:
        """Keep these layers from being removed meanwhile. Raises ``StoreError`` for one that is
        gone."""
        with ExitStack() as stack:
            for name in layer_ids:
                folder = self.layers / name
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
        """Take a layer or an output out of sight, unless it is held, for ``clear_away`` to remove.
        Gives whether it is gone. Under the tally's lock."""
        with _seized(entry) as seized:
            if seized:
                self._put_aside(entry)
        return seized

    def is_held(self, entry: Path) -> bool:
        """Whether a build lies on a layer, or published it and hasn't made it known yet."""
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

    def used(self, layer: Layer) -> None:
        """Have it known that a layer was used just now."""
        with suppress(OSError):
            os.utime(self.layers / layer.id)

    def _lost_in_a_crash(self, folder: Path) -> bool:
        try:
            return (folder / "unsynced").read_text() != _boot()
        except OSError:
            return False

    def make_durable(self, layer_id: str) -> None:
        """Have a published layer written to disk, beside whatever goes on: syncfs(2).

        Until that is done the layer is trusted as long as the machine runs, no longer.
        """
        mark = self.layers / layer_id / "unsynced"
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
            sealed = seal.settle(out)
            if not sealed.entries:
                return None
            (made / ".seal").write_bytes(sealed.encode())
            size = sealed.room + _BESIDE
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

    def keep_toolchain(self, fingerprint: str, listed: bytes) -> None:
        """Keep a listing, so that a later one can be compared with it."""
        path = self.toolchains / fingerprint
        if not path.exists():
            with writing(self.toolchains):
                aside = self.tmp / new_id()
                aside.write_bytes(listed)
                aside.rename(path)

    def fingerprint_of(self, found: str) -> str | None:
        """The fingerprint of the listing that was last made, if it was of what has the digest
        ``found``; the listing is kept, too."""
        with suppress(OSError, ValueError):
            last, _, fingerprint = (self.root / "listed").read_text().partition(" ")
            if last == found and (self.toolchains / fingerprint).is_file():
                return fingerprint
        return None

    def remember_fingerprint(self, found: str, fingerprint: str) -> None:
        """Have ``fingerprint_of`` know it. Best effort: it is found out anew."""
        with suppress(OSError):
            aside = self.tmp / new_id()
            aside.write_text(f"{found} {fingerprint}")
            aside.rename(self.root / "listed")

    def toolchain(self, fingerprint: str) -> bytes | None:
        try:
            return (self.toolchains / fingerprint).read_bytes()
        except OSError:
            return None

    # --- compiler caches -----------------------------------------------------------------

    def compiler_cache(self, owner: str, package: str, toolchain: str) -> Path:
        """The folder, made, of the compiler cache of ``owner``'s ``package``, which is held until
        ``settle``; that of another toolchain goes. Raises ``StoreError``."""
        whole = self._compiler_caches(owner, package)
        folder = whole / toolchain
        self.open()
        old = None
        with writing(self.caches), self.tally.locked():
            if not folder.is_dir():
                old = self._put_cache_aside(whole)
                make_private(folder)
                (whole / OWNED).write_text(json.dumps([owner, package, 0]))
            self._hold(whole)
        if old is not None:
            _remove_unless_held(old)
        return folder

    def weigh_compiler_cache(self, owner: str, package: str) -> None:
        """Count what a build added to a package's compiler cache. Best effort."""
        whole = self._compiler_caches(owner, package)
        with suppress(OSError), self.tally.locked():
            size = sum(
                on_disk((Path(folder) / name).lstat().st_size)
                for folder, _, names in os.walk(whole)
                for name in (".", *names)
            )
            aside = whole / f"{OWNED}.new"
            aside.write_text(json.dumps([owner, package, size]))
            self.tally.add(size - _owned_bytes(whole))
            aside.replace(whole / OWNED)

    def compiler_caches(self) -> list[tuple[str, str]]:
        """Whose compiler caches there are: git folders of repositories, and packages."""
        found: list[tuple[str, str]] = []
        for file in self.caches.glob(f"*/{OWNED}"):
            with suppress(OSError, ValueError):  # it goes just now
                owner, package, *_ = json.loads(file.read_bytes())
                found.append((owner, package))
        return found

    def drop_compiler_cache(self, owner: str, package: str) -> None:
        """Remove what a package's compiler cache holds, if it has one."""
        self.open()
        with self.tally.locked():
            aside = self._put_cache_aside(self._compiler_caches(owner, package))
        if aside is not None:
            _remove_unless_held(aside)

    def _put_cache_aside(self, whole: Path) -> Path | None:
        self.tally.add(-_owned_bytes(whole))
        return self._put_aside(whole)

    def _compiler_caches(self, owner: str, package: str) -> Path:
        return self.caches / digest([owner, package])[:16]


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
    """Remove what is out of sight; what a build still lies on stays for a later sweep."""
    try:
        held = os.open(entry, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        flock(held, LOCK_EX | LOCK_NB)
        remove(entry)
    except BlockingIOError:
        return
    finally:
        os.close(held)


def _owned_bytes(folder: Path) -> int:
    """What the file that says whose a folder is says of its size; 0 where it doesn't."""
    try:
        size = json.loads((folder / OWNED).read_bytes())[2]
    except (OSError, ValueError, LookupError):
        return 0
    return int(size)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
