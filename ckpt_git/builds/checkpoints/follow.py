"""The checkpoint in force of a package: what moves it, and what a build may start from.

``status`` measures the drift from it, and it is never evicted. ``prepare`` and
``rebase-checkpoint`` put one in force. With ``follow = "builds"`` each build of HEAD does, too, and
a build may start from any checkpoint that is nearer. With ``follow = "auto"`` a build of HEAD is
clean, and its checkpoint is put in force, once that is cheaper than to keep the old one
(``follow_cost``).
"""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_git.builds.checkpoints import store_budget
from ckpt_git.builds.context import Context
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.packages import Package
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target
from ckpt_git.records import checkpoints


def candidates(
    context: Context, package: Package, *, all_of_them: bool = False
) -> Sequence[Checkpoint]:
    """The checkpoints that a build of ``package`` may start from, newest first. ``all_of_them`` is
    for a replay or a bisection, which go along commits of their own."""
    if all_of_them or package.follow == "builds":
        return checkpoints.listed(context.state, package.name)
    in_force = checkpoints.in_force(context.state, package.name)
    return [] if in_force is None else [in_force]


def follow(context: Context, package: Package, target: Target, made: Checkpoint) -> None:
    """Put ``made``, the checkpoint of a build of ``target``, in force: if the package's ``follow``
    asks for it, or if none is in force yet. Raises ``StoreError``."""
    serves = package.follow == "builds" or (package.follow == "auto" and made.depth == 0)
    state = context.state
    if (serves and is_head(context, target)) or not checkpoints.is_pinned(state, package.name):
        checkpoints.put_in_force(state, made)


def put_in_force(context: Context, record: Record) -> Checkpoint | None:
    """Put the checkpoint of a recorded build in force, and return it; None if there is none."""
    if not record.passed:
        return None

    with store_budget.no_eviction(context):
        found = checkpoint_of(context, record)
        if found is not None:
            checkpoints.put_in_force(context.state, found)
    return found


def checkpoint_of(context: Context, record: Record) -> Checkpoint | None:
    """The checkpoint of the tree that was built, or None. Of several, the one with the shortest
    chain of builds behind it."""
    tree = record.tree if record.answered_by is None else record.answered_by.tree
    known = checkpoints.listed(context.state, record.package)
    same = [c for c in known if c.tree == tree and c.recipe.id == record.recipe]
    usable = (c for c in same if context.engine(c.engine).artifacts.unusable(c) is None)
    return min(usable, key=lambda c: c.depth, default=None)


def is_head(context: Context, target: Target) -> bool:
    """Whether the commit that is checked out was built, not an old one and not edits."""
    if target.commit is None or target.kind != "commit":
        return target.commit is not None
    return target.commit == context.repo.target("HEAD").commit
