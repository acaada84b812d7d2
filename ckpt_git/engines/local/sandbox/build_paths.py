"""Where a package is built, and where its ``$out`` lies: the same for each of its builds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.files import move, writing
from ckpt_git.engines.local.host import BUILD_ROOT, OUT_ROOT
from ckpt_git.engines.local.store.store import Store
from ckpt_git.folders import remove
from ckpt_git.kept_files import open_lock
from ckpt_git.model.derivation import Derivation, digest
from ckpt_git.model.record import SandboxKind


class Place(NamedTuple):
    """Paths as the build sees them. ``host`` is None in a sandbox, which makes its own."""

    top: str
    out: str
    host: Path | None

    @property
    def source(self) -> str:
        return f"{self.top}/source"

    @property
    def tmp(self) -> str:
        """The folder for temporary files."""
        return "/tmp" if self.host is None else str(self.host / "tmp")  # noqa: S108 - the sandbox's


def place_of(store: Store, drv: Derivation, kind: SandboxKind) -> Place:
    """The place of the package in a sandbox of ``kind``.

    Paths get baked into what is built, so without a sandbox each package of each repository
    has a folder of its own in the store.
    """
    if kind != "none":
        return Place(BUILD_ROOT, f"{OUT_ROOT}/{drv.name}", None)
    host = store.root / "places" / digest([str(drv.source.repository), drv.name])[:16]
    return Place(str(host / "build"), str(host / "out" / drv.name), host)


@contextmanager
def occupied(place: Place, work: Path) -> Iterator[None]:
    """While a build without a sandbox runs, its folder ``work`` lies at the package's fixed path.
    One build at a time; what a killed build left there is removed. In a sandbox there is nothing to
    do."""
    if place.host is None:
        yield
        return
    stack = ExitStack()
    with writing(place.host):
        place.host.mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context(open_lock(place.host / "lock"))
    moves = (
        (work / "fs", Path(place.top)),
        (work / "out", Path(place.out)),
        (work / "tmp", Path(place.tmp)),
    )
    with stack:
        flock(lock, LOCK_EX)
        for origin, target in moves:
            remove(target)
            target.parent.mkdir(exist_ok=True)
            move(origin, target)
        try:
            yield
        finally:
            for origin, target in moves:
                move(target, origin)
