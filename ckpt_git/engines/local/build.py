"""A build from nothing, watched, in which known commands are answered from memory.

It starts in an empty folder with the real build tool, so there is no old state in it that could be
stale. What it leaves is a checkpoint: the memory of its commands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.files import make_private, new_id, writing
from ckpt_git.engines.local.job import Job, failed, note, refuse_full_disk, run_phases
from ckpt_git.engines.local.sandbox.runner import Ended
from ckpt_git.engines.local.store import seal
from ckpt_git.engines.local.store.store import Layer
from ckpt_git.engines.local.workspace import layers
from ckpt_git.engines.local.workspace.layers import Ground
from ckpt_git.engines.local.workspace.object_count import count_objects
from ckpt_git.engines.protocol import Realisation
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.errors import MissingError, StoreError
from ckpt_git.model.record import Seconds
from ckpt_git.watch.session import Report, Session, is_unwatched, read_report

MEMORY = "memory"
"""The name of a memory's file, beside a layer."""
_ASKED = 32
"""Memories that a build asks, beside that of the checkpoint that it starts from."""
_LINK = "120000"  # git's mode of a symbolic link


class _Ran(NamedTuple):
    """How the phases ended; ``report`` is None where nobody could watch."""

    ended: Ended
    report: Report | None


def build(job: Job, fetched: Layer | None) -> Realisation:
    """Run the derivation's phases; publish what they leave where they passed."""
    answers = job.start is not None
    while True:
        result = _build(job, fetched, answers=answers)
        if result is not None:
            return result
        answers = False


def _build(job: Job, fetched: Layer | None, *, answers: bool) -> Realisation | None:
    """The same; None where something that was known could not be put back: it was damaged."""
    with job.store.workspace(until_settled=True) as work, ExitStack() as until_published:
        if fetched is not None:
            job.store.used(fetched)
            until_published.enter_context(job.store.held(fetched.chain))
        memories = _memories(job) if answers else []
        until_published.enter_context(job.store.held(path.parent.name for path in memories))
        began = time.monotonic()
        with writing(work):
            ground = layers.prepare(
                *(job.store, job.able.layers, work, job.source, None, fetched),
                date=job.store.source_date(job.owner, job.drv.name),
            )
        session = _session(job, work, memories)
        prepared = time.monotonic() - began
        ran = _run(job, work, ground, session)
        if ran.report is not None and ran.report.failed:
            note(job, ["something that was known is damaged: built again, all of it"])
            return None
        seconds = Seconds(materialise=prepared + ran.ended.prepared, build=ran.ended.ran)
        if ran.ended.code != 0:
            refuse_full_disk(job)
            return _with_counts(failed(job, ran.ended, seconds), ran.report)
        return _publish(job, work, ran, seconds)


def _session(job: Job, work: Path, memories: list[Path]) -> Session | None:
    if job.programs is None:
        return None
    place = job.place
    objects = job.store.root / "objects"
    with writing(job.store.root):
        make_private(objects)
    scratch = [place.tmp, *(["/dev/shm"] if job.able.sandbox != "none" else [])]  # noqa: S108
    links = [
        f"{place.source}/{path}"
        for path, entry in job.source.manifest().items()
        if entry.mode == _LINK
    ]
    return Session(
        programs=job.programs,
        objects=objects,
        memories=memories,
        into=work / MEMORY,
        report=work / "report",
        roots=(place.top, place.out),
        temporary=scratch,
        links=links,
        is_sandboxed=job.able.sandbox != "none",
        answers=bool(memories),
    )


def _memories(job: Job) -> list[Path]:
    """What may answer: first the memory of the checkpoint that is nearest, then the newest of the
    same package."""
    assert job.start is not None
    nearest = job.start.checkpoint.id
    others = job.store.memories(job.owner, job.drv.name)
    found = [nearest, *(name for name in others if name != nearest)][: _ASKED + 1]
    return [path for name in found if (path := job.store.beside(name, MEMORY)) is not None]


def _run(job: Job, work: Path, ground: Ground, session: Session | None) -> _Ran:
    if session is None:
        return _Ran(run_phases(job, work, ground, job.drv.phases), None)
    try:
        ended = run_phases(job, work, ground, job.drv.phases, session=session)
    except MissingError:
        if not _is_unwatched(session):
            raise
        again = layers.next_run(work, ground)
        return _Ran(run_phases(job, work, again, job.drv.phases), None)
    return _Ran(ended, None if is_unwatched(ended.code) else read_report(session.report))


def _is_unwatched(session: Session) -> bool:
    try:
        return read_report(session.report).incomplete == "it could not be watched"
    except StoreError:
        return False


def _publish(job: Job, work: Path, ran: _Ran, seconds: Seconds) -> Realisation:
    entry = new_id()
    out = job.store.publish_output(work, entry, job.owner, job.drv.name)
    checkpoint: Checkpoint | None = None
    no_base: str | None = "it was not watched"
    if ran.report is not None:
        no_base = ran.report.incomplete
    if no_base is None:
        checkpoint = _publish_memory(job, work, ran, entry)
    result = Realisation(
        outcome="passed",
        sandbox=job.able.sandbox,
        out=out,
        seconds=seconds,
        artifacts=checkpoint,
        no_base=no_base,
        warnings=job.warnings,
    )
    return _with_counts(result, ran.report)


def _publish_memory(job: Job, work: Path, ran: _Ran, entry: str) -> Checkpoint:
    with writing(work):
        (work / "fs").rename(work / "built")
        (work / "fs").mkdir()
    base = job.start.checkpoint if job.start is not None else None
    layer = Layer(
        id=entry,
        lowers=(),
        owner=job.owner,
        package=job.drv.name,
        newest_mtime_ns=0,
        seconds=ran.ended.ran,
    )
    beside: Mapping[str, bytes | Path] = {MEMORY: work / MEMORY}
    sealed = seal.settle(work / "fs")
    job.store.publish_layer(work, layer, sealed, job.source.manifest(), beside)
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
        newest_mtime_ns=0,
        created=time.time(),
        built_on=() if base is None else base.bases,
    )


def _with_counts(result: Realisation, report: Report | None) -> Realisation:
    """What the watcher saw, added to a result."""
    if report is None:
        return replace(result, trace="none")
    return replace(
        result,
        trace="complete" if report.incomplete is None else "incomplete",
        ran=report.ran,
        answered=report.answered,
        answered_by=_most(report),
        compiled=count_objects(path for step in report.steps for path in step.made)
        if result.outcome == "passed"
        else None,
    )


def _most(report: Report) -> str | None:
    """The id of the checkpoint that most answers came from."""
    if not report.answered_by:
        return None
    path = max(report.answered_by, key=lambda name: report.answered_by[name])
    return os.path.basename(os.path.dirname(path))
