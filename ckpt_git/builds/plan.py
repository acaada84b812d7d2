"""What the caller asks of a build, and how one package is going to be built. Values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ckpt_git.builds.checkpoints.choose import Choice
    from ckpt_git.engines.protocol import Engine, SourceTree
    from ckpt_git.model.config.packages import Package
    from ckpt_git.model.derivation import Derivation, Recipe
    from ckpt_git.model.follow_policy import CostOfStaying
    from ckpt_git.model.record import Record
    from ckpt_git.model.target import Target


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build: which packages (all for none), from nothing, although there is a record.

    ``artifacts`` asks for a checkpoint of the very tree, and has it put in force: a record alone
    is no answer then. Without ``output`` a record answers although what was built is gone: that
    it was built is what counts. ``nearest`` starts from the nearest checkpoint, whatever the
    package's ``follow`` says.
    """

    packages: tuple[str, ...] = ()
    clean: bool = False
    rebuild: bool = False
    artifacts: bool = False
    output: bool = True
    nearest: bool = False


class Plan(NamedTuple):
    """What the build of one package is going to be. ``staying`` is what it costs that the
    checkpoint stays, with ``follow = "auto"``."""

    package: Package
    drv: Derivation
    engine: Engine
    source: SourceTree
    target: Target
    recipe: Recipe
    key: str
    known: Record | None
    choice: Choice
    staying: CostOfStaying | None = None
