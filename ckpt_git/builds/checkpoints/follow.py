"""The checkpoint in force of a package: what moves it, and what a build may start from.

It is what ``status`` measures the drift from, and what stays whatever else goes. ``prepare`` and
``rebase-checkpoint`` put one in force; with ``follow = "builds"`` so does each build of HEAD, and
a build may start from any other checkpoint that is nearer. With ``follow = "auto"`` a build of
HEAD is made clean, and put in force, once that is cheaper than staying (``follow_cost``).
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
    """What a build of ``package`` may start from, newest first; ``all_of_them`` where it goes
    along a history of its own and not where the package's checkpoint is kept."""
    if all_of_them or package.follow == "builds":
        return checkpoints.listed(context.state, package.name)
    in_force = checkpoints.in_force(context.state, package.name)
    return [] if in_force is None else [in_force]


def follow(context: Context, package: Package, target: Target, made: Checkpoint) -> None:
    """Put ``made``, which a build of ``target`` left, in force where the package follows its
    builds, or those that are clean, and where nothing is in force yet. Raises ``StoreError``."""
    serves = package.follow == "builds" or (package.follow == "auto" and made.depth == 0)
    state = context.state
    if (serves and is_head(context, target)) or not checkpoints.is_pinned(state, package.name):
        checkpoints.put_in_force(state, made)


def put_in_force(context: Context, record: Record) -> Checkpoint | None:
    """Put the checkpoint that the build on record left in force, if it left one; gives it."""
    if not record.passed:
        return None

    with store_budget.no_eviction(context):
        found = checkpoint_of(context, record)
        if found is not None:
            checkpoints.put_in_force(context.state, found)
    return found


def checkpoint_of(context: Context, record: Record) -> Checkpoint | None:
    """The checkpoint of the tree that the build on record was of, or None; of several the one
    that fewest checkpointed builds lie behind."""
    tree = record.tree if record.answered_by is None else record.answered_by.tree
    known = checkpoints.listed(context.state, record.package)
    same = [c for c in known if c.tree == tree and c.recipe.id == record.recipe]
    usable = (c for c in same if context.engine(c.engine).artifacts.unusable(c) is None)
    return min(usable, key=lambda c: c.depth, default=None)


def is_head(context: Context, target: Target) -> bool:
    """Whether what was built is the commit that is checked out, rather than an old one or edits."""
    if target.commit is None or target.kind != "commit":
        return target.commit is not None
    return target.commit == context.repo.target("HEAD").commit
