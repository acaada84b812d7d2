"""One build of the local engine, from an empty workspace to a published layer and output."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from ckpt_git.engines.files import writing
from ckpt_git.engines.local.freshness.build_tool import is_cmake
from ckpt_git.engines.local.freshness.missed import precautions
from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.job import Job, failed, note, refuse_full_disk
from ckpt_git.engines.local.phases import run_all
from ckpt_git.engines.local.store.store import Layer
from ckpt_git.engines.local.toolchain import compiler_cache
from ckpt_git.engines.local.workspace import layers
from ckpt_git.engines.local.workspace.layers import SECOND
from ckpt_git.engines.protocol import Realisation
from ckpt_git.later import Later
from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.model.record import Seconds


def build(job: Job, fetched: Layer | None, phases: Later[dict[str, str]]) -> Realisation:
    """Run ``phases`` of the derivation; publish what they leave where they passed.

    While it runs, the layers that it started on are checked: what a damaged one gave must not
    be used.
    """
    with job.store.workspace(until_settled=True) as work, ExitStack() as until_published:
        base = job.store.layer(job.start.checkpoint.id) if job.start else fetched
        started_on = () if base is None else base.chain
        if base is not None:
            job.store.used(base)
        checks: list[Later[str | None]] = []
        tracing = job.tracing(work)
        began = time.monotonic()
        try:
            care = NONE if job.start is None else precautions(job) | _dates(job, phases)
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
        from ckpt_git.engines.local.freshness.seen import look  # noqa: PLC0415
        from ckpt_git.engines.local.publish import publish  # noqa: PLC0415 - by now it is there

        seen = look(job, work, ground, tracing)
        seen = replace(seen, files={**seen.files, **ran.files})
        passed = publish(job, work, ground, ended, seconds, seen)
        return replace(passed, from_cache=from_cache)


def _unless_unseen(job: Job, work: Path) -> Job:
    """The job without its compiler cache where that could give what is no longer right."""
    if job.compilers.folder is None:
        return job
    why = compiler_cache.unseen(work / "fs" / "source")
    if why is None:
        return job
    note(job, [f"no compiler cache: {why}"])
    return replace(job, compilers=compiler_cache.direct(job.path))


def _from_cache(job: Job) -> tuple[int, int]:
    """How many objects came from the compiler cache, of how many."""
    if job.compilers.stats is None:
        return 0, 0
    counts = compiler_cache.counted(job.compilers.stats)
    job.compilers.stats.unlink(missing_ok=True)
    job.store.weigh_compiler_cache(job.owner, job.drv.name)
    return counts


def _look_about(job: Job, used: Iterable[str]) -> str | None:
    """What can be done while the build runs: find the damage in what it started on, the manifest
    that its own layer will carry, and what will publish that."""
    job.source.manifest()  # kept by the source
    import_module("ckpt_git.engines.local.publish")
    import_module("ckpt_git.engines.local.freshness.seen")
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


def _dates(job: Job, phases: Later[dict[str, str]]) -> Precautions:
    """CMake's ``file(COPY)`` leaves dates their seconds alone: what changed in the second in which
    the checkpoint was made would be copied with an older date than that of its objects."""
    assert job.start is not None
    newest = job.start.checkpoint.newest_mtime_ns
    if time.time_ns() // SECOND > newest // SECOND or not is_cmake(job.drv):
        return NONE
    return Precautions(another_second="configure" in phases.value())
