"""How a build starts on what another one left: on an overlay, a reflinked copy, or a copy.

All three give the build the same state at the same place, and all leave what it did in
``work/fs``. Above other layers an overlay holds the changes alone; a copy is whole by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.sandbox.capabilities import LayerMethod
from ckpt_git.engines.local.store.store import Layer, Store, copy_tree, make_folder
from ckpt_git.engines.local.workspace.flatten import shallow
from ckpt_git.engines.protocol import SourceTree, Start
from ckpt_git.model.errors import StoreError

SECOND = 1_000_000_000  # ns
# The kernel's own for dating files; a precise one would date sources ahead of their objects.
CLOCK = getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a build is put on.

    ``build`` is what it sees at ``/build``, ``lowers`` the layers that ``work/fs`` will lie on;
    ``overlay`` and ``apply`` are orders to ``sandbox/init.py``. ``stamp`` is the mtime (ns) of a
    clean build's sources; those that ``apply`` writes get theirs from ``sandbox/init.py``.
    """

    build: Path
    lowers: tuple[str, ...]
    overlay: dict[str, Any] | None = None
    apply: dict[str, Any] | None = None
    stamp: int | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The source files that ``apply`` writes."""
        return () if self.apply is None else tuple(self.apply["written"])


def unusable(layer: Layer, method: LayerMethod) -> str | None:
    """Why this layer can't be started on with ``method``, or None."""
    if method != "overlay" and layer.lowers:
        return f"it lies on other layers, and this build starts on a {method}"
    return None


def prepare(
    store: Store,
    method: LayerMethod,
    work: Path,
    source: SourceTree,
    start: Start | None,
    fetched: Layer | None,
    care: Precautions = NONE,
    *,
    date: int | None = None,
) -> Ground:
    """Make ``work/fs`` and say how it becomes the build's ground; writes the changed sources. ``date``
    (ns) is that of all sources of a clean build; None: now."""
    base = store.layer(start.checkpoint.id) if start is not None else fetched
    ground = _ground(store, method, work, base)
    if start is None or base is None:
        return replace(ground, stamp=_write_all(source, work / "fs" / "source", date))
    return _with_changes(ground, work, source, start, base, care)


def next_run(work: Path, ground: Ground, care: Precautions = NONE) -> Ground:
    """``ground`` after a run on it, for another one: what ``care`` says is removed, and nothing
    else is brought up to date again."""
    overlay = ground.overlay
    if overlay is not None:
        # A volatile mount leaves a mark in its folder by which the kernel refuses to take it
        # again: its page on overlayfs, "Volatile mount".
        again = work / f"overlay-{len(list(work.glob('overlay-*')))}"
        make_folder(again)
        overlay = {**overlay, "work": str(again)}
    next_one = replace(ground, overlay=overlay)
    return replace(next_one, apply=_removal(next_one, care.forgotten, care.emptied))


def _forgetting(ground: Ground, forgotten: Iterable[str]) -> Ground:
    return replace(ground, apply=_removal(ground, forgotten))


def of_checkpoint(
    store: Store, method: LayerMethod, work: Path, checkpoint: str, forgotten: Iterable[str]
) -> Ground:
    """The state that a checkpoint left, less ``forgotten``."""
    base = store.layer(checkpoint)
    if base is None:
        raise StoreError(f"{store.layers / checkpoint} is gone")
    return _forgetting(_ground(store, method, work, base), forgotten)


def upon(
    store: Store, work: Path, ground: Ground, scratch: Path, forgotten: Iterable[str]
) -> Ground:
    """The state that a run on ``ground`` left, less ``forgotten``, in another workspace: what is
    done there isn't done to ``work``. No other run may be on it meanwhile."""
    if ground.overlay is None:
        copy_tree(work / "fs", scratch / "fs", reflink="auto")
        return _forgetting(Ground(scratch / "fs", ()), forgotten)
    lowers = [os.path.relpath(work / "fs", store.layers), *ground.overlay["lowers"]]
    return _forgetting(_overlay(store, scratch, lowers, ground.lowers), forgotten)


def _removal(
    ground: Ground, forgotten: Iterable[str], emptied: Iterable[str] = ()
) -> dict[str, Any] | None:
    paths, folders = list(forgotten), list(emptied)
    if not (paths or folders):
        return None
    return {
        "folder": str(ground.build / "source"),
        "incoming": "",
        "written": [],
        "deleted": [],
        "forgotten": paths,
        "emptied": folders,
        "newest_mtime_ns": 0,
    }


def _ground(store: Store, method: LayerMethod, work: Path, base: Layer | None) -> Ground:
    fs = work / "fs"
    if base is None:
        make_folder(fs)
        return Ground(fs, ())
    if method != "overlay":
        copy_tree(store.fs(base.id), fs, reflink="always" if method == "reflink" else "never")
        return Ground(fs, ())
    base = shallow(store, base)
    return _overlay(store, work, [f"{name}/fs" for name in base.chain], base.chain)


def _overlay(store: Store, work: Path, lowers: Sequence[str], ids: tuple[str, ...]) -> Ground:
    """``lowers`` are folders, topmost first, relative to the store's layers."""
    for name in ("fs", "overlay", "merged"):
        make_folder(work / name)
    overlay = {
        "cwd": str(store.layers),
        "lowers": list(lowers),
        "upper": str(work / "fs"),
        "work": str(work / "overlay"),
        "target": str(work / "merged"),
    }
    return Ground(work / "merged", ids, overlay)


def _write_all(source: SourceTree, folder: Path, date: int | None) -> int:
    """A clean build's sources: all with one mtime, so that no file looks older than another.

    A checkout dates its files by the order in which it writes them, and then make runs the
    rules that keep generated files (configure, Makefile.in) up to date.
    """
    make_folder(folder)
    source.write(folder)
    stamp = time.clock_gettime_ns(CLOCK) if date is None else date
    for here, folders, files in os.walk(os.fsencode(folder)):
        for name in files if date is None else (*files, *folders):
            os.utime(os.path.join(here, name), ns=(stamp, stamp), follow_symlinks=False)
    return stamp


def _with_changes(
    ground: Ground, work: Path, source: SourceTree, start: Start, base: Layer, care: Precautions
) -> Ground:
    """The same ground, with the order to bring its sources from the base to the new tree.

    A source file that the base's build itself rewrote is brought back to what the tree says.
    """
    newest = start.checkpoint.newest_mtime_ns
    written = list(start.diff.written)
    known = {*written, *start.diff.deleted}
    again = dict.fromkeys((*base.dirtied, *care.dated_anew))
    tree = source.manifest() if again else {}
    written += [path for path in again if path not in known and path in tree]
    incoming = work / "incoming"
    incoming.mkdir()
    if written:
        source.write(incoming, written)
    order = {
        "folder": str(ground.build / "source"),
        "incoming": str(incoming),
        "written": written,
        "deleted": list(start.diff.deleted),
        "forgotten": list(care.forgotten),
        "emptied": list(care.emptied),
        "newest_mtime_ns": _last_of_its_second(newest) if care.another_second else newest,
    }
    return replace(ground, apply=order)


def _last_of_its_second(moment: int) -> int:
    return (moment // SECOND + 1) * SECOND - 1
