"""Which compilers a build finds, and whether a compiler cache stands before them.

In a sandbox they lie in a folder of their own, first on PATH: links to the compilers, or in a build
that may use the cache to ccache, which goes by the name that it is called by (ccache(1), "Run
modes"). The folder is there in each build of a package, so that a path that configure records holds
with the cache and without, and a link costs nothing. A compiler that is called by another path is
called as ever: right, and slower.

The cache is the package's own. Nothing in it is taken on trust: what the preprocessor gives is
compared each time, as the "direct mode" doesn't notice a new header that shadows another, and each
toolchain has a cache of its own. Where a compiler reads what ccache doesn't look at, it isn't used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.local.host import COMPILER_CACHE, which
from ckpt_git.process import run

LIMIT = "1GiB"
"""How large a package's cache may become; the objects in it are compressed."""

_LINKS = "/ckpt-cc"
_FOLDER = "/ckpt-cache"
_COMPILER = re.compile(
    r"(?:\w+(?:-\w+){1,3}-)?(?:cc|c\+\+|gcc|g\+\+|clang|clang\+\+)(?:-\d+(?:\.\d+)*)?"
)
_ELF = b"\x7fELF"
_HITS = frozenset({"direct_cache_hit", "preprocessed_cache_hit"})
_MISS = "cache_miss"


class Unseen(NamedTuple):
    """Something that compilers read and ccache doesn't look at: as an extended regular expression
    for grep(1), and in words."""

    pattern: str
    what: str


UNSEEN = (
    Unseen(r'\.include[[:space:]]*\\*"', "has the assembler include a file"),
    Unseen(r"\<export[[:space:]]+module\>|-fmodules", "uses modules"),
    Unseen(
        r"(CC|CXX|FLAGS|gcc|g\+\+|clang)\>.*[[:space:]]-B[[:space:]]*[./$]|\<COMPILER_PATH\>",
        "says which assembler is used",
    ),
)
"""Each seen to give an old object with ccache 4.7.5; test_second_tier.py has the first."""


@dataclass(frozen=True, slots=True)
class Compilers:
    """How a build finds its compilers. ``links`` are (path, target) in the sandbox; ``folder`` is
    the host's folder of the cache, None for a build without one; the file ``stats`` is where ccache
    notes what it did, and ``env`` tells it how.
    """

    links: tuple[tuple[str, str], ...] = ()
    folder: Path | None = None
    stats: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def search_path(self, path: str) -> str:
        """PATH with them in front."""
        return f"{_LINKS}:{path}" if self.links else path

    @property
    def binds(self) -> tuple[tuple[str, str, bool], ...]:
        """As ``sandbox.View`` has them."""
        return () if self.folder is None else ((str(self.folder), _FOLDER, True),)


NONE = Compilers()
"""Those that PATH has, found there."""


def direct(path: str) -> Compilers:
    """The compilers on ``path``, with nothing before them; ``NONE`` where there is no ccache that
    could be."""
    if which(COMPILER_CACHE, path) is None:
        return NONE
    return Compilers(tuple((f"{_LINKS}/{name}", real) for name, real in _found(path).items()))


def cached(path: str, folder: Path, stats: str) -> Compilers:
    """The same with ccache before them, which keeps what it keeps in ``folder`` and notes in the
    file ``stats`` there what it did."""
    cache = which(COMPILER_CACHE, path)
    if cache is None:
        return NONE
    links = tuple((f"{_LINKS}/{name}", cache) for name in _found(path))
    return Compilers(links, folder, folder / stats, _environment(stats))


def unseen(source: Path) -> str | None:
    """Why no object of these sources may come from the cache: what compilers read of them without
    ccache's looking at it; None where nothing is."""
    if which("grep", os.environ.get("PATH", os.defpath)) is None:
        return "there is no grep, to look for what ccache doesn't look at"
    for pattern, what in UNSEEN:
        found = run(["grep", "-rIlE", "-m1", "-e", pattern, "."], cwd=source, ok=(0, 1, 2)).stdout
        if found:
            name = os.fsdecode(found.split(b"\n", 1)[0]).removeprefix("./")
            return f"{name} {what}"
    return None


def counted(stats: Path) -> tuple[int, int]:
    """How many objects came from the cache, and of how many, as ``stats`` notes it."""
    try:
        said = stats.read_text(errors="replace").splitlines()
    except OSError:
        return 0, 0
    hits = sum(line in _HITS for line in said)
    return hits, hits + said.count(_MISS)


def _environment(stats: str) -> dict[str, str]:
    """ccache(1), "Configuration options": those that a result depends on."""
    return {
        "CCACHE_DIR": _FOLDER,
        "CCACHE_CONFIGPATH": os.devnull,
        "CCACHE_MAXSIZE": LIMIT.removesuffix("B"),
        "CCACHE_NODIRECT": "1",
        "CCACHE_NOINODECACHE": "1",
        "CCACHE_COMPILERCHECK": "content",
        "CCACHE_SLOPPINESS": "",
        "CCACHE_STATSLOG": f"{_FOLDER}/{stats}",
    }


def _found(path: str) -> dict[str, str]:
    """The compilers on ``path`` by name. A script stays what is found by its name: it may look for
    what lies beside it, and stand before a compiler of the same name on purpose."""
    names: set[str] = set()
    for folder in path.split(":"):
        with suppress(OSError):
            names.update(filter(_COMPILER.fullmatch, os.listdir(folder)))
    programs = {name: which(name, path) for name in sorted(names)}
    return {name: found for name, found in programs.items() if found and _is_binary(found)}


def _is_binary(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_ELF)) == _ELF
    except OSError:
        return False
