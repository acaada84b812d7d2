"""The toolchain's fingerprint: compilers, linkers, build tools, system headers and libraries.

What a build can use of the system is listed with size, mode, mtime and ctime. ctime is there
because nothing but the kernel sets it: a file that was replaced by one of the same size and
date still shows. Listing some ten thousand entries takes a few hundredths of a second; all of
/usr would take half a second and tell little more, so documentation, locales and the inner
folders of libraries are left out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ckpt_git.engines.local.system import SYSTEM_PATH

# Folders that are listed with all that is below them: headers, compilers, and the scripts and
# modules of the build tools. A name with `*` stands for each folder that matches.
_WHOLE = (
    "/usr/include",
    "/usr/local/include",
    "/usr/local/share/cmake*",
    "/usr/lib/gcc*",
    "/usr/lib64/gcc*",
    "/usr/libexec/gcc*",
    "/usr/lib/llvm-*/bin",
    "/usr/lib/llvm-*/lib/clang",
    "/usr/lib/clang",
    "/usr/lib/rustlib",
    "/usr/lib/go*/pkg/tool",
    "/usr/lib/go*/src/cmd/go",
    "/usr/lib/python3/dist-packages/mesonbuild",
    "/usr/share/cmake*/Modules",
    "/usr/share/aclocal*",
    "/usr/share/autoconf",
    "/usr/share/automake*",
    "/usr/share/libtool",
    "/usr/share/bison",
    "/usr/share/pkgconfig",
    "/usr/share/meson",
    "/etc/alternatives",
    "/etc/ld.so.conf.d",
)
# Folders of which the entries themselves are listed: libraries, and how they are found.
_FLAT = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/*-linux-*",
    "/usr/lib/*-linux-*/pkgconfig",
    "/usr/lib/*-linux-*/cmake",
    "/usr/lib/pkgconfig",
    "/usr/lib64/pkgconfig",
    "/usr/local/lib",
    "/usr/local/lib/pkgconfig",
    "/usr/local/lib64",
    "/usr/share",
    "/etc",
)
_SKIPPED = frozenset({"doc", "man", "locale", "info", "html", "__pycache__", ".git"})
_ETC = frozenset({"ld.so.cache", "ld.so.conf"})


def system_lines(path: str = SYSTEM_PATH) -> frozenset[bytes]:
    """The lines for what every build may use of the system; ``path`` is the PATH of the build."""
    seen: set[str] = set()
    lines: set[bytes] = set()
    for folder in _each(_WHOLE):
        lines.update(_lines(folder, seen, deep=True))
    for folder in (*_each(_FLAT), *path.split(":")):
        lines.update(_lines(folder, seen, deep=False))
    return frozenset(lines)


def listing(system: frozenset[bytes], inputs: Iterable[str]) -> bytes:
    """One line for each file that a build may use, sorted: the toolchain as it is now.

    ``inputs`` are the host paths that the recipe declares; they are listed whole.
    """
    seen: set[str] = set()
    lines = set(system)
    for folder in inputs:
        lines.update(_lines(folder, seen, deep=True))
    return b"".join((os.uname().machine.encode(), b"\n", *sorted(lines)))


def fingerprint(listed: bytes) -> str:
    """The digest of a listing."""
    return hashlib.sha256(listed).hexdigest()[:32]


def changed(old: bytes, new: bytes) -> list[str]:
    """The paths in which two listings differ."""
    differing = set(old.split(b"\n")) ^ set(new.split(b"\n"))
    return sorted({os.fsdecode(line.split(b"\0", 1)[0]) for line in differing})


def _each(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        if "*" not in pattern:
            yield pattern
            continue
        root, _, _ = pattern.partition("*")
        parent = Path(root).parent if not root.endswith("/") else Path(root)
        yield from map(str, sorted(parent.glob(pattern[len(str(parent)) :].lstrip("/"))))


def _lines(folder: str, seen: set[str], *, deep: bool) -> list[bytes]:
    """The lines of one folder or file. Folders themselves aren't listed: their names are."""
    real = os.path.realpath(folder)
    if real in seen:
        return []
    seen.add(real)
    pending, lines = [real], []
    while pending:
        here = pending.pop()
        try:
            entries = os.scandir(here)
        except NotADirectoryError:
            lines.append(_line(here, os.stat(here)))
            continue
        except OSError:
            continue
        with entries:
            for entry in entries:
                if here == "/etc" and entry.name not in _ETC:
                    continue
                info = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(info.st_mode):
                    lines.append(_line(entry.path, info))
                elif deep and entry.name not in _SKIPPED:
                    pending.append(entry.path)
    return lines


def _line(path: str, info: os.stat_result) -> bytes:
    return b"%s\0%o %d %d %d\n" % (
        os.fsencode(path),
        info.st_mode,
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )
