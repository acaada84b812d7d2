"""Read files that an earlier process wrote, and never trust what they hold. All reading goes here.

What lies at a path may be anything by now: cut short, changed, a folder, a pipe that nobody writes
to, a link that leads nowhere. Nothing here waits, and nothing raises for that but ``DamagedError``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from ckpt_git import folders

_CHECKSUM = b'{"checksum":"'
_DIGEST = hashlib.sha256().digest_size * 2  # as text
_NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})
"""What open(2) says of what is there and is no file."""


class DamagedError(ValueError):
    """What is there isn't what was written."""


def read_kept(path: Path, begin: int = 0) -> bytes:
    """What the file at ``path`` holds, from the byte ``begin`` on.

    Raises ``DamagedError`` for what is no file, or one that can't be read, and ``OSError`` where
    nothing is there, or the machine refuses.
    """
    with open_kept(path) as file:
        file.seek(begin)
        return file.read()


def open_kept(path: Path) -> BufferedReader:
    """The file at ``path``, opened for reading. Raises as ``read_kept`` does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_FILE or _is_shut(path, error):
            raise DamagedError(f"{path} can't be read: {error.strerror}") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DamagedError(f"{path} is no file")
    return open(descriptor, "rb")  # noqa: PTH123 - a descriptor, for its flags


def encode_json(value: Mapping[str, Any]) -> bytes:
    """A JSON object behind a checksum of the rest of it. Names that aren't UTF-8 survive: their
    surrogates are escaped."""

    body = json.dumps(value, separators=(",", ":")).encode("ascii")[1:]
    digest = hashlib.sha256(body).hexdigest().encode()
    return _CHECKSUM + digest + (b'"' if body == b"}" else b'",') + body


def decode_json(data: bytes) -> dict[str, Any]:
    """What ``encode_json`` was given. Raises ``DamagedError`` for anything else."""

    start = len(_CHECKSUM)
    digest, rest = data[start : start + _DIGEST], data[start + _DIGEST :]
    body = rest[1:] if rest == b'"}' else rest[2:]
    if not data.startswith(_CHECKSUM) or hashlib.sha256(body).hexdigest().encode() != digest:
        raise DamagedError("its checksum doesn't match")
    found: dict[str, Any] = json.loads(b"{" + body)
    return found


def make_way(path: Path) -> None:
    """Remove what is at ``path`` unless it is a file: one of ours is to be there. Raises
    ``OSError``."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            remove_file(path)


def remove_file(path: Path) -> None:
    """Remove what is at ``path``, whatever it is. Raises ``OSError``."""
    try:
        path.unlink()
    except IsADirectoryError:
        folders.remove(path)
    except FileNotFoundError:
        pass


def replace(aside: Path, path: Path) -> None:
    """Rename ``aside`` to ``path``, whatever is there. Raises ``OSError``."""
    try:
        aside.replace(path)
    except IsADirectoryError:
        make_way(path)
        aside.replace(path)


def _is_shut(path: Path, error: OSError) -> bool:
    """Whether it is our own file, and we may not open it: no file of another user's is damaged."""
    if error.errno != errno.EACCES:
        return False
    with suppress(OSError):
        return path.lstat().st_uid == os.geteuid()
    return False


@contextmanager
def open_lock(path: Path, mode: int = 0o666) -> Iterator[int]:
    """The descriptor of a file to lock, which is made where it isn't there. Raises ``OSError``."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, mode)
    except OSError as error:
        if _is_shut(path, error):
            path.chmod(0o600 | mode)  # the same file stays: somebody may hold its lock
        elif error.errno in _NO_FILE:
            remove_file(path)
        else:
            raise
        descriptor = os.open(path, flags, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        make_way(path)
        descriptor = os.open(path, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
