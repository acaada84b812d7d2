"""Files that all engines write: names, errors, folders, manifests."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ckpt_git.folders import walk
from ckpt_git.model.errors import StoreError
from ckpt_git.model.source_diff import Entry
from ckpt_git.process import ProcessError, run


def new_id() -> str:
    """A short name: many of them have to fit into one page of mount options."""
    return os.urandom(5).hex()


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turns what goes wrong while writing into one line that says what to do."""
    try:
        yield
    except OSError as error:
        advice = {
            errno.ENOSPC: "free some space there, or set CKPT_STORE to a folder on another disk",
            errno.EDQUOT: "your quota there is used up; free some space, or set CKPT_STORE",
            errno.EROFS: "set CKPT_STORE to a folder that can be written",
            errno.EACCES: "set CKPT_STORE to a folder that you may write",
            errno.EPERM: "set CKPT_STORE to a folder that you may write",
            errno.ENOTDIR: "set CKPT_STORE to a folder",
            errno.ENAMETOOLONG: "set CKPT_STORE to a folder with a shorter path",
        }
        if error.errno not in advice:
            raise
        raise StoreError(
            f"can't write {error.filename or where}: {error.strerror}", advice[error.errno]
        ) from error


def move(folder: Path, target: Path) -> None:
    """Give a folder that is ours another name, whatever its mode.

    One that moves to another parent has its ``..`` rewritten: rename(2) takes that for a write,
    which nobody but root may do to a folder without write permission.
    """
    mode = stat.S_IMODE(folder.lstat().st_mode)
    locked = folder.is_dir() and mode & stat.S_IRWXU != stat.S_IRWXU
    if locked:
        folder.chmod(mode | stat.S_IRWXU)
    folder.rename(target)
    if locked:
        target.chmod(mode)


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


def make_readable(folder: Path) -> None:
    """Let the owner read all that is below ``folder``. What they could read keeps its mode.

    Raises ``StoreError`` where no path can name something in it: pathconf(3), PATH_MAX.
    """
    of_folders = stat.S_IRUSR | stat.S_IXUSR
    _add_mode(folder, folder.lstat().st_mode, of_folders)
    try:
        for entry in walk(str(folder)):
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                _add_mode(entry.path, mode, of_folders)
            elif stat.S_ISREG(mode):
                _add_mode(entry.path, mode, stat.S_IRUSR)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise StoreError(
            f"folders are nested too deep in what was installed ({folder.name})",
            "install it with shorter paths: they can't be longer than 4,096 bytes",
        ) from error


def _add_mode(path: str | Path, mode: int, wanted: int) -> None:
    if mode & wanted != wanted:
        os.chmod(path, stat.S_IMODE(mode) | wanted)  # noqa: PTH101 - as scandir gives it


def make_private(folder: Path) -> None:
    """Make a folder for its owner alone, as the XDG base directory specification has it: the
    sources that lie in a store may be nobody else's business."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error


def spread_folders(folder: Path) -> None:
    """Have ext4 put each folder in ``folder`` elsewhere on the disk: chattr(1), attribute ``T``.

    ext4 doesn't give out the place of a removed file again for a minute or more, and looks at all
    such places in a row: where 5,000 files were just removed, 5,000 new ones take 1.6 s instead
    of 0.16. Other file systems have no such attribute, and don't need it.
    """
    get_flags, set_flags, top_of_hierarchies = 0x80086601, 0x40086602, 0x20000
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            flags = int.from_bytes(fcntl.ioctl(opened, get_flags, bytes(8)), sys.byteorder)
            if not flags & top_of_hierarchies:
                flags |= top_of_hierarchies
                fcntl.ioctl(opened, set_flags, flags.to_bytes(8, sys.byteorder))
    finally:
        os.close(opened)


def encode_manifest(manifest: Mapping[str, Entry]) -> bytes:
    """In the form of ``git ls-tree -r -z``, behind a checksum: half of one must not pass."""
    body = b"".join(
        b"%s %s\t%s\0" % (entry.mode.encode(), entry.oid.encode(), os.fsencode(path))
        for path, entry in manifest.items()
    )
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def decode_manifest(data: bytes) -> dict[str, Entry]:
    """Raises ``ValueError`` where ``data`` is no manifest."""
    checksum, _, body = data.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise ValueError("its checksum doesn't match")
    entries = {}
    for line in body.split(b"\0")[:-1]:
        info, path = line.split(b"\t", 1)
        mode, oid = info.decode().split(" ")
        entries[os.fsdecode(path)] = Entry(mode, oid)
    return entries
