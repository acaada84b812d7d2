"""Moving a package's checkpoint to another commit: ``git ckpt rebase-checkpoint``.

The old one serves until the new one is there: a single rename puts that in force, once it is built
and known. Whatever fails or is killed before leaves the old one where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from ckpt_git.builds.build import build_package, plan
from ckpt_git.builds.checkpoints.follow import put_in_force
from ckpt_git.builds.checkpoints.follow_cost import staying
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions, Plan
from ckpt_git.engines.protocol import Announce
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.packages import Package
from ckpt_git.model.follow_policy import CostOfStaying
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target
from ckpt_git.records import checkpoints

How = Literal["nothing", "failed", "existing", "checkpointed", "clean"]
"""What is to be done, cheapest first: nothing, as it is in force already, or as its tree is known
to fail; take what was built before; build it from another checkpoint, or from nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the checkpoint of one package is going to get to ``target``.

    ``old`` is the one in force, ``why`` says why the build is a clean one. ``files`` are as many as
    differ between the two trees; None where there is no old one, or its tree is gone. ``options``
    are those of the build.
    """

    package: Package
    target: Target
    how: How
    old: Checkpoint | None
    base: Checkpoint | None
    why: str | None
    files: int | None
    options: BuildOptions

    def to_json(self) -> dict[str, Any]:
        return {
            "package": self.package.name,
            "how": self.how,
            "from": _named(self.old),
            "to": {"commit": self.target.commit, "tree": self.target.tree},
            "base": _named(self.base),
            "why_clean": self.why,
            "files": self.files,
        }


@dataclass(frozen=True, slots=True)
class Stay:
    """A checkpoint that is better left where it is, and the numbers that say so."""

    package: str
    checkpoint: Checkpoint
    why: CostOfStaying

    def to_json(self) -> dict[str, Any]:
        at = _named(self.checkpoint)
        return {"package": self.package, "checkpoint": at, "staying": self.why.to_json()}


@dataclass(frozen=True, slots=True)
class Move:
    """What came of a way. ``new`` is in force now; None where the old one stayed, as the build
    failed or left no checkpoint."""

    way: Way
    record: Record
    new: Checkpoint | None

    def result(self) -> dict[str, Any]:
        """The form that ``rebase-checkpoint --json`` prints."""
        moved = {"how": self.way.how, "from": _named(self.way.old), "to": _named(self.new)}
        return {**self.record.result(), "moved": {**moved, "files": self.way.files}}


def find_ways(context: Context, target: Target, options: BuildOptions) -> list[Way]:
    """The cheapest honest way of each selected package; nothing is built or written.

    Raises what ``plan`` does.
    """
    packages = context.config(target.tree).select(options.packages)
    return [_way(context, package, target, options) for package in packages]


def find_worthwhile(context: Context, target: Target, options: BuildOptions) -> list[Way | Stay]:
    """The same for ``--auto``: a clean checkpoint where that is cheaper than to stay, by the rule
    of ``model.drift``. Raises what ``plan`` does."""
    packages = context.config(target.tree).select(options.packages)
    return [_worthwhile(context, package, target, options) for package in packages]


def _worthwhile(
    context: Context, package: Package, target: Target, options: BuildOptions
) -> Way | Stay:
    old = checkpoints.in_force(context.state, package.name)
    if old is None:
        return _way(context, package, target, options)
    found = staying(context, package, old, target.tree)
    if found.pays_to_move:
        return _way(context, package, target, replace(options, clean=True))
    return Stay(package.name, old, found)


def go(context: Context, way: Way, announce: Announce) -> Move:
    """Go ``way``: build where that is needed, then have the new checkpoint be the one in force."""
    record = build_package(context, way.package, way.target, way.options, announce)
    return Move(way, record, put_in_force(context, record))


def _way(context: Context, package: Package, target: Target, options: BuildOptions) -> Way:
    made = plan(context, package, target, options)
    old = checkpoints.in_force(context.state, package.name)
    far = None if old is None else context.repo.distances([old.tree], target.tree)[old.tree]
    start = made.choice.start
    base = None if start is None else start.checkpoint
    why = made.choice.why_clean
    return Way(package, target, _how(made, old), old, base, why, far, options)


def _how(made: Plan, old: Checkpoint | None) -> How:
    if made.known is not None:
        if not made.known.passed:
            return "failed"
        built = made.known.tree, made.known.recipe
        stays = old is not None and (old.tree, old.recipe.id) == built
        return "nothing" if stays else "existing"
    return "clean" if made.choice.start is None else "checkpointed"


def _named(checkpoint: Checkpoint | None) -> dict[str, Any] | None:
    if checkpoint is None:
        return None
    return {"commit": checkpoint.commit, "tree": checkpoint.tree, "depth": checkpoint.depth}
