"""``follow = "auto"``: what it has cost so far that the checkpoint in force did not move.

Estimated, before anything is built, from the names of the changed files (``model.weight``), so
that the same history always gives the same decisions, on a busy machine too.
"""

from __future__ import annotations

from ckpt_git.builds.checkpoints.choose import measure
from ckpt_git.builds.context import Context
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.packages import Package
from ckpt_git.model.follow_policy import CostOfStaying
from ckpt_git.model.record import Record
from ckpt_git.records import costs, results


def staying(context: Context, package: Package, checkpoint: Checkpoint, tree: str) -> CostOfStaying:
    """What a build of ``tree`` from ``checkpoint`` adds to what its staying has cost."""
    weights = costs.weights(context.state, package.name)
    before = _built_before(context, package)
    measured: list[Checkpoint | Record] = [checkpoint, *([] if before is None else [before])]
    found = {
        one.tree: distance.compiled
        for one, distance in measure(
            *(context.repo, measured, tree, package.source, weights, package.ignore)
        )
        if distance is not None
    }
    far = found.get(checkpoint.tree, float(weights.sources))
    rent = weights.takes(max(0.0, far - min(found.values(), default=far)))
    drift = costs.drift(context.state, checkpoint)
    return CostOfStaying(drift, rent or 0.0, weights.seconds)


def _built_before(context: Context, package: Package) -> Record | None:
    """The last build that passed: where the next one would start if the checkpoint followed."""
    passed = (one for one in results.history(context.state, package.name) if one.passed)
    return next(passed, None)
