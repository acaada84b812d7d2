"""The Nix engine: realises the derivation that a package names, through the Nix library."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from ckpt_git.engines.nix.artifacts import NixArtifacts, NixOutputs
from ckpt_git.engines.nix.build import Job, build
from ckpt_git.engines.nix.evaluation import Evaluation
from ckpt_git.engines.nix.examine import NixDiagnosis
from ckpt_git.engines.nix.expression import EVALUATE
from ckpt_git.engines.nix.saved_builds import Kept
from ckpt_git.engines.nix.tools import Nix, of_user
from ckpt_git.engines.protocol import (
    Engine,
    Listener,
    Realisation,
    SourceTree,
    Start,
)
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.nix_recipe import NixRecipe
from ckpt_git.model.derivation import Derivation, Recipe, digest

_ATTRIBUTE = "attribute "
_VERSION = "Nix library"
_LIBRARY = EVALUATE.parents[2] / "nix"


class NixEngine(Engine):
    """Builds with the user's Nix; keeps roots and manifests below ``state``."""

    name = "nix"
    observations = None  # what Nix builds isn't watched: all that it can see is in its derivation

    def __init__(self, state: Path, environment: Mapping[str, str]) -> None:
        self._trees = state / "nix" / "trees"
        self._kept = Kept(state)
        self._variables = of_user(environment)
        self._begun: Evaluation | None = None

    @cached_property
    def artifacts(self) -> NixArtifacts:
        return NixArtifacts(self._kept, self._variables)

    @cached_property
    def outputs(self) -> NixOutputs:
        return NixOutputs(self._kept, self._variables)

    @cached_property
    def diagnosis(self) -> NixDiagnosis:
        return NixDiagnosis(self._variables)

    # --- recipes --------------------------------------------------------------------------

    def recipe(self, drv: Derivation, source: SourceTree, *, to_build: bool = False) -> Recipe:
        """Raises ``ConfigError`` for what can't be evaluated."""
        evaluation = self._evaluation(drv, source)
        nix = self._nix(drv)
        # Of two processes that make a store at the same time, one may fail: Nix doesn't lock then.
        begins = to_build and self._kept.has_built(nix)
        found = evaluation.fingerprint(to_build=begins)
        if begins:
            self._begun = evaluation
        parts = {_ATTRIBUTE + name: value for name, value in found.attributes.items()}
        return Recipe(
            {
                **parts,
                "derivation": found.drv,
                "filters and line endings": source.conversions,
                _VERSION: self._library,
                "Nix options": digest([list(nix.options), nix.store]),
                "source folder": digest([drv.source.folder, _named(drv).overrides_source]),
            }
        )

    def is_sandboxed(self, drv: Derivation) -> bool:
        """As the user's nix.conf and the package's options say."""
        return self._nix(drv).is_sandboxed()

    @cached_property
    def _library(self) -> str:
        files = sorted((*_LIBRARY.rglob("*.nix"), *_LIBRARY.rglob("*.sh"), EVALUATE))
        return digest([[file.name, file.read_text()] for file in files])

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        return not checkpoint.recipe.differing(recipe)

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:
        if part.startswith(_ATTRIBUTE):
            name = part.removeprefix(_ATTRIBUTE)
            what = "is new in" if part not in old.parts else "changed in"
            return f"`{name}` {'is gone from' if part not in new.parts else what} the recipe"
        if part == "derivation":
            return "what the recipe's derivation depends on changed"
        if part == _VERSION:
            return "ckpt-git's Nix library is another version"
        return f"the {part} of the recipe changed"

    def source_path(self, drv: Derivation) -> str:  # noqa: ARG002 - it is the same for all
        """That of Nix' sandbox; without one each build has a folder of its own."""
        return "/build/source"

    # --- realising ------------------------------------------------------------------------

    def realise(
        self,
        drv: Derivation,
        source: SourceTree,
        recipe: Recipe,
        *,
        commit: str | None,
        start: Start | None,
        log: Path,
        listener: Listener,
    ) -> Realisation:
        evaluation = self._evaluation(drv, source)
        nix = self._nix(drv)
        return build(
            Job(nix, self._kept, evaluation, drv, source, recipe, commit, start, log, listener)
        )

    def _evaluation(self, drv: Derivation, source: SourceTree) -> Evaluation:
        """The one that has begun with what a build takes, if it is of this one."""
        begun, self._begun = self._begun, None
        if begun is not None and begun.is_of(drv, source):
            return begun
        return Evaluation(self._nix(drv), self._trees / drv.name, drv, source)

    def _nix(self, drv: Derivation) -> Nix:
        named = _named(drv)
        return Nix(self._variables, named.options, named.store)


def _named(drv: Derivation) -> NixRecipe:
    assert drv.nix is not None  # the configuration sees to it
    return drv.nix
