"""The public functions, by the names that nixpkgs gave them."""

from __future__ import annotations

from pathlib import Path

from ckpt_git.builds.context import Context
from ckpt_git.engines.protocol import Event, Realisation, Start
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.errors import CkptError
from ckpt_git.model.source_diff import SourceDiff
from ckpt_git.records import results


def prepare_checkpoint_build(drv: Derivation) -> Checkpoint:
    """Build ``drv`` from nothing and return its checkpoint, as ``prepareCheckpointBuild`` does.

    Raises ``CkptError`` where the build fails or can't serve as a base.
    """
    result = _realise(drv, None)
    if result.artifacts is None:
        raise CkptError(f"{drv.name}: {result.reason or result.no_base}")
    return result.artifacts


def mk_checkpointed_build(drv: Derivation, checkpoint: Checkpoint) -> Realisation:
    """Build ``drv`` starting from ``checkpoint``, as ``mkCheckpointedBuild`` does.

    It does as it is told: whether the recipe is still the checkpoint's is the caller's to know.
    For a change that the build tools would not notice there it builds clean.
    Raises ``CkptError`` where the checkpoint isn't whole.
    """
    return _realise(drv, checkpoint)


def _realise(drv: Derivation, checkpoint: Checkpoint | None) -> Realisation:
    context = Context.open(drv.source.repository)
    engine = context.engine(drv.engine)
    source = context.repo.source(drv.source.tree, drv.source.folder)
    start = None
    if checkpoint is not None:
        problem = engine.artifacts.unusable(checkpoint)
        if problem is not None:
            raise CkptError(f"{drv.name}: {problem}", "prepare another checkpoint")
        diff = SourceDiff.between(engine.artifacts.base_manifest(checkpoint), source.manifest())
        base = context.repo.source(checkpoint.tree, drv.source.folder)
        start = Start(checkpoint, diff, base)
    recipe = engine.recipe(drv, source, to_build=True)
    log: Path = results.new_log(context.state, drv.name)

    def realise(start: Start | None) -> Realisation:
        return engine.realise(
            drv, source, recipe, commit=None, start=start, log=log, listener=_ignore
        )

    result = realise(start)
    return result if result.needs_clean is None else realise(None)


def _ignore(_: Event) -> None:
    """Nobody listens."""
