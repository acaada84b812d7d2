"""Estimate how much a change compiles anew, from the names of the changed files. Pure.

A source counts as one. A header counts as many as the commands that read it: that is learnt from
the memory of the last clean build. A build description may touch one rule or all, and counts as a
quarter of all; what is never compiled counts as a small part, as something may be made from it. It
is a measure to choose a checkpoint by, and never goes by what is in a file now.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_git.watch.memory_file import MemoryFile

HEADERS = frozenset((".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tcc"))
SOURCES = frozenset(
    {
        *(".c", ".cc", ".cpp", ".cxx", ".m", ".mm", ".s", ".S", ".asm", ".f", ".f90", ".rs"),
        *(".go", ".java", ".kt", ".swift", ".ts", ".js", ".hs", ".ml", ".zig"),
    }
)
_DESCRIPTIONS = frozenset((".mk", ".am", ".ac", ".cmake", ".bazel", ".nix"))
_NAMED_DESCRIPTIONS = (
    *("Makefile", "makefile", "GNUmakefile", "configure", "CMakeLists.txt", "meson.build"),
    *("meson_options.txt", "BUILD", "Cargo.toml", "go.mod", "package.json", "ckpt.toml"),
)
"""How their names begin."""

_PART_OF_ALL = 0.25
_NOT_COMPILED = 0.1
_UNKNOWN_HEADER = 8.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What is known of a package: how many ``sources`` it has, the ``dependants`` of each header
    that more than one command reads, and the ``seconds`` that a clean build took.

    Nothing is known before the first clean build; a header is taken for one of a few then.
    """

    sources: int = 0
    dependants: Mapping[str, int] | None = None
    seconds: float | None = None

    def compiled(self, paths: Iterable[str]) -> float:
        """About how many sources a change of ``paths`` has compiled anew; at most all."""
        total = sum(map(self._weight, paths))
        return min(total, float(self.sources)) if self.sources else total

    def takes(self, compiled: float) -> float | None:
        """The seconds that so many sources take, as in the clean build; None before one."""
        if self.seconds is None or not self.sources:
            return None
        return self.seconds * compiled / self.sources

    def _weight(self, path: str) -> float:
        name = posixpath.basename(path)
        suffix = posixpath.splitext(name)[1]
        if suffix in HEADERS:
            return self.dependants.get(path, 1) if self.dependants is not None else _UNKNOWN_HEADER
        if suffix in SOURCES:
            return 1.0
        if suffix in _DESCRIPTIONS or name.startswith(_NAMED_DESCRIPTIONS):
            return max(1.0, _PART_OF_ALL * self.sources)
        return _NOT_COMPILED

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Weights:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is none."""
        return cls(data["sources"], dict(data["dependants"]), data["seconds"])


def learn_from(memory: MemoryFile, seconds: float) -> Weights:
    """The weights of a package, from the memory of its clean build, which took ``seconds``."""
    dependants, sources = Counter[str](), set[str]()
    for paths in memory.sources_read():
        for path in paths:
            suffix = posixpath.splitext(path)[1]
            if suffix in HEADERS:
                dependants[path] += 1
            elif suffix in SOURCES:
                sources.add(path)
    return Weights(len(sources), {h: n for h, n in dependants.items() if n > 1}, seconds)
