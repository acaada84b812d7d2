"""The end of a build: keep its checkpoint and its record, and remove what is old.

A build needs none of this before its commands run, so it is imported while they do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.builds.checkpoints.follow import follow
from ckpt_git.builds.checkpoints.prune import prune_checkpoints
from ckpt_git.model.change_weight import learn_from
from ckpt_git.model.record import Base, PassedOver, Record
from ckpt_git.model.report.diagnostics import advice, error_lines
from ckpt_git.records import checkpoints, costs, results

if TYPE_CHECKING:
    from ckpt_git.builds.checkpoints.choose import Choice
    from ckpt_git.builds.context import Context
    from ckpt_git.builds.plan import Plan
    from ckpt_git.engines.protocol import Realisation, Start
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.model.derivation import Recipe
    from ckpt_git.model.report.relocation import Relocation

_LOOKED_THROUGH = 4 << 20
"""Bytes at the end of a log that are searched for the error: a build ends soon after it."""
_PASSED_OVER = 6
"""How many of the checkpoints that a build didn't start from its record names."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A plan that was carried out, and its result. ``start`` is None for a clean build;
    ``why_clean`` says why it was clean. ``began`` is a moment of the monotonic clock. The plan took
    ``looked_up`` seconds."""

    plan: Plan
    result: Realisation
    start: Start | None
    why_clean: str | None
    log: Path
    began: float
    looked_up: float


def keep(context: Context, ending: Ending, moved: Relocation, *, confirmed: bool) -> Record:
    """Keep the checkpoint, and then the record that names it. ``moved`` replaces the build's paths
    in messages by the user's. Raises ``StoreError``."""
    state, plan, result = context.state, ending.plan, ending.result
    if result.artifacts is not None:
        checkpoints.add(state, result.artifacts)
        follow(context, plan.package, plan.target, result.artifacts)
    confirmed = confirmed and not inconclusive(result)
    record = replace(_as_record(context, ending, moved), confirmed=confirmed)
    results.save(state, record)
    plan.engine.artifacts.release_pins()
    if plan.staying is not None and ending.start is not None:
        drift = plan.staying.drift.after(plan.staying.rent)
        costs.keep_drift(state, ending.start.checkpoint, drift)
    if result.outcome == "passed":
        if ending.start is None:
            _learn(context, plan, result.artifacts, record.seconds.build)
        prune_checkpoints(context, plan.engine, plan.drv, result)
    return record


def _learn(context: Context, plan: Plan, artifacts: Checkpoint | None, seconds: float) -> None:
    """Learn from a clean build how much a change of each file compiles."""
    seen = plan.engine.observations
    memory = None if artifacts is None or seen is None else seen.trace(artifacts)
    if memory is not None:
        costs.keep_weights(context.state, plan.package.name, learn_from(memory, seconds))


def _helped(context: Context, ending: Ending) -> Checkpoint | None:
    """The checkpoint that a build owes most: the one it started from, or whose memory answered
    most of its commands."""
    if ending.start is None:
        return None
    by = ending.result.answered_by
    known = checkpoints.listed(context.state, ending.plan.package.name) if by is not None else ()
    return next((one for one in known if one.id == by), ending.start.checkpoint)


def _as_record(context: Context, ending: Ending, moved: Relocation) -> Record:
    plan, result, start = ending.plan, ending.result, ending.start
    base = _helped(context, ending)
    error = tuple(_errors(ending.log, moved)) if result.outcome == "failed" else ()
    advised = advice(error, plan.engine.outputs.path(plan.drv, result.out))
    total = time.monotonic() - ending.began
    return Record(
        package=plan.package.name,
        engine=plan.engine.name,
        outcome=result.outcome,
        tree=plan.target.tree,
        key=plan.key,
        recipe=plan.recipe.id,
        commit=plan.target.commit,
        checkpoint=None if base is None else Base(base.commit, base.tree, base.depth),
        why_clean=ending.why_clean,
        sandbox=result.sandbox,
        changes=start.diff.counts()
        if start is not None
        else {"added": 0, "modified": 0, "deleted": 0},
        out=None if result.out is None else str(result.out),
        log=str(ending.log),
        seconds=replace(result.seconds, total=total, diff=ending.looked_up),
        depth=0 if base is None else base.depth + 1,
        finished=time.time(),
        target=plan.target.kind,
        failed_phase=result.failed_phase,
        reason=": ".join(filter(None, (result.reason, advised))) or None,
        missing=result.missing,
        error=error,
        warnings=result.warnings,
        no_base=result.no_base,
        base=None if base is None else base.id,
        left=None if result.artifacts is None else result.artifacts.id,
        compiled=result.compiled,
        trace=result.trace,
        ran=result.ran,
        answered=result.answered,
        toolchain=result.toolchain,
        passed_over=_passed_over(plan.choice, plan.recipe, base),
    )


def _errors(log: Path, moved: Relocation) -> Sequence[str]:
    with log.open("rb") as said:
        said.seek(max(0, log.stat().st_size - _LOOKED_THROUGH))
        return error_lines(said.read().decode(errors="replace"), moved)


def _passed_over(choice: Choice, recipe: Recipe, base: Checkpoint | None) -> tuple[PassedOver, ...]:
    """The checkpoints that the build didn't start from, and why."""
    refused = {one.checkpoint.id: one.reason for one in choice.refused}
    found: list[PassedOver] = []
    for checkpoint, far in choice.distances:
        if base is None or checkpoint.id != base.id:
            files, compiled = (None, None) if far is None else (far.files, far.compiled)
            reason = refused.get(
                checkpoint.id, "its commit is no longer in the repository" if far is None else None
            )
            found.append(PassedOver(checkpoint.commit, checkpoint.tree, files, compiled, reason))
    for checkpoint in choice.other_recipes:
        part = next(iter(checkpoint.recipe.differing(recipe)), "engine")
        reason = f"the {part} of its recipe differs"
        found.append(PassedOver(checkpoint.commit, checkpoint.tree, reason=reason))
    by_tree = {one.tree: one for one in reversed(found)}  # `verify` leaves several of one tree
    return tuple(one for one in found if by_tree[one.tree] is one)[:_PASSED_OVER]


def inconclusive(result: Realisation) -> bool:
    """Whether the failure may be due to the moment, not to the tree. The next build tries again."""
    return result.outcome == "failed" and (
        result.timed_out or result.failed_phase == "fetch" or "signal" in (result.reason or "")
    )
