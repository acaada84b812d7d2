"""How many checkpoints and outputs a package keeps."""

from __future__ import annotations

from ckpt_git.engines.protocol import Engine
from ckpt_git.model.derivation import Derivation
from ckpt_git.records.state import State

KEPT_CHECKPOINTS = 12
_SLACK = 4  # clearing up waits until there is something to clear: it is not for every build


def let_go_of_old(state: State, engine: Engine, drv: Derivation) -> None:
    """Forget all but the newest checkpoints of a package, and let their artifacts go.

    A layer below one that is kept stays.
    """
    known = state.checkpoints(drv.name)
    if len(known) < KEPT_CHECKPOINTS + _SLACK:
        return
    kept, old = known[:KEPT_CHECKPOINTS], known[KEPT_CHECKPOINTS:]
    for checkpoint in old:
        state.drop_checkpoint(checkpoint)
    engine.keep_only(drv, kept)
