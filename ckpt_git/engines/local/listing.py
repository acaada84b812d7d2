"""List compilers, linkers, build tools, system headers and libraries. A build that isn't watched
depends on all of them, as nobody knows which it reads.

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
from glob import glob

from ckpt_git.model.errors import CkptError
from ckpt_git.process import Begun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Folders that are listed with all that is below them: headers, then compilers, and the scripts and
# modules of the build tools. A name with `*` stands for each folder that matches.
_HEADERS = ("/usr/include", "/usr/local/include")
_WHOLE = (
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
_HERE = b"/./"
_OURS = frozenset({"__pycache__", ".git"})  # inputs: what running a program in them may write


class Listing:
    """A line for each file below the folders ``deep`` and in the folders ``flat``: path, mode,
    size, mtime, ctime. Folders themselves aren't listed: their names are part of files' paths.

    It is made in another process, from now on.
    """

    def __init__(
        self,
        deep: Iterable[str],
        flat: Iterable[str] = (),
        skipped: frozenset[str] = _SKIPPED,
    ) -> None:
        self._deep, self._flat, self._skipped = _real(deep), _real(flat), skipped
        self._found = _begin_find(self._deep, self._flat, skipped)

    def lines(self) -> bytes:
        """All of them, in no order, each with its end. Waits for them; to be asked for once."""
        found = None if self._found is None else _printed(self._found)
        return found or b"".join(
            (
                *_walked(self._deep, self._skipped, deep=True),
                *_walked(self._flat, self._skipped, deep=False),
            )
        )


def take(path: str) -> bytes:
    """The lines for what every build may use of the system, by the PATH ``path``."""
    headers = Listing(_HEADERS)
    rest = Listing(_each(_WHOLE), (*_each(_FLAT), *path.split(":")))
    return headers.lines() + rest.lines()


def listing(system: bytes, inputs: Sequence[str]) -> bytes:
    """One line for each file that a build may use, sorted: the toolchain as it is now.

    ``system`` is what ``take`` gives; ``inputs`` are the host paths that the recipe declares, and
    are listed whole.
    """
    lines = system + Listing(inputs, skipped=_OURS).lines()
    return b"\n".join((os.uname().machine.encode(), *sorted({*lines.split(b"\n")[:-1]})))


def fingerprint(listed: bytes) -> str:
    """The digest of a listing, or of the lines that it is made of."""
    return hashlib.sha256(listed).hexdigest()[:32]


def _each(patterns: Iterable[str]) -> list[str]:
    return [path for pattern in patterns for path in sorted(glob(pattern))]


def _real(folders: Iterable[str]) -> list[str]:
    return sorted({os.path.realpath(folder) for folder in folders if os.path.exists(folder)})


def _begin_find(deep: list[str], flat: list[str], skipped: frozenset[str]) -> Begun | None:
    """GNU find: half the time that ``_walked`` takes, and none of it in our interpreter. None where
    there is nothing to find, or no find.

    A folder of ``flat`` is given as ``FOLDER/.``, by which what is below the others is told apart.
    """
    roots = [*deep, *(f"{one}/." if os.path.isdir(one) else one for one in flat)]
    names = [argument for name in sorted(skipped) for argument in ("-o", "-name", name)]
    pruned = ["-type", "d", "(", "-path", f"*{_HERE.decode()}*", *names, ")", "-prune"]
    form = ["!", "-type", "d", "-printf", r"%p\0%m %s %T@ %C@\n"]
    try:
        return Begun(["find", *roots, *pruned, "-o", *form]) if roots else None
    except CkptError:
        return None


def _printed(find: Begun) -> bytes | None:
    """Its output; None, or nothing, where it isn't GNU's."""
    try:
        return find.output(ok=(0, 1)).replace(_HERE, b"/")
    except CkptError:
        return None


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
    return b"%s\0%o %d %d %d\n" % (
        os.fsencode(path),
        stat.S_IMODE(info.st_mode),
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )
