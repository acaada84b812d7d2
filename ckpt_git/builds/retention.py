"""How many checkpoints and outputs a package keeps, and how long snapshots are kept."""

from __future__ import annotations

import time

from ckpt_git.builds.context import Context
from ckpt_git.engines.protocol import Engine, Realisation
from ckpt_git.model.derivation import Derivation

KEPT_CHECKPOINTS = 12
KEPT_SNAPSHOTS = 14 * 86400.0  # seconds since last use; a checkpoint outlives its snapshot
_SLACK = 4  # clearing up waits until there is something to clear: it is not for every build


def let_go_of_old(context: Context, engine: Engine, drv: Derivation, made: Realisation) -> None:
    """Forget all but the newest checkpoints of a package, and let their artifacts go.

    A layer below one that is kept stays. ``made`` is what was built just now: where that is no
    checkpoint, it is the outputs alone that grow in number.
    """
    state = context.state
    known = state.checkpoints(drv.name)
    if made.artifacts is not None and len(known) < KEPT_CHECKPOINTS + _SLACK:
        return
    kept, old = known[:KEPT_CHECKPOINTS], known[KEPT_CHECKPOINTS:]
    for checkpoint in old:
        state.drop_checkpoint(checkpoint)
    engine.keep_only(drv, kept)
    context.repo.forget_snapshots(time.time() - KEPT_SNAPSHOTS)
