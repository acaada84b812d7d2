"""How much a change is likely to have compiled anew, from the names of the changed files. Pure.

A source counts as one. A header counts as many as the sources that include it, others in between:
that is learnt from the tree of the last clean build. A build description may touch one rule or
all, and counts as a quarter of all; what is never compiled counts as a small part, as something may
be made from it. It is a measure to choose a checkpoint by, and never goes by what is in a file now.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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

_INCLUDE = re.compile(r'\s*#\s*include\s*["<]([^">]+)[">]')
_PART_OF_ALL = 0.25
_NOT_COMPILED = 0.1
_UNKNOWN_HEADER = 8.0
_MANY = 4000  # headers; beyond that only who includes one directly is counted


@dataclass(frozen=True, slots=True)
class Weights:
    """What is known of a package: how many ``sources`` it has, the ``dependants`` of each header
    that more than one source includes, and the ``seconds`` that a clean build took.

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


def learn(paths: Sequence[str], includes: Iterable[tuple[str, str]], seconds: float) -> Weights:
    """The weights of a tree of ``paths``, from its ``#include`` lines, each as (path, line)."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        if posixpath.splitext(path)[1] in HEADERS:
            by_name[posixpath.basename(path)].append(path)
    included_by: dict[str, set[str]] = defaultdict(set)
    for path, line in includes:
        if found := _INCLUDE.match(line):
            # Where the compiler would look isn't known: each header whose end fits may be meant.
            tail = posixpath.normpath(found[1])
            while tail.startswith("../"):
                tail = tail.removeprefix("../")
            for header in by_name.get(posixpath.basename(tail), ()):
                if header == tail or header.endswith(f"/{tail}"):
                    included_by[header].add(path)
    sources = {path for path in paths if posixpath.splitext(path)[1] in SOURCES}
    deep = len(included_by) <= _MANY
    counts = {h: len(_reached(h, included_by, deep=deep) & sources) for h in included_by}
    return Weights(len(sources), {h: n for h, n in counts.items() if n > 1}, seconds)


def _reached(header: str, included_by: Mapping[str, set[str]], *, deep: bool) -> set[str]:
    """All that includes ``header``, by way of others too."""
    seen = set(included_by[header])
    pending = list(seen) if deep else []
    while pending:
        more = included_by.get(pending.pop(), set()) - seen
        seen |= more
        pending += more
    return seen
