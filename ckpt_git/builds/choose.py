"""Which checkpoint a build starts from: the nearest that may be trusted, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_git.engines.protocol import Engine, Start
from ckpt_git.git.repository import MissingObjectsError, Repository
from ckpt_git.git.source import GitSource
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.errors import RepositoryError, StoreError
from ckpt_git.model.source_diff import SourceDiff


@dataclass(frozen=True, slots=True)
class Refused:
    """A checkpoint that a build can't start from, and why."""

    checkpoint: Checkpoint
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to start. ``start`` is None for a clean build, ``why_clean`` then says why.

    ``distances`` are the numbers of files by which each checkpoint of the recipe is away,
    nearest first; None where the base's objects are gone. ``refused`` are nearer ones than the
    chosen that can't be used, ``foreign`` those of another recipe.
    """

    start: Start | None
    why_clean: str | None
    refused: tuple[Refused, ...] = ()
    distances: tuple[tuple[Checkpoint, int | None], ...] = ()
    foreign: tuple[Checkpoint, ...] = ()


def choose(
    repo: Repository,
    engine: Engine,
    known: Sequence[Checkpoint],
    recipe: Recipe,
    source: GitSource,
    drv: Derivation,
) -> Choice:
    """Choose among ``known`` (newest first): the fewest changed files, the newest of equals."""
    fitting = [c for c in known if not c.recipe.differing(recipe)]
    foreign = tuple(c for c in known if c.recipe.differing(recipe))
    distances = repo.distances([c.tree for c in fitting], source.tree) if fitting else {}
    ordered = sorted(fitting, key=lambda c: _far(distances.get(c.tree)))
    measured = tuple((c, distances.get(c.tree)) for c in ordered)
    refused: list[Refused] = []
    for checkpoint in ordered:
        reason = engine.unusable(checkpoint)
        if reason is None:
            start, why = _start(repo, engine, checkpoint, source, drv.source.folder)
            return Choice(start, why, tuple(refused), measured, foreign)
        refused.append(Refused(checkpoint, reason))
    why = refused[0].reason if refused else _why_foreign(engine, foreign, recipe)
    return Choice(None, why, tuple(refused), measured, foreign)


def why_foreign(engine: Engine, checkpoint: Checkpoint, recipe: Recipe) -> str:
    """What about the recipe is another one than the checkpoint's."""
    if checkpoint.engine != engine.name:
        return f"the package was built by the {checkpoint.engine} engine until now"
    return engine.explain(checkpoint.recipe.differing(recipe)[0], checkpoint.recipe, recipe)


def _why_foreign(engine: Engine, foreign: Sequence[Checkpoint], recipe: Recipe) -> str:
    """Of several recipes, the one that differs least says most."""
    if not foreign:
        return "there is no checkpoint yet"
    least = min(foreign, key=lambda c: len(c.recipe.differing(recipe)))
    return why_foreign(engine, least, recipe)


def _start(
    repo: Repository,
    engine: Engine,
    checkpoint: Checkpoint,
    source: GitSource,
    folder: str,
) -> tuple[Start | None, str | None]:
    """Start from ``checkpoint``, or the reason why this change can't."""
    try:
        diff = _diff(repo, engine, checkpoint, source, folder)
    except (StoreError, RepositoryError) as error:
        return None, f"what the checkpoint was built from can't be read: {error.what}"
    try:
        diff = repo.converted(diff, checkpoint.tree, source)
    except RepositoryError as error:
        return None, f"what git makes of unchanged files may be another thing: {error.what}"
    return Start(checkpoint, diff, repo.source(checkpoint.tree, folder)), None


def _diff(
    repo: Repository, engine: Engine, checkpoint: Checkpoint, source: GitSource, folder: str
) -> SourceDiff:
    try:
        return repo.diff(checkpoint.tree, source.tree, folder)
    except MissingObjectsError:
        return SourceDiff.between(engine.base_manifest(checkpoint), source.manifest())


def _far(distance: int | None) -> float:
    return float("inf") if distance is None else distance
