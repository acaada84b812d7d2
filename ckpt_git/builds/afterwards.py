"""What is done when all is told: it makes the next build quicker, and nobody waits for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from ckpt_git.builds.context import Context
from ckpt_git.git.repository import Target
from ckpt_git.model.errors import CkptError
from ckpt_git.model.record import Record


def look_ahead(context: Context, target: Target, records: Sequence[Record]) -> None:
    """Have the engines look ahead from what was just built clean; see ``Engine.look_ahead``."""
    if any(_is_new_and_clean(record) for record in records):
        _apart(lambda: _look_ahead(context, target, records))


def _is_new_and_clean(record: Record) -> bool:
    return record.passed and not record.cached and record.depth == 0 and record.left is not None


def _look_ahead(context: Context, target: Target, records: Sequence[Record]) -> None:
    packages = context.config(target.tree).packages
    for record in filter(_is_new_and_clean, records):
        package = packages[record.package]
        known = context.state.checkpoints(package.name)
        drv = context.derivation(package, target.tree)
        source = context.repo.source(target.tree, package.source)
        for checkpoint in known:
            if checkpoint.id == record.left:
                engine = context.engine(drv.engine)
                engine.look_ahead(drv, source, checkpoint.recipe, checkpoint)


def _apart(work: Callable[[], None]) -> None:
    """Do it in a process of its own that outlives this one, holds none of its files and gives way
    to everything."""
    if os.fork() != 0:
        return
    try:
        from ckpt_git.builds.detach import detach, give_way  # noqa: PLC0415
        from ckpt_git.engines.local.sandbox import runner  # noqa: PLC0415

        runner.forget()
        detach()
        give_way()
        with suppress(CkptError, KeyboardInterrupt):
            work()
    finally:
        os._exit(0)
