"""Small files that are whole or not there: written aside, then published by a rename.

A process that is killed, or a disk that is full, leaves the file that was there before. There is
no fsync: a file that a power cut leaves damaged is moved aside when it is read, and what it said
is found out anew.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ckpt_git.model.errors import StoreError

Value = TypeVar("Value")


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
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise


def publish_json(path: Path, value: Mapping[str, Any], *, mtime: float | None = None) -> None:
    """``publish`` a JSON object. Names that aren't UTF-8 survive: their surrogates are escaped."""
    text = json.dumps(value, separators=(",", ":"))
    publish(path, text.encode("ascii"), mtime=mtime)


def read_json(
    path: Path, parse: Callable[[Mapping[str, Any]], Value], damaged: Path
) -> Value | None:
    """What ``parse`` makes of the JSON object at ``path``; None where there is no such file.

    A file that can't be understood counts as absent and is moved to the folder ``damaged``,
    so that it is looked at once and is still there for whoever wants to know what happened.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    try:
        return parse(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError):
        with suppress(OSError):
            damaged.mkdir(parents=True, exist_ok=True)
            path.replace(damaged / f"{path.parent.name}-{path.name}")
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
                        found.append((entry.stat().st_mtime_ns, entry.path))
    return [Path(path) for _, path in sorted(found, reverse=True)]
