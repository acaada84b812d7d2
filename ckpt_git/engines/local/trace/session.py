"""The tracing of one build: an arena for each of its runs, one trace of them all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ckpt_git.engines.files import writing
from ckpt_git.engines.local.trace import arena, reading
from ckpt_git.engines.local.trace.library import NAME
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import LINK
from ckpt_git.model.trace import Trace

INSIDE = "/run/ckpt-trace"
"""Where the library and the arena lie in a sandbox."""


@dataclass(frozen=True)
class Run:
    """One run of a build that is traced: what it preloads, and what a sandbox has to show it,
    as (host path, path inside, writable)."""

    preload: str
    binds: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class Tracing:
    """The tracing of the build in ``work`` by ``library``; ``root`` and ``tmp`` are paths as the
    build sees them."""

    library: Path
    work: Path
    root: str
    tmp: str
    sandboxed: bool
    _arenas: list[Path] = field(default_factory=list)

    def run(self) -> Run:
        """Make ready for one more run. Raises ``StoreError``."""
        folder = self.work / f"trace-{len(self._arenas)}"
        with writing(self.work):
            folder.mkdir()
            arena.make(folder / "arena", self.root)
        self._arenas.append(folder / "arena")
        if self.sandboxed:
            library = (str(self.library), f"{INSIDE}/{NAME}", False)
            shared = (str(folder / "arena"), f"{INSIDE}/arena", True)
            return Run(f"{INSIDE}/{NAME}", (library, shared))
        with writing(folder):
            shutil.copyfile(self.library, folder / NAME)
        return Run(str(folder / NAME), ())

    def trace(self, source: SourceTree, *, clean: bool) -> Trace:
        """What the runs of this build did. Raises ``OSError`` and ``ValueError`` where a build
        damaged its own arena."""
        return reading.trace(
            [arena.read(path) for path in self._arenas],
            _links(source),
            root=self.root,
            tmp=self.tmp,
            clean=clean,
        )


def _links(source: SourceTree) -> Mapping[str, str]:
    """The symbolic links of a source with their targets, as they lie in the build."""
    paths = [path for path, entry in source.manifest().items() if entry.mode == LINK]
    return reading.source_links({path: os.fsdecode(source.read(path) or b"") for path in paths})
