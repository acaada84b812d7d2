"""Two outputs, file by file: content, kind, mode and link target. Dates don't count, nor the
names under which outputs know themselves."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ckpt_git.engines.protocol import Installed
from ckpt_git.model.errors import StoreError

Contents = Mapping[str, tuple[int, str]]
"""Every path of an output (itself as ``.``) with its mode, and its link's target or the SHA-256
of what it holds."""

_HASH = 32  # characters of a store path's name that tell it from others
_SEED = 10  # of them nixpkgs' stdenv gives the compiler as -frandom-seed
# ELF notes of type 3 by "GNU" (elf(5)): the linker's digest of all that it linked.
_BUILD_ID = re.compile(
    rb"(\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0).{20}"
    rb"|(\x04\0\0\0\x10\0\0\0\x03\0\0\0GNU\0).{16}",
    re.DOTALL,
)


def contents(installed: Installed) -> Contents:
    """What a build installed; paths of further outputs begin with their name and a colon.

    Raises ``StoreError`` where it goes meanwhile.
    """
    own = _Own(installed.own)
    try:
        return {
            f"{name}:{path}" if name else path: said
            for name, root in installed.folders.items()
            for path, said in _entries(root, own)
        }
    except FileNotFoundError as error:
        raise StoreError(
            f"{error.filename} was removed while it was compared", "run the command again"
        ) from error


def differences(one: Contents, other: Contents) -> list[str]:
    """The paths that are not the same in both, sorted."""
    return sorted(path for path in {*one, *other} if one.get(path) != other.get(path))


class _Own:
    """The outputs' own names, each replaced by one that is the same for all builds."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        hashes = [path.rpartition("/")[2][:_HASH].encode() for path in paths]
        self._same = {name: b"%0*d" % (_HASH, number) for number, name in enumerate(hashes)}
        self._same |= {name[:_SEED]: b"0" * _SEED for name in hashes}
        self._any = re.compile(b"|".join(map(re.escape, self._same))) if hashes else None

    def __bool__(self) -> bool:
        return self._any is not None

    def less(self, data: bytes) -> bytes:
        """``data`` without them, and without the digests that linkers make of them."""
        if self._any is None:
            return data
        plain = self._any.sub(lambda found: self._same[found[0]], data)
        return _BUILD_ID.sub(lambda found: found[1] or found[2], plain)


def _entries(root: Path, own: _Own) -> Iterator[tuple[str, tuple[int, str]]]:
    pending = ["."]
    while pending:
        path = pending.pop()
        full = root / path
        mode = full.lstat().st_mode
        yield path, (mode, _said_by(full, mode, own))
        if stat.S_ISDIR(mode):
            names = os.listdir(full)  # noqa: PTH208 - names, not paths
            pending += [name if path == "." else f"{path}/{name}" for name in names]


def _said_by(file: Path, mode: int, own: _Own) -> str:
    if stat.S_ISLNK(mode):
        target = os.readlink(file)  # noqa: PTH115 - the target as it stands
        return os.fsdecode(own.less(os.fsencode(target)))
    if not stat.S_ISREG(mode):
        return ""
    if own:
        return hashlib.sha256(own.less(file.read_bytes())).hexdigest()
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
