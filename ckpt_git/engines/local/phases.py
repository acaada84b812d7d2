"""How a build's phases are run: at once, or after make was asked what it would miss."""

from __future__ import annotations

import filecmp
import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ckpt_git.engines.local.freshness.missed import needs_rehearsal
from ckpt_git.engines.local.freshness.precautions import NONE
from ckpt_git.engines.local.job import Job, note, run_phases
from ckpt_git.engines.local.sandbox import runner
from ckpt_git.engines.local.sandbox.runner import Ended
from ckpt_git.engines.local.store.store import ASKED
from ckpt_git.engines.local.workspace import layers
from ckpt_git.engines.local.workspace.layers import CLOCK, Ground

if TYPE_CHECKING:
    from ckpt_git.engines.local.trace.session import Tracing
    from ckpt_git.model.footprint import Footprint


class Ran(NamedTuple):
    """How the phases ended, and files that a layer of theirs will carry."""

    ended: Ended
    files: Mapping[str, bytes | Path]


def run_all(
    job: Job,
    work: Path,
    ground: Ground,
    phases: dict[str, str],
    check: Callable[[], None],
    tracing: Tracing | None,
) -> Ran | str:
    """Run ``phases``; ``check`` is called when the first begins. Where make has to be asked first,
    what it says that can't be helped is returned."""
    if job.start is not None and needs_rehearsal(job):
        return _run_rehearsed(job, work, ground, phases, check, tracing)
    ended = run_phases(job, work, ground, phases, tracing=tracing, on_start=check)
    return Ran(ended, _still_true(job, work, ground, ended, configured="configure" in phases))


def _still_true(
    job: Job, work: Path, ground: Ground, ended: Ended, *, configured: bool
) -> Mapping[str, Path]:
    """What make said of the checkpoint's sources, where no change of a makefile is at hand, and
    configuring made none either."""
    files = _as_before(job)
    if files and configured:
        # Hardly any build needs it.
        from ckpt_git.engines.local.freshness import asked  # noqa: PLC0415

        known = asked.of_checkpoint(job)
        footprint = None if known is None else known.footprint
        paths = () if footprint is None else footprint.read
        if footprint is None or any(_is_new(job, work, ground, ended, path) for path in paths):
            return {}
    return files


def _as_before(job: Job) -> Mapping[str, Path]:
    """The file of the checkpoint's layer, for one whose sources have make say the same."""
    path = None if job.start is None else job.store.beside(job.start.checkpoint.id, ASKED)
    return {} if path is None else {ASKED: path}


def _run_rehearsed(
    job: Job,
    work: Path,
    ground: Ground,
    phases: dict[str, str],
    check: Callable[[], None],
    tracing: Tracing | None,
) -> Ran | str:
    """The same, in two runs: what is configured, and the rest after make was asked. In one where
    it would say the same as before, and no command names what changed."""
    # A plain edit needs none of it.
    from ckpt_git.engines.local.freshness import asked  # noqa: PLC0415
    from ckpt_git.engines.local.freshness.dry_run import UnfitError  # noqa: PLC0415
    from ckpt_git.engines.local.freshness.rehearsal import (  # noqa: PLC0415
        MAKEFILES,
        naming_what_changed,
        rehearse,
    )

    known = asked.of_checkpoint(job)
    holds = known is not None and known.holds(job)
    is_needless = known is not None and holds and not naming_what_changed(job, known.commands)
    if is_needless and "configure" not in phases:
        ended = run_phases(job, work, ground, phases, tracing=tracing, on_start=check)
        return Ran(ended, _as_before(job))
    configure = phases.pop("configure", "")
    made_ready = configure if holds else f"{configure}\n{MAKEFILES}"
    runner.begin()  # the second one's process
    first = run_phases(
        job, work, ground, {"configure": made_ready}, tracing=tracing, on_start=check
    )
    if (
        first.code == 0
        and known is not None
        and holds
        and _is_rewritten(job, work, ground, first, known.footprint)
    ):
        holds = is_needless = False
        again = layers.next_run(work, ground, NONE)
        first = _after(
            first, run_phases(job, work, again, {"configure": MAKEFILES}, tracing=tracing)
        )
    if first.code != 0:
        return Ran(first, {})
    began = time.monotonic()
    care = NONE
    files: Mapping[str, bytes | Path] = _as_before(job)
    if not is_needless:
        try:
            care, said = rehearse(job, work, ground, known, holds=holds)
        except UnfitError as error:
            return str(error)
        note(job, care.notes)
        files = {ASKED: said.encode()}
    took = time.monotonic() - began
    built_from = time.clock_gettime_ns(CLOCK)
    rest = run_phases(job, work, layers.next_run(work, ground, care), phases, tracing=tracing)
    ended = _after(first, replace(rest, ran=took + rest.ran, built_from=built_from))
    return Ran(ended, files)


def _after(first: Ended, then: Ended) -> Ended:
    """Two runs, one after the other, as one."""
    return replace(
        then,
        stamp=first.stamp,
        prepared=first.prepared + then.prepared,
        ran=first.ran + then.ran,
    )


def _is_rewritten(
    job: Job, work: Path, ground: Ground, ended: Ended, footprint: Footprint | None
) -> bool:
    """Whether configuring made what make would read another one, or what it would find."""
    fs = os.fspath(work / "fs")
    files = (os.path.join(here, name) for here, _, names in os.walk(fs) for name in names)
    paths = (os.path.relpath(file, fs) for file in files)
    return any(
        (footprint is None or footprint.rests_on(path)) and _is_new(job, work, ground, ended, path)
        for path in paths
    )


def _is_new(job: Job, work: Path, ground: Ground, ended: Ended, path: str) -> bool:
    """Whether what ``ended`` left at ``path``, below ``/build``, is neither what the checkpoint
    has nor a source that was brought up to date."""
    assert job.start is not None
    file = work / "fs" / path
    try:
        date = file.lstat().st_mtime_ns
    except OSError:
        return False
    if date <= job.start.checkpoint.newest_mtime_ns:
        return False
    is_ours = date == ended.stamp and path.removeprefix("source/") in ground.written
    return not (is_ours or _is_same(job, file, path))


def _is_same(job: Job, file: Path, path: str) -> bool:
    """Whether ``file`` is what the checkpoint has at ``path``."""
    assert job.start is not None
    layer = job.store.layer(job.start.checkpoint.id)
    for name in () if layer is None else layer.chain:
        before = job.store.fs(name) / path
        if os.path.lexists(before):
            are_files = all(stat.S_ISREG(one.lstat().st_mode) for one in (file, before))
            return are_files and filecmp.cmp(file, before, shallow=False)
    return False
