"""What detection passes around: a tree's file list, the machine's tools, and a proposal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Listing:
    """The tracked files of a folder: their paths, and ``read`` for the content of one.

    ``name`` is the folder's name, for the repository's root that of the repository. ``read``
    returns None for a path that isn't there.
    """

    name: str
    paths: frozenset[str]
    read: Callable[[str], bytes | None]

    def __contains__(self, path: str) -> bool:
        return path in self.paths

    def first(self, *paths: str) -> str | None:
        """The first of ``paths`` that is tracked."""
        return next((path for path in paths if path in self.paths), None)

    def text(self, path: str) -> str:
        """A file's content as text, ``""`` where there is none; for looking, not for copying."""
        return (self.read(path) or b"").decode(errors="replace")

    def named(self, *names: str) -> tuple[str, ...]:
        """The paths, at any depth, whose last part is one of ``names``, upper ones first."""
        found = (path for path in self.paths if path.rpartition("/")[2] in names)
        return tuple(sorted(found, key=lambda path: (path.count("/"), path)))

    def folders(self) -> tuple[str, ...]:
        """The names of the folders at the top."""
        return tuple(sorted({path.partition("/")[0] for path in self.paths if "/" in path}))

    def below(self, folder: str) -> Listing:
        """The same for a folder at the top."""
        start = folder + "/"
        paths = frozenset(path[len(start) :] for path in self.paths if path.startswith(start))
        return Listing(folder, paths, lambda path: self.read(start + path))

    def free(self, *names: str) -> str:
        """The first of ``names`` that nothing tracked has, for a folder that a build makes."""
        taken = {path.partition("/")[0] for path in self.paths}
        return next((name for name in names if name not in taken), names[-1] + "-ckpt")


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine as far as detection looks: the home folder, and where a tool is on PATH."""

    home: Path
    which: Callable[[str], Path | None]


@dataclass(frozen=True, slots=True)
class Proposal:
    """How one package would be built, and why we think so.

    ``marker`` is the file that gave the kind away. ``needs`` are the tools without which there
    is no build, ``uses`` others that the commands call where they exist. ``check`` is kept
    apart from ``phases``: it is offered, not switched on. ``remarks`` are for the user to read.
    ``nix`` holds the keys that name a derivation; there are no phases then.
    """

    kind: str
    marker: str
    phases: Mapping[str, str]
    needs: tuple[str, ...]
    uses: tuple[str, ...] = ()
    check: str | None = None
    fetch: str | None = None
    locks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    name: str = ""
    source: str = "."
    reason: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    nix: Mapping[str, str] = field(default_factory=dict)


Kind = Callable[[Listing, Machine], Proposal | None]
