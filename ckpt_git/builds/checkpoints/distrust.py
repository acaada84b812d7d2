"""Remove a checkpoint that was found wrong, and all checkpoints that were built on it.

That a build from a checkpoint gave something else than a clean one tells that there is a fault,
not where: each of the checkpointed builds behind it may have brought it in. So they all go, and
what else lies on them; the clean build that the first of them began at, and what others built
on that, stays.
"""

from __future__ import annotations

from collections.abc import Iterable

from ckpt_git.builds.context import Context
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.record import Record
from ckpt_git.records import checkpoints


def distrust_base(context: Context, base: Checkpoint) -> None:
    """A tree that builds clean doesn't build from ``base``: it goes, even if it was built clean.

    Raises ``StoreError``.
    """
    _distrust(context, base.package, [base.id, *base.checkpointed])


def result_differs(context: Context, record: Record) -> None:
    """What was built, as on record, isn't what a clean build gives.

    Raises ``StoreError``.
    """
    known = checkpoints.listed(context.state, record.package)
    behind = (c for c in known if c.id in {record.left, record.base})
    suspects = {one for checkpoint in behind for one in checkpoint.checkpointed}
    # Of one that is long gone nobody knows what it was built on.
    lost = (c.id for c in known if c.depth > 0) if not suspects and record.depth > 1 else ()
    _distrust(context, record.package, [*suspects, *lost])


def _distrust(context: Context, package: str, ids: Iterable[str]) -> None:
    for checkpoint in checkpoints.distrust(context.state, package, set(ids)):
        context.engine(checkpoint.engine).artifacts.discard(checkpoint)
