"""Fill the folder that a build starts in: the sources, above what ``fetch`` brought."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_git.engines.files import copy_tree, make_folder
from ckpt_git.engines.local.sandbox.capabilities import LayerMethod
from ckpt_git.engines.local.store.entries import Entry
from ckpt_git.engines.local.store.store import Store
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.folders import walk


@dataclass(frozen=True, slots=True)
class Workspace:
    """``build`` is what a build sees at ``/build``; ``overlay`` is an order to ``init.py``."""

    build: Path
    overlay: dict[str, Any] | None = None


def prepare(
    store: Store,
    method: LayerMethod,
    work: Path,
    source: SourceTree,
    fetched: Entry | None,
    date: int,
) -> Workspace:
    """Make ``work/fs``, with the sources in it; ``date`` (ns) is that of all of them.

    A checkout dates its files by the order in which it writes them, and then make runs the rules
    that keep generated files (configure, Makefile.in) up to date.
    """
    workspace = _workspace(store, method, work, fetched)
    folder = work / "fs" / "source"
    make_folder(folder)
    source.write(folder)
    for entry in walk(os.fsencode(folder)):
        os.utime(entry.path, ns=(date, date), follow_symlinks=False)
    return workspace


def _workspace(store: Store, method: LayerMethod, work: Path, fetched: Entry | None) -> Workspace:
    fs = work / "fs"
    if fetched is not None and method != "overlay":
        copy_tree(store.fs(fetched.id), fs, reflink="always" if method == "reflink" else "never")
        return Workspace(fs)
    make_folder(fs)
    if fetched is None:
        return Workspace(fs)
    for name in ("overlay", "merged"):
        make_folder(work / name)
    overlay = {
        "cwd": str(store.entries),
        "lowers": [f"{fetched.id}/fs"],
        "upper": str(fs),
        "work": str(work / "overlay"),
        "target": str(work / "merged"),
    }
    return Workspace(work / "merged", overlay)
