"""A build from nothing, watched, in which known commands are answered from memory.

It starts in an empty folder with the real build tool, so there is no old state in it that could be
stale. What it leaves is a checkpoint: the memory of its commands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.files import encode_manifest, new_id, writing
from ckpt_git.engines.local import host
from ckpt_git.engines.local.job import Job, failed, note, refuse_full_disk, run_phases
from ckpt_git.engines.local.object_count import count_objects
from ckpt_git.engines.local.sandbox import runner
from ckpt_git.engines.local.sandbox.runner import Ended
from ckpt_git.engines.local.store import fixed_inputs, outputs, toolchains, workspaces
from ckpt_git.engines.local.store.entries import MEMORY, REPORT, Entry, make_durable
from ckpt_git.engines.local.workspace import sources
from ckpt_git.engines.local.workspace.sources import Workspace
from ckpt_git.engines.protocol import Realisation
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.errors import MissingError, StoreError
from ckpt_git.model.record import Seconds
from ckpt_git.watch.session import Report, Session, is_unwatched, read_report

_ASKED = 7
"""Memories that a build asks, beside that of the checkpoint that it starts from: reading one of
5,000 commands takes a few milliseconds."""
_LINK = "120000"  # git's mode of a symbolic link


class _Ran(NamedTuple):
    """How the phases ended; ``report`` is None where nobody could watch."""

    ended: Ended
    report: Report | None


class _Answers(IntEnum):
    """Which commands are answered from memory."""

    NONE = 0
    BUT_DATABASES = 1
    """Those that leave a database of files' dates are not: what was put back has other dates."""
    ALL = 2


class _UnwatchedError(Exception):
    """A run of which nobody knows what it did: it has to be run again without a watcher."""


def build(job: Job, fetched: Entry | None) -> Realisation:
    """Run the derivation's phases; publish what they leave where they passed."""
    answers = _Answers.NONE if job.start is None else _Answers.ALL
    while True:
        try:
            result = _build(job, fetched, answers)
        except _UnwatchedError as why:
            note(job, [f"built again, not watched: {why}"])
            job = replace(job, programs=None, unwatched=str(why))
            answers = _Answers.NONE
            continue
        if isinstance(result, Realisation):
            return result
        if result >= answers:
            raise StoreError("the watcher reports a failed answer in a build without answers")
        answers = result


def _build(job: Job, fetched: Entry | None, answers: _Answers) -> Realisation | _Answers:
    """One attempt. Returns which answers the next attempt may use, if this one doesn't count."""
    with (
        workspaces.new(job.store, until_released=True) as work,
        ExitStack() as until_published,
    ):
        memories = list(_held(job, until_published)) if answers else []
        if fetched is not None:
            until_published.enter_context(job.store.held([fetched.id]))
        began = time.monotonic()
        watcher = None if job.programs is None else job.programs.watch
        stage = until_published.enter_context(runner.started(watcher))
        date = fixed_inputs.source_date(job.store, job.owner, job.drv.name)
        with writing(work):
            workspace = sources.prepare(job.store, job.able.layers, work, job.source, fetched, date)
        session = _session(job, work, memories, answers)
        prepared = time.monotonic() - began
        ran = _run(job, work, workspace, session, stage)
        if ran.report is not None and not ran.ended.timed_out:
            again = _again(job, ran.report)
            if again is not None:
                return again
        for name in [] if ran.report is None else ran.report.answered_by:
            job.store.used(_entry_of(name))
        seconds = Seconds(materialise=prepared + ran.ended.prepared, build=ran.ended.ran)
        toolchain = _keep_toolchain(job, work)
        if ran.ended.code != 0:
            refuse_full_disk(job)
            return replace(_seen(job, failed(job, ran.ended, seconds), ran), toolchain=toolchain)
        return replace(_publish(job, work, ran, seconds), toolchain=toolchain)


def _again(job: Job, report: Report) -> _Answers | None:
    """With which answers a build has to be run again whose result doesn't stand."""
    if report.database is not None:
        note(
            job,
            [f"a command read {report.database}, which was answered: building again without it"],
        )
        return _Answers.BUT_DATABASES
    if report.failed:
        note(job, ["an answer could not be put in place: building again without answers"])
        return _Answers.NONE
    return None


def _memories(job: Job) -> list[str]:
    """What may answer: first the memory of the checkpoint that is nearest, then those of the same
    package that were used last."""
    assert job.start is not None
    nearest = job.start.checkpoint.id
    others = job.store.memories(job.owner, job.drv.name, job.machine)
    return [nearest, *(name for name in others if name != nearest)][: _ASKED + 1]


def _held(job: Job, until_published: ExitStack) -> Iterator[str]:
    """The memories that could be locked against a sweep. A sweep may have removed others
    meanwhile."""
    for name in _memories(job):
        with suppress(StoreError):
            until_published.enter_context(job.store.held([name]))
            yield name


def _session(job: Job, work: Path, memories: Iterable[str], answers: _Answers) -> Session | None:
    if job.programs is None:
        return None
    place = job.place
    is_sandboxed = job.able.sandbox != "none"
    asked = [job.store.file(name, MEMORY) for name in memories]
    links = [
        f"{place.source}/{path}"
        for path, entry in job.source.manifest().items()
        if entry.mode == _LINK
    ]
    system = (*host.SYSTEM_FOLDERS, *host.SYSTEM_CONFIGURATION, *job.drv.inputs)
    return Session(
        programs=job.programs,
        objects=job.store.objects,
        memories=asked,
        into=work / MEMORY,
        toolchain=work / "toolchain",
        report=work / REPORT,
        roots=(place.top, place.out),
        temporary=(place.tmp, *(["/dev/shm"] if is_sandboxed else [])),  # noqa: S108
        system=_with_targets(host.host_paths(system)) if is_sandboxed else ("/",),
        links=links,
        seed=fixed_inputs.seed(job.store),
        is_sandboxed=is_sandboxed,
        answers=bool(asked),
        databases=answers is _Answers.ALL,
    )


def _with_targets(paths: Sequence[str]) -> list[str]:
    """``paths``, and the targets of those that are symbolic links."""
    return list(dict.fromkeys((*paths, *map(os.path.realpath, paths))))


def _run(
    job: Job, work: Path, workspace: Workspace, session: Session | None, stage: runner.Stage
) -> _Ran:
    phases = job.drv.phases
    if session is None:
        return _Ran(run_phases(job, work, workspace, phases, stage=stage), None)
    nobody_may = "the kernel lets nobody watch here"
    try:
        ended = run_phases(job, work, workspace, phases, session=session, stage=stage)
    except MissingError:
        if not _is_unwatched(session):
            raise
        raise _UnwatchedError(nobody_may) from None
    if is_unwatched(ended.code):
        raise _UnwatchedError(nobody_may)
    try:
        report = read_report(session.report)
    except StoreError:
        refuse_full_disk(job)
        raise _UnwatchedError("the watcher ended before its build did") from None
    if report.refused:
        raise _UnwatchedError(
            "a program asked for a seccomp listener of its own, and the kernel allows one"
        )
    return _Ran(ended, report)


def _is_unwatched(session: Session) -> bool:
    try:
        return read_report(session.report).incomplete == "it could not be watched"
    except StoreError:
        return False


def _keep_toolchain(job: Job, work: Path) -> str | None:
    """What the build read of the system, kept where its record can be held against it."""
    try:
        return toolchains.keep(job.store, work / "toolchain")
    except FileNotFoundError:
        return None


def _publish(job: Job, work: Path, ran: _Ran, seconds: Seconds) -> Realisation:
    entry = new_id()
    out = outputs.publish(job.store, work, entry, job.owner, job.drv.name)
    checkpoint: Checkpoint | None = None
    no_base: str | None = "it was not watched"
    if ran.report is not None:
        no_base = ran.report.incomplete
        if no_base is None:
            checkpoint = _publish_memory(job, work, ran.report, entry, ran.ended.ran)
    result = Realisation(
        outcome="passed",
        sandbox=job.able.sandbox,
        out=out,
        seconds=seconds,
        artifacts=checkpoint,
        no_base=no_base,
        warnings=job.warnings,
    )
    return _seen(job, result, ran)


def _publish_memory(job: Job, work: Path, report: Report, entry: str, seconds: float) -> Checkpoint:
    base = job.start.checkpoint if job.start is not None else None
    files: dict[str, bytes | Path] = {
        MEMORY: work / MEMORY,
        REPORT: work / REPORT,
        "manifest": encode_manifest(job.source.manifest()),
    }
    published = Entry(
        *(entry, job.owner, job.drv.name, job.machine), bytes=report.stored, seconds=seconds
    )
    job.store.publish(work, published, files)
    make_durable(job.store.entries / entry)
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


def _seen(job: Job, result: Realisation, ran: _Ran) -> Realisation:
    """What the watcher saw, added to a result."""
    report = ran.report
    if report is None:
        return result
    installed = f"{job.place.out}/"
    made = (path for step in report.steps for path in step.made if not path.startswith(installed))
    return replace(
        result,
        trace="complete" if report.incomplete is None else "incomplete",
        ran=report.ran,
        answered=report.answered,
        answered_by=_most(report),
        compiled=count_objects(made) if result.outcome == "passed" else None,
    )


def _most(report: Report) -> str | None:
    """The id of the checkpoint that most answers came from."""
    if not report.answered_by:
        return None
    return _entry_of(max(report.answered_by, key=lambda name: report.answered_by[name]))


def _entry_of(memory: str) -> str:
    """The id of the entry that a memory's file belongs to."""
    return os.path.basename(os.path.dirname(memory))
