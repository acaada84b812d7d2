"""One build of the local engine, from an empty workspace to a published layer and output."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ckpt_git.engines.files import new_id, writing
from ckpt_git.engines.local import compilers, layers, run, seal
from ckpt_git.engines.local.abilities import LayerMethod
from ckpt_git.engines.local.compiled import compiled
from ckpt_git.engines.local.configure import why_configure
from ckpt_git.engines.local.dirtied import dirtied
from ckpt_git.engines.local.job import Job, failed, note, refuse_full_disk
from ckpt_git.engines.local.missed import precautions
from ckpt_git.engines.local.precautions import NONE
from ckpt_git.engines.local.running import run_all
from ckpt_git.engines.local.seen import Seen, look
from ckpt_git.engines.local.store import Layer
from ckpt_git.engines.protocol import Realisation
from ckpt_git.later import Later
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import PHASES
from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.model.record import Seconds


def build(job: Job, fetched: Layer | None) -> Realisation:
    """Run the derivation's phases; publish what they leave where they passed.

    While it runs, the layers that it started on are checked: what a damaged one gave must not
    be used.
    """
    with job.store.workspace() as work, ExitStack() as until_published:
        base = job.store.layer(job.start.checkpoint.id) if job.start else fetched
        started_on = () if base is None else base.chain
        if base is not None:
            job.store.used(base)
        checks: list[Later[str | None]] = []
        tracing = job.tracing(work)
        began = time.monotonic()
        phases = Later(lambda: _phases(job))
        try:
            care = NONE if job.start is None else precautions(job)
            if care.unfit is not None:
                return _nothing(job, unfit=care.unfit)
            with writing(work):
                ground = layers.prepare(
                    job.store, job.able.layers, work, job.source, job.start, fetched, care
                )
            used = dict.fromkeys((*started_on, *ground.lowers))

            def check() -> None:
                if not checks:
                    checks.append(Later(lambda: _look_about(job, used)))

            job = _unless_unseen(job, work)
            prepared = time.monotonic() - began
            until_published.enter_context(job.store.held(used))
            note(job, care.notes)
            ran = run_all(job, work, ground, phases.value(), check, tracing)
        except (MissingError, StoreError) as error:
            return _unless_damaged(job, started_on, error)
        if isinstance(ran, str):
            return _nothing(job, unfit=ran)
        ended = ran.ended
        from_cache, asked = _from_cache(job)
        seconds = Seconds(materialise=prepared + ended.prepared, build=ended.ran)
        damage = checks[0].value()
        if ended.code != 0 and damage is None:
            refuse_full_disk(job)
        if ended.code != 0 or damage is not None:
            result = replace(failed(job, ended, seconds), from_cache=from_cache)
            return result if damage is None else replace(result, distrust=damage)
        if from_cache:
            note(job, [f"{from_cache} of {asked} objects came from the compiler cache"])
        seen = look(job, work, ground, tracing)
        seen = replace(seen, files={**seen.files, **ran.files})
        passed = _publish(job, work, ground, ended, seconds, seen)
        return replace(passed, from_cache=from_cache)


def _unless_unseen(job: Job, work: Path) -> Job:
    """The job without its compiler cache where that could give what is no longer right."""
    if job.compilers.folder is None:
        return job
    why = compilers.unseen(work / "fs" / "source")
    if why is None:
        return job
    note(job, [f"no compiler cache: {why}"])
    return replace(job, compilers=compilers.direct(job.path))


def _from_cache(job: Job) -> tuple[int, int]:
    """How many objects came from the compiler cache, of how many."""
    if job.compilers.stats is None:
        return 0, 0
    counts = compilers.counted(job.compilers.stats)
    job.compilers.stats.unlink(missing_ok=True)
    return counts


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
    return _nothing(job, distrust=damage)


def _nothing(job: Job, *, distrust: str | None = None, unfit: str | None = None) -> Realisation:
    """The result of a build that the checkpoint didn't allow."""
    return Realisation(
        outcome="failed",
        sandbox=job.able.sandbox,
        out=None,
        seconds=Seconds(),
        distrust=distrust,
        unfit=unfit,
        warnings=job.warnings,
    )


def _phases(job: Job) -> dict[str, str]:
    """The phases to run: all, or all but ``configure`` where the checkpoint's still holds."""
    phases = {name: job.drv.phases[name] for name in PHASES if name in job.drv.phases}
    if job.start is None or "configure" not in phases:
        return phases
    reason = why_configure(phases["configure"], job.start.diff, job.source)
    if reason is None:
        del phases["configure"]
    return phases


def _publish(
    job: Job,
    work: Path,
    ground: layers.Ground,
    ended: run.Ended,
    seconds: Seconds,
    seen: Seen,
) -> Realisation:
    """Publish the layer and the output of a passed build."""
    entry = new_id()
    out = job.store.publish_output(work, entry, job.owner, job.drv.name)
    sealed, problem = _seal(work, job.able.layers)
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


def _stamp(ground: layers.Ground, ended: run.Ended) -> int:
    """The mtime (ns) that the build's sources were given: those that changed, or all."""
    return ended.stamp or ground.stamp or 0


def _seal(work: Path, method: LayerMethod) -> tuple[seal.Seal | None, str | None]:
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
    ended: run.Ended,
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


def _configured(job: Job, stamp: int, ended: run.Ended) -> tuple[tuple[int, int], ...]:
    """See ``Layer``. What was there before a clean build began counts as well."""
    if job.start is None:
        return ((0, ended.built_from or stamp),)
    layer = job.store.layer(job.start.checkpoint.id)
    before = () if layer is None else layer.configured
    return (*before, (stamp, ended.built_from)) if ended.built_from else before
