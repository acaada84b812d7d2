"""Write small files whole or not at all: write aside, then rename.

A process that is killed, or a disk that is full, leaves the file that was there before. There is
no fsync: a file that isn't as it was written is moved aside when it is read, and what it said is
found out anew.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ckpt_git.kept_files import decode_json, encode_json, read_kept, replace
from ckpt_git.model.errors import StoreError

Value = TypeVar("Value")

_TICK = 0.001  # seconds that an mtime is sure to tell apart


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the reasons for which ``path`` can't be written into a ``StoreError`` of one line."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}",
            "make room there, or make it writable, and try again",
        ) from error


def publish(path: Path, content: bytes, *, mtime: float | None = None) -> None:
    """Put ``content`` at ``path`` in one step; folders above are made.

    ``mtime`` (Unix seconds) is set before anyone can see the file. Raises ``StoreError``.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_bytes(content)
            if mtime is not None:
                os.utime(aside, (mtime, mtime))
            replace(aside, path)
        except BaseException:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise


def publish_json(path: Path, value: Mapping[str, Any], *, mtime: float | None = None) -> None:
    """``publish`` a JSON object, with its checksum."""
    publish(path, encode_json(value), mtime=mtime)


def read_json(
    path: Path, parse: Callable[[Mapping[str, Any]], Value], remove_file: Callable[[Path], None]
) -> Value | None:
    """What ``parse`` makes of the JSON object that was published at ``path``; None where there is
    nothing, and where ``remove_file`` was called, as it isn't that."""
    try:
        return parse(decode_json(read_kept(path)))
    except (ValueError, TypeError, KeyError, AttributeError):
        remove_file(path)
    except OSError:
        pass
    return None


def newest_first(folders: Iterable[Path], suffix: str | tuple[str, ...]) -> list[Path]:
    """The files in ``folders`` (not below) that end in ``suffix``, by their mtime, newest first.

    Only directories are read, no file is opened: what is published here carries in its mtime
    the time that it is about.
    """
    found: list[tuple[int, str]] = []
    for folder in folders:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(suffix) and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):
                        about = entry.stat(follow_symlinks=False)
                        found.append((about.st_mtime_ns, entry.path))
    return [Path(path) for _, path in sorted(found, reverse=True)]


def last_of_all(folders: Iterable[Path], suffix: str, moment: float) -> float:
    """The mtime of what is about ``moment`` (Unix seconds) and comes after all else in ``folders``:
    that may be of a time to come, where the clock was set back since."""
    newest = next(iter(newest_first(folders, suffix)), None)
    with suppress(OSError):
        if newest is not None and (date := newest.lstat().st_mtime) > time.time():
            return date + _TICK
    return moment
