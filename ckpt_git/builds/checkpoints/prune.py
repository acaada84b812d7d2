"""Which checkpoints a package keeps, and how long snapshots are kept."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ckpt_git.builds.checkpoints.store_budget import make_room
from ckpt_git.builds.context import Context
from ckpt_git.engines.protocol import Engine, Realisation
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation
from ckpt_git.records import checkpoints, results

KEPT_CHECKPOINTS = {"local": 32, "nix": 8}
"""The newest ones of a package; memories share objects, Nix' store holds each by itself."""

KEPT_SNAPSHOTS = 14 * 86400.0  # seconds since last use; a checkpoint outlives its snapshot
_KEPT_BRANCHES = 16
_SLACK = 4  # clearing up waits until there is something to clear: it is not for every build


def prune_checkpoints(context: Context, engine: Engine, drv: Derivation, made: Realisation) -> None:
    """Forget a package's old checkpoints, let their artifacts go, and keep to the store's limit.

    ``made`` is what was built just now: where that is no checkpoint, it is the outputs alone that
    grow in number.
    """
    known = checkpoints.listed(context.state, drv.name)
    many = len(known) >= KEPT_CHECKPOINTS[engine.name] + _SLACK
    tidy = many or made.artifacts is None
    if tidy:
        forget_old(context, engine, drv.name)
    make_room(context, drv.source.tree, tidy=tidy)


def forget_old(context: Context, engine: Engine, package: str) -> None:
    """Forget all checkpoints of ``package`` but the newest, those of branches and the one in
    force; what the engine keeps for them is free to go. Raises ``StoreError``."""
    kept, old = _sorted_out(context, engine.name, package)
    for checkpoint in old:
        checkpoints.drop(context.state, checkpoint)
    engine.artifacts.keep_only(package, kept)
    context.repo.forget_snapshots(time.time() - KEPT_SNAPSHOTS)


def forget_all_old(context: Context) -> None:
    """``forget_old`` for every package that was ever built here, by whatever engine."""
    for package, name in _ever_built(context):
        forget_old(context, context.engine(name), package)


def all_old(context: Context) -> frozenset[str]:
    """The ids of the checkpoints that ``forget_all_old`` would forget."""
    old = (_sorted_out(context, name, package)[1] for package, name in _ever_built(context))
    return frozenset(checkpoint.id for some in old for checkpoint in some)


def _ever_built(context: Context) -> list[tuple[str, str]]:
    state = context.state
    return [
        (p, e)
        for p in results.packages(state)
        for e in {c.engine for c in checkpoints.listed(state, p)}
    ]


def _sorted_out(
    context: Context, engine: str, package: str
) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """The checkpoints of ``package`` that are kept, and those of this engine that aren't."""
    known = checkpoints.listed(context.state, package)
    kept = _kept(context, package, known, KEPT_CHECKPOINTS[engine])
    return kept, [one for one in known if one not in kept and one.engine == engine]


def _kept(
    context: Context, package: str, known: Sequence[Checkpoint], number: int
) -> list[Checkpoint]:
    """A branch that nobody has worked on for a while has its tip's checkpoint all the same: who
    switches to it goes on where they were."""
    in_force = checkpoints.in_force(context.state, package)
    tips = set(context.repo.branch_tips(_KEPT_BRANCHES))
    of_tips = {c.commit: c for c in reversed(known) if c.commit in tips}
    chosen = {c.id for c in (*known[:number], *of_tips.values(), *filter(None, [in_force]))}
    return [checkpoint for checkpoint in known if checkpoint.id in chosen]
