"""How a build that passed is kept: its layer, its output, and the checkpoint that they make.

Needed when the phases have run, so it is imported while they do.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import new_id
from ckpt_git.engines.local.store import seal
from ckpt_git.engines.local.store.store import Layer
from ckpt_git.engines.local.workspace.object_count import compiled
from ckpt_git.engines.local.workspace.rewritten_sources import dirtied
from ckpt_git.engines.protocol import Realisation
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.record import Seconds

if TYPE_CHECKING:
    from ckpt_git.engines.local.freshness.seen import Seen
    from ckpt_git.engines.local.job import Job
    from ckpt_git.engines.local.sandbox import runner
    from ckpt_git.engines.local.sandbox.capabilities import LayerMethod
    from ckpt_git.engines.local.workspace import layers


def publish(
    job: Job,
    work: Path,
    ground: layers.Ground,
    ended: runner.Ended,
    seconds: Seconds,
    seen: Seen,
) -> Realisation:
    """Publish the layer and the output of a passed build."""
    entry = new_id()
    out = job.store.publish_output(work, entry, job.owner, job.drv.name)
    sealed, problem = _sealed(work, job.able.layers)
    checkpoint = None
    if sealed is not None:
        checkpoint = _publish_layer(job, work, ground, ended, sealed, entry, seen)
    return Realisation(
        outcome="passed",
        sandbox=job.able.sandbox,
        out=out,
        seconds=seconds,
        artifacts=checkpoint,
        suspicions=seen.doubts,
        no_base=problem,
        compiled=None if sealed is None else compiled(sealed.entries, _stamp(ground, ended)),
        warnings=job.warnings,
    )


def _stamp(ground: layers.Ground, ended: runner.Ended) -> int:
    """The mtime (ns) that the build's sources were given: those that changed, or all."""
    return ended.stamp or ground.stamp or 0


def _sealed(work: Path, method: LayerMethod) -> tuple[seal.Seal | None, str | None]:
    """The seal of what the build left, or why it can't be a base for others."""
    try:
        sealed = seal.settle(work / "fs")
    except PermissionError as error:
        return None, f"the build left {_in_build(work, error.filename)} unreadable"
    sources = next((entry for entry in sealed.entries if entry.path == "source"), None)
    if not (sources is None or stat.S_ISDIR(sources.mode)):
        return None, "the build replaced its source folder"
    unreadable = next((e.path for e in sealed.entries if _unreadable(work, e, method)), None)
    if unreadable is not None:
        return None, f"the build left {unreadable} unreadable"
    if sealed.newest_mtime_ns > time.time_ns():
        return None, "the build left files that are dated in the future"
    return sealed, None


def _unreadable(work: Path, entry: seal.Sealed, method: LayerMethod) -> bool:
    """Whether a file couldn't be copied when the next build starts. root may read all."""
    if method == "overlay" or not stat.S_ISREG(entry.mode) or entry.mode & stat.S_IRUSR:
        return False
    return not os.access(work / "fs" / entry.path, os.R_OK)


def _in_build(work: Path, path: str) -> str:
    return os.path.relpath(path, work / "fs")


def _publish_layer(
    job: Job,
    work: Path,
    ground: layers.Ground,
    ended: runner.Ended,
    sealed: seal.Seal,
    entry: str,
    seen: Seen,
) -> Checkpoint:
    stamp = _stamp(ground, ended)
    manifest = job.source.manifest()
    base = job.start.checkpoint if job.start is not None else None
    copied_from: dict[str, int] = {}
    if base is not None and ground.overlay is None:
        copied_from = job.store.mtimes(base.id)
    newest = max(sealed.newest_mtime_ns, base.newest_mtime_ns if base is not None else 0)
    layer = Layer(
        id=entry,
        lowers=ground.lowers,
        owner=job.owner,
        package=job.drv.name,
        newest_mtime_ns=newest,
        dirtied=dirtied(work, ground, stamp, sealed, copied_from, job.source, manifest),
        configured=_configured(job, stamp, ended),
        seconds=ended.ran,
    )
    job.store.publish_layer(work, layer, sealed, manifest, seen.files)
    job.store.make_durable(layer.id)
    return Checkpoint(
        id=entry,
        package=job.drv.name,
        engine="local",
        tree=job.source.tree,
        commit=job.commit,
        folder=job.drv.source.folder,
        recipe=job.recipe,
        depth=0 if base is None else base.depth + 1,
        newest_mtime_ns=newest,
        created=time.time(),
        built_on=() if base is None else base.bases,
    )


def _configured(job: Job, stamp: int, ended: runner.Ended) -> tuple[tuple[int, int], ...]:
    """See ``Layer``. What was there before a clean build began counts as well."""
    if job.start is None:
        return ((0, ended.built_from or stamp),)
    layer = job.store.layer(job.start.checkpoint.id)
    before = () if layer is None else layer.configured
    return (*before, (stamp, ended.built_from)) if ended.built_from else before
