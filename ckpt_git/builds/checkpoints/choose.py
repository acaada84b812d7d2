"""Choose the checkpoint that a build starts from: the nearest valid one. Say why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from ckpt_git.engines.protocol import Engine, Start
from ckpt_git.git.repository import MissingObjectsError, Repository
from ckpt_git.git.worktree.source import GitSource
from ckpt_git.model.change_weight import Weights
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.errors import RepositoryError, StoreError
from ckpt_git.model.source_diff import SourceDiff, matcher


class _OfATree(Protocol):
    """What was built: a checkpoint, a record."""

    @property
    def tree(self) -> str: ...


_Base = TypeVar("_Base", bound=_OfATree)


class Refused(NamedTuple):
    """A checkpoint that a build can't start from, and why."""

    checkpoint: Checkpoint
    reason: str


class Distance(NamedTuple):
    """How far a tree is from a checkpoint: about how many sources a build between them compiles
    (``model.weight``), and how many files differ that matter to it."""

    compiled: float
    files: int


_NEVER = Distance(float("inf"), 0)


class Choice(NamedTuple):
    """Where to start. ``start`` is None for a clean build, ``why_clean`` then says why.

    ``distances`` has the distance to each checkpoint of this recipe, nearest first. It is None
    where git no longer has the base's objects. ``refused`` are the nearer checkpoints that can't be
    used, ``other_recipes`` those that another recipe made.
    """

    start: Start | None
    why_clean: str | None
    refused: tuple[Refused, ...] = ()
    distances: tuple[tuple[Checkpoint, Distance | None], ...] = ()
    other_recipes: tuple[Checkpoint, ...] = ()


def choose(
    repo: Repository,
    engine: Engine,
    known: Sequence[Checkpoint],
    recipe: Recipe,
    source: GitSource,
    drv: Derivation,
    weights: Weights,
    ignore: Sequence[str] = (),
) -> Choice:
    """Choose among ``known`` (newest first) the checkpoint from which a build compiles least; of
    equals, the newest."""
    fitting = [c for c in known if engine.fits(c, recipe)]
    other_recipes = tuple(c for c in known if c not in fitting)
    measured = measure(repo, fitting, source.tree, drv.source.folder, weights, ignore)
    refused: list[Refused] = []
    for checkpoint, _ in measured:
        reason = engine.artifacts.unusable(checkpoint)
        if reason is None:
            start, why = _start(repo, engine, checkpoint, source, drv.source.folder)
            return Choice(start, why, tuple(refused), measured, other_recipes)
        refused.append(Refused(checkpoint, reason))
    why = refused[0].reason if refused else _why_none_fits(engine, other_recipes, recipe)
    return Choice(None, why, tuple(refused), measured, other_recipes)


def measure(
    repo: Repository,
    bases: Sequence[_Base],
    tree: str,
    folder: str,
    weights: Weights,
    ignore: Sequence[str],
) -> tuple[tuple[_Base, Distance | None], ...]:
    """How far ``tree`` is from each of ``bases``, nearest first, equals in their order. One git
    process tells for all."""
    if not bases:
        return ()
    changed = repo.changed_paths([base.tree for base in bases], tree)
    ignored = matcher(ignore)
    before = "" if folder == "." else f"{folder}/"

    def distance(base: _Base) -> Distance | None:
        paths = changed.get(base.tree)
        if paths is None:
            return None
        below = [path.removeprefix(before) for path in paths if path.startswith(before)]
        matter = [path for path in below if not ignored(path)]
        return Distance(weights.compiled(matter), len(matter))

    measured = [(base, distance(base)) for base in bases]
    return tuple(sorted(measured, key=lambda one: one[1] or _NEVER))


def why_other_recipe(engine: Engine, checkpoint: Checkpoint, recipe: Recipe) -> str:
    """Which part of the recipe differs from the checkpoint's, in words."""
    if checkpoint.engine != engine.name:
        return f"the package was built by the {checkpoint.engine} engine until now"
    return engine.explain(checkpoint.recipe.differing(recipe)[0], checkpoint.recipe, recipe)


def _why_none_fits(engine: Engine, other_recipes: Sequence[Checkpoint], recipe: Recipe) -> str:
    """The same for the checkpoint whose recipe differs least."""
    if not other_recipes:
        return "there is no checkpoint yet"
    least = min(other_recipes, key=lambda c: len(c.recipe.differing(recipe)))
    return why_other_recipe(engine, least, recipe)


def _start(
    repo: Repository,
    engine: Engine,
    checkpoint: Checkpoint,
    source: GitSource,
    folder: str,
) -> tuple[Start | None, str | None]:
    """The start from ``checkpoint``, or why this change can't be built from it."""
    try:
        diff = _diff(repo, engine, checkpoint, source, folder)
    except (StoreError, RepositoryError) as error:
        return None, f"what the checkpoint was built from can't be read: {error.what}"
    try:
        diff = repo.converted(diff, checkpoint.tree, source)
    except RepositoryError as error:
        return None, f"git may now write unchanged files in another form: {error.what}"
    return Start(checkpoint, diff, repo.source(checkpoint.tree, folder)), None


def _diff(
    repo: Repository, engine: Engine, checkpoint: Checkpoint, source: GitSource, folder: str
) -> SourceDiff:
    try:
        return repo.diff(checkpoint.tree, source.tree, folder)
    except MissingObjectsError:
        return SourceDiff.between(engine.artifacts.base_manifest(checkpoint), source.manifest())
