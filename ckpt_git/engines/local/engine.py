"""The local engine: realises derivations from ``ckpt.toml`` commands, where there is no Nix.

What it takes to build is imported where something is built: most questions, those of the pre-push
hook for one, are answered from what is known.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ckpt_git.engines import protocol
from ckpt_git.engines.local import artifacts, build, examine, fetch, host, observations
from ckpt_git.engines.local import job as local_job
from ckpt_git.engines.local.machine import Machine
from ckpt_git.model.derivation import Derivation, Recipe, digest
from ckpt_git.model.errors import MissingError
from ckpt_git.model.source_diff import matcher

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ckpt_git.engines.local.artifacts import LocalArtifacts, LocalOutputs
    from ckpt_git.engines.local.examine import LocalDiagnosis
    from ckpt_git.engines.local.observations import LocalObservations
    from ckpt_git.engines.local.store.store import Store
    from ckpt_git.engines.protocol import Listener, Realisation, SourceTree, Start
    from ckpt_git.model.checkpoint import Checkpoint

_LOCK_PART = "lock file "
_TOOLCHAIN = "toolchain"
_MACHINE = "machine"


class LocalEngine(protocol.Engine):
    """Builds from nothing in a sandbox, with the memories of earlier builds in a store."""

    name = "local"

    def __init__(self, store: Store, environment: Mapping[str, str]) -> None:
        self._store = store
        self._machine = Machine(store, environment)

    @cached_property
    def artifacts(self) -> LocalArtifacts:
        return artifacts.LocalArtifacts(self._store)

    @cached_property
    def outputs(self) -> LocalOutputs:
        return artifacts.LocalOutputs(self._machine)

    @cached_property
    def observations(self) -> LocalObservations:
        return observations.LocalObservations(self._machine)

    @cached_property
    def diagnosis(self) -> LocalDiagnosis:
        return examine.LocalDiagnosis(self._machine)

    # --- recipes --------------------------------------------------------------------------

    def recipe(
        self,
        drv: Derivation,
        source: SourceTree,
        *,
        to_build: bool = False,  # noqa: ARG002 - by what a build takes the recipe is found out
    ) -> Recipe:
        """Of a build that is watched, what it read of the system is known afterwards; for one that
        isn't, the system's programs and libraries are listed.

        Raises ``MissingError`` for a declared input that isn't there.
        """
        for path in drv.inputs:
            if not os.path.exists(path):
                raise MissingError(
                    f"package {drv.name}: the input {path} isn't there",
                    "install it, or change `inputs` in ckpt.toml",
                )
        kind = self._machine.abilities().sandbox
        parts = {**drv.recipe_parts(), "sandbox": kind, _MACHINE: digest(host.machine())}
        if not drv.trace or self._machine.programs()[0] is None:
            parts[_TOOLCHAIN] = self._machine.listed(drv.inputs)
        if kind == "none":  # paths of this machine are all over what is built
            parts["build folder"] = str(self._machine.place(drv).top)
        parts["filters and line endings"] = source.conversions
        if drv.fetch is not None:
            is_lock = matcher(drv.locks)
            for path, entry in source.manifest().items():
                if is_lock(path):
                    parts[_LOCK_PART + path] = entry.oid
        return Recipe(parts)

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        """A memory asks for each command whether all is as it was that is in files; what a program
        reads of the machine by itself isn't."""
        if checkpoint.engine != self.name or _TOOLCHAIN in recipe.parts:
            return False
        return checkpoint.recipe.parts.get(_MACHINE) == recipe.parts[_MACHINE]

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:  # noqa: ARG002
        if part.startswith(_LOCK_PART):
            return f"{part.removeprefix(_LOCK_PART)} changed, and what `fetch` brings with it"
        if part == _TOOLCHAIN:
            return "the build isn't watched, so nothing can be answered from memory"
        return f"the {part} of the recipe changed"

    def is_sandboxed(self, drv: Derivation) -> bool:  # noqa: ARG002
        return self._machine.abilities().sandbox != "none"

    def source_path(self, drv: Derivation) -> str:
        return self._machine.place(drv).source

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
        began = time.monotonic()
        programs, unwatched = self._machine.programs() if drv.trace else (None, None)
        job = local_job.Job(
            store=self._store,
            able=self._machine.abilities(),
            drv=drv,
            source=source,
            recipe=recipe,
            commit=commit,
            start=start,
            log=log,
            listener=listener,
            path=self._machine.path(drv.inputs),
            programs=programs,
            unwatched=unwatched,
        )
        fetched = fetch.fetch(job) if drv.fetch else None
        result = fetched if isinstance(fetched, protocol.Realisation) else build.build(job, fetched)
        if programs is not None and result.trace != "complete":
            result = replace(result, toolchain=self.observations.keep_listed(drv.inputs))
        return replace(result, seconds=replace(result.seconds, total=time.monotonic() - began))
