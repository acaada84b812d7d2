"""The Nix engine: realises the derivation that a package names, through the Nix library."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.nix import examine
from ckpt_git.engines.nix.build import Job, build
from ckpt_git.engines.nix.evaluation import Evaluation
from ckpt_git.engines.nix.expression import EVALUATE
from ckpt_git.engines.nix.saved_builds import Kept, Meta
from ckpt_git.engines.nix.tools import Nix, of_user
from ckpt_git.engines.protocol import (
    Installed,
    Listener,
    Realisation,
    SourceTree,
    Start,
)
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.nix_recipe import NixRecipe
from ckpt_git.model.derivation import Derivation, Recipe, digest
from ckpt_git.model.report.finding import Finding
from ckpt_git.model.source_diff import Manifest

if TYPE_CHECKING:
    from ckpt_git.watch.memory_file import MemoryFile
    from ckpt_git.watch.session import Report

_ATTRIBUTE = "attribute "
_VERSION = "Nix library"
_LIBRARY = EVALUATE.parents[2] / "nix"


class NixEngine:
    """Builds with the user's Nix; keeps roots and manifests below ``state``."""

    name = "nix"

    def __init__(self, state: Path, environment: Mapping[str, str]) -> None:
        self._trees = state / "nix" / "trees"
        self._kept = Kept(state)
        self._variables = of_user(environment)
        self._begun: Evaluation | None = None

    # --- what there is --------------------------------------------------------------------

    def recipe(self, drv: Derivation, source: SourceTree, *, to_build: bool = False) -> Recipe:
        """See ``Engine``. Raises ``ConfigError`` for what can't be evaluated."""
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
        """See ``Engine``. As the user's nix.conf and the package's options say."""
        return self._nix(drv).is_sandboxed()

    @cached_property
    def _library(self) -> str:
        files = sorted((*_LIBRARY.rglob("*.nix"), *_LIBRARY.rglob("*.sh"), EVALUATE))
        return digest([[file.name, file.read_text()] for file in files])

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        """See ``Engine``."""
        return not checkpoint.recipe.differing(recipe)

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:
        """See ``Engine``."""
        if part.startswith(_ATTRIBUTE):
            name = part.removeprefix(_ATTRIBUTE)
            what = "is new in" if part not in old.parts else "changed in"
            return f"`{name}` {'is gone from' if part not in new.parts else what} the recipe"
        if part == "derivation":
            return "what the recipe's derivation depends on changed"
        if part == _VERSION:
            return "ckpt-git's Nix library is another version"
        return f"the {part} of the recipe changed"

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        """See ``Engine``."""
        meta = self._meta(checkpoint)
        if meta is None or meta.checkpoint is None:
            return "the checkpoint is gone"
        if not meta.nix(self._variables).is_valid(meta.checkpoint):
            return f"the checkpoint is damaged: {meta.checkpoint} is no longer in Nix' store"
        if checkpoint.newest_mtime_ns > time.time_ns():
            return "the checkpoint holds files that are dated in the future"
        return None

    def output_damage(self, out: Path) -> str | None:
        """See ``Engine``."""
        meta = self._kept.with_output(out)
        if meta is None:
            return f"{out} is no longer kept"
        nix = meta.nix(self._variables)
        gone = [path for path in meta.outputs.values() if not nix.is_valid(path)]
        return f"{gone[0]} is no longer in Nix' store" if gone else None

    def damage(self, checkpoint: Checkpoint) -> str | None:
        """See ``Engine``. Nix compares the checksum of all of it."""
        problem = self.unusable(checkpoint)
        meta = self._meta(checkpoint)
        if problem is not None or meta is None or meta.checkpoint is None:
            return problem
        nix = meta.nix(self._variables)
        done = nix.call("nix-store", "--verify-path", meta.checkpoint, ok=None)
        return None if done.returncode == 0 else f"{meta.checkpoint} was modified"

    def changed_toolchain(self, toolchain: str | None) -> str | None:  # noqa: ARG002
        """See ``Engine``. All that a build can see is in its derivation."""
        return None

    def trace(self, checkpoint: Checkpoint) -> MemoryFile | None:  # noqa: ARG002
        """See ``Engine``. What Nix builds isn't watched."""
        return None

    def report(self, checkpoint: Checkpoint) -> Report | None:  # noqa: ARG002
        """See ``Engine``."""
        return None

    def release_pins(self) -> None:
        """See ``Engine``. What is young is kept anyway."""

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        """See ``Engine``."""
        for meta in self._kept.keep_only(package, [checkpoint.id for checkpoint in kept]):
            self._forget_use(meta)

    def discard(self, checkpoint: Checkpoint) -> None:
        """See ``Engine``. Nix would else give the same one again, as its derivation is the same."""
        meta = self._meta(checkpoint)
        self._kept.drop(checkpoint.package, checkpoint.id)
        if meta is not None and meta.checkpoint is not None:
            self._forget_use(meta)
            nix = meta.nix(self._variables)
            for path in (meta.checkpoint, *meta.outputs.values()):  # which names the others, if any
                nix.call("nix-store", "--delete", path, ok=None)  # one may be in use

    def _forget_use(self, meta: Meta) -> None:
        """Remove the derivations that have a checkpoint as an input. Nix keeps the derivation of
        each output that it keeps (``keep-derivations``, on by default), with it the checkpoint, and
        so on to the first. For a user whom Nix doesn't trust they go when the output does.

        Source: the Nix manual, on ``keep-derivations``.
        """
        if meta.checkpoint is None:
            return
        nix = meta.nix(self._variables)
        found = nix.call("nix-store", "--query", "--referrers", meta.checkpoint, ok=None)
        users = [path for path in os.fsdecode(found.stdout).split() if path.endswith(".drv")]
        if users:
            nix.call(
                "nix-store", "--delete", "--option", "keep-derivations", "false", *users, ok=None
            )

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        """See ``Engine``. Raises ``StoreError`` where it can't be read."""
        return self._kept.manifest(checkpoint.package, checkpoint.id)

    def source_path(self, drv: Derivation) -> str:  # noqa: ARG002 - it is the same for all
        """See ``Engine``. That of Nix' sandbox; without one each build has a folder of its own."""
        return "/build/source"

    def out_path(self, drv: Derivation, out: Path | None) -> str | None:  # noqa: ARG002
        """See ``Engine``: each build has its own."""
        return None if out is None else str(out)

    def installed(self, out: Path) -> Installed:
        """See ``Engine``."""
        meta = self._kept.with_output(out)
        if meta is None:
            return Installed({"": out}, ())
        nix = meta.nix(self._variables)
        folders = {
            "" if name == meta.main else name: nix.physical(path)
            for name, path in meta.outputs.items()
        }
        return Installed(folders, tuple(meta.outputs[name] for name in sorted(meta.outputs)))

    def program(
        self,
        drv: Derivation,  # noqa: ARG002
        out: Path,  # noqa: ARG002 - it lies where it belongs
        command: Sequence[str],
    ) -> list[str]:
        """See ``Engine``."""
        return list(command)

    def examine(self) -> Iterator[Finding]:
        """See ``Engine``."""
        yield from examine.nix(Nix(self._variables))

    def examine_package(self, drv: Derivation) -> Finding:
        """See ``Engine``."""
        return examine.package(drv)

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
        """See ``Engine``."""
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

    def _meta(self, checkpoint: Checkpoint) -> Meta | None:
        return self._kept.meta(checkpoint.package, checkpoint.id)


def _named(drv: Derivation) -> NixRecipe:
    assert drv.nix is not None  # the configuration sees to it
    return drv.nix
