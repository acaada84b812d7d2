"""What a traced build tells: its trace, for the layer, and what it makes of the checkpoint's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.local.job import Job
from ckpt_git.engines.local.workspace.layers import Ground

if TYPE_CHECKING:
    from ckpt_git.engines.local.trace.session import Tracing
    from ckpt_git.model.trace import Knowledge, Trace
    from ckpt_git.model.trace_suspicion import Suspicion


@dataclass(frozen=True)
class Seen:
    """``files`` are those that its layer will carry (see ``trace/kept.py``); ``doubts`` are steps
    that should have run again."""

    files: Mapping[str, bytes | Path]
    doubts: tuple[Suspicion, ...]


NOTHING = Seen({}, ())


def look(job: Job, work: Path, ground: Ground, tracing: Tracing | None) -> Seen:
    """What was seen of the build in ``work``, which passed: nothing where it wasn't traced, or
    damaged what was noted. Its layer has no traces then, not even those of the builds before."""
    if tracing is None:
        return NOTHING
    from ckpt_git.engines.local.trace import kept  # noqa: PLC0415 - most builds aren't traced
    from ckpt_git.model.trace import Knowledge  # noqa: PLC0415

    try:
        trace = tracing.trace(job.source, clean=job.start is None)
    except (OSError, ValueError):
        return NOTHING
    if job.start is None:
        return Seen(kept.beside(Knowledge(), trace, None), ())
    below = job.store.layers / job.start.checkpoint.id
    known = kept.load(below)
    return Seen(kept.beside(known, trace, below), _doubts(job, work, ground, known, trace))


def _doubts(
    job: Job, work: Path, ground: Ground, known: Knowledge, trace: Trace
) -> tuple[Suspicion, ...]:
    assert job.start is not None
    if not known:
        return ()
    from ckpt_git.engines.local.trace.states import States  # noqa: PLC0415
    from ckpt_git.model.trace_suspicion import suspicions  # noqa: PLC0415

    base = job.start.checkpoint.id
    lowers = [os.fspath(job.store.fs(name)) for name in ground.lowers]
    states = States(lowers or [os.fspath(job.store.fs(base))], [os.fspath(work / "fs"), *lowers])
    return tuple(suspicions(known, trace, job.start.diff, job.store.manifest(base), states))
