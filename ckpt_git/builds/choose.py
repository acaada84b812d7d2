"""Which checkpoint a build starts from: the nearest that may be trusted, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_git.engines.protocol import Engine, SourceTree, Start
from ckpt_git.git.repository import MissingObjectsError, Repository
from ckpt_git.git.trees import attributes_changed
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.errors import StoreError
from ckpt_git.model.source_diff import SourceDiff


@dataclass(frozen=True, slots=True)
class Refused:
    """A checkpoint that a build can't start from, and why."""

    checkpoint: Checkpoint
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to start. ``start`` is None for a clean build, ``why_clean`` then says why.

    ``distances`` are the numbers of files by which each usable checkpoint is away, nearest
    first; None where the base's objects are gone.
    """

    start: Start | None
    why_clean: str | None
    refused: tuple[Refused, ...] = ()
    distances: tuple[tuple[Checkpoint, int | None], ...] = ()


def choose(
    repo: Repository,
    engine: Engine,
    known: Sequence[Checkpoint],
    recipe: Recipe,
    source: SourceTree,
    drv: Derivation,
) -> Choice:
    """Choose among ``known`` (newest first): the fewest changed files, the newest of equals."""
    refused: list[Refused] = []
    usable: list[Checkpoint] = []
    for checkpoint in known:
        reason = _unusable(engine, checkpoint, recipe, source)
        if reason is None:
            usable.append(checkpoint)
        else:
            refused.append(Refused(checkpoint, reason))
    if not usable:
        # Of several, the one that lacked least says most.
        least = min(refused, key=lambda r: len(r.checkpoint.recipe.differing(recipe)), default=None)
        why = least.reason if least is not None else "there is no checkpoint yet"
        return Choice(None, why, tuple(refused))
    distances = repo.distances([checkpoint.tree for checkpoint in usable], source.tree)
    ordered = sorted(usable, key=lambda c: _far(distances.get(c.tree)))
    measured = tuple((checkpoint, distances.get(checkpoint.tree)) for checkpoint in ordered)
    nearest = ordered[0]
    try:
        diff = _diff(repo, engine, nearest, source, drv.source.folder)
    except StoreError as error:
        return Choice(None, str(error), tuple(refused), measured)
    if attributes_changed(diff):
        why = ".gitattributes changed, and with it what git makes of unchanged files"
        return Choice(None, why, tuple(refused), measured)
    start = Start(nearest, diff)
    missed = _missed(repo, engine, drv, source, recipe, start)
    if missed is not None:
        return Choice(None, missed, tuple(refused), measured)
    return Choice(start, None, tuple(refused), measured)


def _missed(
    repo: Repository,
    engine: Engine,
    drv: Derivation,
    source: SourceTree,
    recipe: Recipe,
    start: Start,
) -> str | None:
    base = repo.source(start.checkpoint.tree, drv.source.folder)
    try:
        return engine.missed(drv, source, recipe, start, base)
    except MissingObjectsError:
        return "what the checkpoint was built from is gone, and the change can't be judged"


def _unusable(
    engine: Engine, checkpoint: Checkpoint, recipe: Recipe, source: SourceTree
) -> str | None:
    differing = checkpoint.recipe.differing(recipe)
    if differing:
        return engine.explain(differing[0], checkpoint.recipe, recipe)
    if checkpoint.conversions != source.conversions:
        return "git's filters or line endings are set differently"
    return engine.unusable(checkpoint)


def _diff(
    repo: Repository, engine: Engine, checkpoint: Checkpoint, source: SourceTree, folder: str
) -> SourceDiff:
    try:
        return repo.diff(checkpoint.tree, source.tree, folder)
    except MissingObjectsError:
        return SourceDiff.between(engine.base_manifest(checkpoint), source.manifest())


def _far(distance: int | None) -> float:
    return float("inf") if distance is None else distance
