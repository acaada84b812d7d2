"""What a build came to, as a value that can be compared: verdict, and all that was installed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """``mode`` is that of stat(2), ``content`` a file's bytes or a link's target; ``same`` names
    the paths that are hard links of one file, itself among them."""

    mode: int
    content: bytes
    same: frozenset[bytes]

    def __str__(self) -> str:
        beside = f", {len(self.same)} names" if len(self.same) > 1 else ""
        shown = "" if stat.S_ISDIR(self.mode) else f" {self.content[:120]!r}"
        return f"{stat.filemode(self.mode)}{beside}{shown}"


Output = Mapping[bytes, Entry]


@dataclass(frozen=True)
class Built:
    """``outcome`` is ``passed`` or ``failed``; what failed has installed nothing. ``said`` is the
    end of what it printed, and no part of a comparison."""

    outcome: str
    output: Output
    said: str = field(default="", compare=False)


def read(folder: Path) -> Output:
    """All that lies below ``folder``, but for dates. Raises ``OSError`` where it isn't there."""
    names: dict[tuple[int, int], set[bytes]] = {}
    found: dict[bytes, tuple[os.stat_result, bytes]] = {}
    for path in _paths(os.fsencode(folder)):
        status = os.lstat(path)
        name = os.path.relpath(path, os.fsencode(folder))
        found[name] = status, _content(path, status.st_mode)
        if not stat.S_ISDIR(status.st_mode):
            names.setdefault((status.st_dev, status.st_ino), set()).add(name)
    return {
        name: Entry(status.st_mode, content, _names(names, status))
        for name, (status, content) in found.items()
    }


def differences(ours: Built, clean: Built) -> list[str]:
    """What differs, a line for each path; nothing where both are the same."""
    if ours.outcome != clean.outcome:
        said = ours.said if ours.outcome == "failed" else clean.said
        return [f"{ours.outcome}, where a clean build has {clean.outcome}: {said}"]
    told = []
    for path in sorted({*ours.output, *clean.output}):
        here, there = ours.output.get(path), clean.output.get(path)
        if here != there:
            told.append(
                f"{os.fsdecode(path)!r}: {here or 'nothing'}; clean: {there or 'nothing'}"
                + ("" if here is None or there is None else _first_difference(here, there))
            )
    return told


def _first_difference(one: Entry, other: Entry) -> str:
    if max(len(one.content), len(other.content)) <= 120:
        return ""
    pairs = enumerate(zip(one.content, other.content, strict=False))
    shorter = min(len(one.content), len(other.content))
    return f" (from byte {next((at for at, (a, b) in pairs if a != b), shorter)} on)"


def _paths(folder: bytes) -> Iterator[bytes]:
    for here, folders, files in os.walk(folder, onerror=_raise):
        for name in (*folders, *files):
            yield os.path.join(here, name)  # noqa: PTH118 - a name may be any bytes


def _content(path: bytes, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.readlink(path)  # noqa: PTH115
    if stat.S_ISREG(mode):
        return Path(os.fsdecode(path)).read_bytes()
    return b""


def _names(names: Mapping[tuple[int, int], set[bytes]], status: os.stat_result) -> frozenset[bytes]:
    return frozenset(names.get((status.st_dev, status.st_ino), ()))


def _raise(error: OSError) -> None:
    raise error
