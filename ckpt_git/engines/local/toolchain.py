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
from glob import glob

from ckpt_git.engines.local.later import Later
from ckpt_git.engines.local.system import SYSTEM_PATH
from ckpt_git.model.errors import CkptError
from ckpt_git.process import run

# Folders that are listed with all that is below them: headers, compilers, and the scripts and
# modules of the build tools. A name with `*` stands for each folder that matches.
_WHOLE = (
    "/usr/include",
    "/usr/local/include",
    "/usr/local/share/cmake*",
    "/usr/lib/gcc*",
    "/usr/lib64/gcc*",
    "/usr/libexec/gcc*",
    "/usr/lib/*-linux-*/*/include",
    "/usr/local/lib/*/include",
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
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
)
_SKIPPED = frozenset({"doc", "man", "locale", "info", "html", "__pycache__", ".git"})
_OURS = frozenset({"__pycache__", ".git"})  # inputs: what running a program in them may write


_begun: dict[str, Later[frozenset[bytes]]] = {}


def begin(path: str = SYSTEM_PATH) -> None:
    """Begin to list what every build may use of the system; ``take`` has the result."""
    _begun[path] = Later(lambda: system_lines(path))


def take(path: str) -> frozenset[bytes]:
    """What was begun to be listed, or a new listing. Used once: the next build looks anew."""
    begun = _begun.pop(path, None)
    return system_lines(path) if begun is None else begun.value()


def system_lines(path: str = SYSTEM_PATH) -> frozenset[bytes]:
    """The lines for what every build may use of the system; ``path`` is the PATH of the build."""
    flat = Later(lambda: _lines((*_each(_FLAT), *path.split(":")), deep=False))
    return _lines(_each(_WHOLE), deep=True) | flat.value()


def listing(system: frozenset[bytes], inputs: Iterable[str]) -> bytes:
    """One line for each file that a build may use, sorted: the toolchain as it is now.

    ``inputs`` are the host paths that the recipe declares; they are listed whole.
    """
    lines = system | _lines(inputs, deep=True, skipped=_OURS)
    return b"\n".join((os.uname().machine.encode(), *sorted(lines)))


def fingerprint(listed: bytes) -> str:
    """The digest of a listing."""
    return hashlib.sha256(listed).hexdigest()[:32]


def changed(old: bytes, new: bytes) -> list[str]:
    """The paths in which two listings differ."""
    differing = set(old.split(b"\n")) ^ set(new.split(b"\n"))
    return sorted({os.fsdecode(line.split(b"\0", 1)[0]) for line in differing if line})


def _each(patterns: Iterable[str]) -> list[str]:
    return [path for pattern in patterns for path in sorted(glob(pattern))]


def _lines(
    folders: Iterable[str], *, deep: bool, skipped: frozenset[str] = _SKIPPED
) -> frozenset[bytes]:
    """A line for each file in ``folders``: path, mode, size, mtime, ctime. Folders themselves
    aren't listed: their names are part of the files' paths."""
    roots = sorted({os.path.realpath(folder) for folder in folders if os.path.exists(folder)})
    if not roots:
        return frozenset()
    try:
        return _found(roots, skipped, deep=deep)
    except CkptError:  # not GNU's find
        return frozenset(_walked(roots, skipped, deep=deep))


def _found(roots: list[str], passed_over: frozenset[str], *, deep: bool) -> frozenset[bytes]:
    """By GNU find: half the time, and none of it takes our interpreter's lock."""
    depth = [] if deep else ["-maxdepth", "1"]
    names = [argument for name in sorted(passed_over) for argument in ("-o", "-name", name)][1:]
    skipped = ["-type", "d", "(", *names, ")", "-prune", "-o"] if deep else []
    form = ["!", "-type", "d", "-printf", r"%p\0%m %s %T@ %C@\n"]
    listed = run(["find", *roots, *depth, *skipped, *form], ok=(0, 1)).stdout
    return frozenset(listed.split(b"\n")[:-1])


def _walked(roots: list[str], passed_over: frozenset[str], *, deep: bool) -> Iterator[bytes]:
    pending = list(roots)
    while pending:
        here = pending.pop()
        try:
            entries = os.scandir(here)
        except NotADirectoryError:
            yield _line(here, os.stat(here))
            continue
        except OSError:
            continue
        with entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(info.st_mode):
                    yield _line(entry.path, info)
                elif deep and entry.name not in passed_over:
                    pending.append(entry.path)


def _line(path: str, info: os.stat_result) -> bytes:
    return b"%s\0%o %d %d %d" % (
        os.fsencode(path),
        stat.S_IMODE(info.st_mode),
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )
