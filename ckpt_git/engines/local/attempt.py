"""One build of the local engine, from an empty workspace to a published layer and output."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ckpt_git.engines.local import layers, seal
from ckpt_git.engines.local.configure import why_configure
from ckpt_git.engines.local.dirtied import dirtied
from ckpt_git.engines.local.job import Job, failed, refuse_full_disk, run_phases
from ckpt_git.engines.local.later import Later
from ckpt_git.engines.local.probe import LayerMethod
from ckpt_git.engines.local.store import Layer, new_id
from ckpt_git.engines.protocol import Realisation
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import PHASES
from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.model.record import Seconds


def build(job: Job, fetched: Layer | None) -> Realisation:
    """Run the derivation's phases; publish what they leave where they passed.

    While it runs, the layers that it started on are checked: what a damaged one gave must not
    be used.
    """
    with job.store.workspace() as work:
        base = job.store.layer(job.start.checkpoint.id) if job.start else fetched
        started_on = () if base is None else base.chain
        checks: list[Later[str | None]] = []
        began = time.monotonic()
        try:
            ground = layers.prepare(
                job.store, job.able.layers, work, job.source, job.start, fetched
            )
            used = dict.fromkeys((*started_on, *ground.lowers))

            def check() -> None:
                checks.append(Later(lambda: _look_about(job, used)))

            prepared = time.monotonic() - began
            with job.store.held(used):
                ended = run_phases(job, work, ground, _phases(job), on_start=check)
        except (MissingError, StoreError) as error:
            return _unless_damaged(job, started_on, error)
        seconds = Seconds(materialise=prepared + ended.prepared, build=ended.ran)
        damage = checks[0].value()
        if ended.code != 0 and damage is None:
            refuse_full_disk(job)
        if ended.code != 0 or damage is not None:
            result = failed(job, ended, seconds)
            return result if damage is None else replace(result, distrust=damage)
        return _publish(job, work, ground, ended.stamp, seconds)


def _look_about(job: Job, used: Iterable[str]) -> str | None:
    """What can be done while the build runs: the damage in what it started on, and the manifest
    that its own layer will carry."""
    job.source.manifest()  # kept by the source
    return job.store.damage(used)


def _unless_damaged(job: Job, started_on: Sequence[str], error: CkptError) -> Realisation:
    """The result where a build couldn't be set up because what it starts on is damaged.

    Raises ``error`` where that isn't so.
    """
    damage = job.store.damage(started_on)
    if damage is None:
        raise error
    return Realisation(
        outcome="failed",
        sandbox=job.able.sandbox,
        out=None,
        seconds=Seconds(),
        distrust=damage,
        warnings=job.warnings,
    )


def _phases(job: Job) -> Mapping[str, str]:
    """The phases to run: all, or all but ``configure`` where the checkpoint's still holds."""
    phases = {name: job.drv.phases[name] for name in PHASES if name in job.drv.phases}
    if job.start is None or "configure" not in phases:
        return phases
    reason = why_configure(phases["configure"], job.start.diff, job.source)
    if reason is None:
        del phases["configure"]
    return phases


def _publish(
    job: Job, work: Path, ground: layers.Ground, stamp: int, seconds: Seconds
) -> Realisation:
    """Publish the layer and the output of a passed build."""
    entry = new_id()
    out = None
    if any((work / "out").iterdir()):
        out = job.store.publish_output(work, entry, job.drv.name)
    sealed, problem = _seal(work, job.able.layers)
    checkpoint = None
    if sealed is not None:
        checkpoint = _publish_layer(job, work, ground, stamp or ground.stamp or 0, sealed, entry)
    return Realisation(
        outcome="passed",
        sandbox=job.able.sandbox,
        out=out,
        seconds=seconds,
        artifacts=checkpoint,
        no_base=problem,
        warnings=job.warnings,
    )


def _seal(work: Path, method: LayerMethod) -> tuple[seal.Seal | None, str | None]:
    """The seal of what the build left, or why it can't be a base for others."""
    try:
        sealed = seal.take(work / "fs")
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
    job: Job, work: Path, ground: layers.Ground, stamp: int, sealed: seal.Seal, entry: str
) -> Checkpoint:
    manifest = job.source.manifest()
    base = job.start.checkpoint if job.start is not None else None
    copied_from: dict[str, int] = {}
    if base is not None and ground.overlay is None:
        copied_from = job.store.mtimes(base.id)
    newest = max(sealed.newest_mtime_ns, base.newest_mtime_ns if base is not None else 0)
    layer = Layer(
        id=entry,
        lowers=ground.lowers,
        owner=str(job.drv.source.repository),
        package=job.drv.name,
        newest_mtime_ns=newest,
        dirtied=dirtied(work, ground, stamp, sealed, copied_from, job.source, manifest),
    )
    job.store.publish_layer(work, layer, sealed, manifest)
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
    )
