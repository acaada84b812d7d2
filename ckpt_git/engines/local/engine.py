"""The local engine: realises derivations from ``ckpt.toml`` commands, where there is no Nix.

What it takes to build is imported where something is built: most questions, those of the pre-push
hook for one, are answered from what is known.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ckpt_git.engines.local import host
from ckpt_git.engines.local.sandbox.capabilities import Abilities, abilities
from ckpt_git.engines.local.toolchain import fingerprint as toolchain
from ckpt_git.later import Later
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.errors import MissingError, StoreError
from ckpt_git.model.source_diff import Manifest, matcher

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from pathlib import Path

    from ckpt_git.engines.local.sandbox.build_paths import Place
    from ckpt_git.engines.local.store.store import Store
    from ckpt_git.engines.local.toolchain.compiler_cache import Compilers
    from ckpt_git.engines.protocol import (
        Dependents,
        Installed,
        Listener,
        Realisation,
        SourceTree,
        Start,
    )
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.model.finding import Finding
    from ckpt_git.model.trace import Knowledge
    from ckpt_git.watch.program import Programs

_LOCK_PART = "lock file "


class LocalEngine:
    """Builds in a sandbox, on layers in a store of its own."""

    name = "local"

    def __init__(self, store: Store, environment: Mapping[str, str]) -> None:
        self.store = store
        self._environment = environment
        self._fingerprints: dict[tuple[str, ...], str] = {}
        self._listings: dict[str, bytes] = {}
        self._abilities: Abilities | None = None
        self._system = Later(lambda: toolchain.take(self._path(())))

    # --- what there is --------------------------------------------------------------------

    def abilities(self) -> Abilities:
        """Sandbox and layer method. Raises ``MissingError`` where a forced one isn't to be had."""
        if self._abilities is None:
            self.store.open()
            self._abilities = abilities(self.store, self._environment)
        return self._abilities

    def recipe(
        self,
        drv: Derivation,
        source: SourceTree,
        *,
        to_build: bool = False,  # noqa: ARG002 - by what a build takes the recipe is found out
    ) -> Recipe:
        """See ``Engine``. Raises ``MissingError`` for a declared input that isn't there."""
        for path in drv.inputs:
            if not os.path.exists(path):
                raise MissingError(
                    f"package {drv.name}: the input {path} isn't there",
                    "install it, or change `inputs` in ckpt.toml",
                )
        kind = self.abilities().sandbox
        fingerprint = self._toolchain(drv.inputs)
        parts = {**drv.recipe_parts(), "sandbox": kind, "toolchain": fingerprint}
        if self._remembers():
            parts["memory"] = "1"
        elif self._caches(drv):  # the compilers' paths get into what is configured
            parts["compiler cache"] = host.COMPILER_CACHE
        if kind == "none":  # paths of this machine are all over what is built
            parts["build folder"] = str(self._place(drv).top)
        parts["filters and line endings"] = source.conversions
        if drv.fetch is not None:
            is_lock = matcher(drv.locks)
            for path, entry in source.manifest().items():
                if is_lock(path):
                    parts[_LOCK_PART + path] = entry.oid
        return Recipe(parts)

    def is_sandboxed(self, drv: Derivation) -> bool:  # noqa: ARG002
        """See ``Engine``."""
        return self.abilities().sandbox != "none"

    def _toolchain(self, inputs: tuple[str, ...]) -> str:
        """The toolchain's fingerprint, worked out once: a push asks for that of many trees."""
        if inputs not in self._fingerprints:
            known = None if inputs else self.store.fingerprint_of(self._system_digest())
            self._fingerprints[inputs] = known or self._listed(inputs)
        return self._fingerprints[inputs]

    def _listed(self, inputs: tuple[str, ...]) -> str:
        """The same where it isn't known. To sort ten thousand lines takes a push a tenth of its
        time: what was found once more, line by line and in the same order, isn't sorted again."""
        listed = toolchain.listing(self._system.value(), inputs)
        fingerprint = toolchain.fingerprint(listed)
        self._listings[fingerprint] = listed
        if not inputs:
            with suppress(StoreError):  # a full disk is no matter of what is only asked
                self.store.keep_toolchain(fingerprint, listed)
                self.store.remember_fingerprint(self._system_digest(), fingerprint)
        return fingerprint

    def _system_digest(self) -> str:
        return toolchain.fingerprint(os.uname().machine.encode() + self._system.value())

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        """See ``Engine``."""
        from ckpt_git.engines.local.workspace import layers  # noqa: PLC0415

        missing = self.store.missing(checkpoint.id)
        if missing is not None:
            return f"the checkpoint is damaged: {missing}"
        if checkpoint.newest_mtime_ns > time.time_ns():
            return "the checkpoint holds files that are dated in the future"
        layer = self.store.layer(checkpoint.id)
        assert layer is not None  # `missing` has looked
        return layers.unusable(layer, self.abilities().layers)

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:
        """See ``Engine``."""
        if part.startswith(_LOCK_PART):
            return f"{part.removeprefix(_LOCK_PART)} changed, and what `fetch` brings with it"
        if part != "toolchain":
            return f"the {part} of the recipe changed"
        before = self.store.toolchain(old.parts.get(part, ""))
        after = self._listings.get(new.parts[part]) or self.store.toolchain(new.parts[part])
        if before is None or after is None:
            return "the toolchain changed"
        paths = toolchain.changed(before, after)
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        return f"the toolchain changed: {paths[0] if paths else 'its machine'}{more}"

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        """See ``Engine``. Raises ``StoreError`` where it can't be read."""
        return self.store.manifest(checkpoint.id)

    def output_damage(self, out: Path) -> str | None:
        """See ``Engine``."""
        return self.store.output_damage(out)

    def damage(self, checkpoint: Checkpoint) -> str | None:
        """See ``Engine``."""
        layer = self.store.layer(checkpoint.id)
        return "it isn't there" if layer is None else self.store.damage(layer.chain)

    def knowledge(self, checkpoint: Checkpoint) -> Knowledge:
        """See ``Engine``."""
        from ckpt_git.engines.local.trace import kept  # noqa: PLC0415

        return kept.load(self.store.layers / checkpoint.id)

    def recorded(self, checkpoint: Checkpoint, path: str) -> Dependents:
        """See ``Engine``."""
        from ckpt_git.engines.local.freshness import depfiles  # noqa: PLC0415

        return depfiles.dependents(self.store, checkpoint.id, path)

    def holds(self, checkpoint: Checkpoint) -> Container[str]:
        """See ``Engine``."""
        layer = self.store.layer(checkpoint.id)
        return {} if layer is None else self.store.files(layer)

    def made_known(self) -> None:
        """See ``Engine``."""
        self.store.settle()

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        """See ``Engine``. Whose layers they are, and which are wanted, a sweep finds out."""

    def discard(self, checkpoint: Checkpoint) -> None:
        """See ``Engine``."""
        self.store.drop_layer(checkpoint.id)

    def discard_compile_cache(self, drv: Derivation) -> None:
        """See ``Engine``."""
        self.store.drop_compiler_cache(str(drv.source.repository), drv.name)

    def installed(self, out: Path) -> Installed:
        """See ``Engine``."""
        from ckpt_git.engines.protocol import Installed  # noqa: PLC0415

        return Installed({"": out})

    def out_path(self, drv: Derivation, out: Path | None = None) -> str:  # noqa: ARG002
        """See ``Engine``."""
        return self._place(drv).out

    def source_path(self, drv: Derivation) -> str:
        """See ``Engine``."""
        return self._place(drv).source

    def program(self, drv: Derivation, out: Path, command: Sequence[str]) -> list[str]:
        """See ``Engine``. Everything else of the machine is there as it is."""
        from ckpt_git.engines.local.sandbox import launch  # noqa: PLC0415

        return launch.program(self.abilities().sandbox, self.out_path(drv), out, command)

    def examine(self) -> Iterator[Finding]:
        """See ``Engine``."""
        from ckpt_git.engines.local import examine  # noqa: PLC0415
        from ckpt_git.engines.local.trace.library import forget_refusals  # noqa: PLC0415
        from ckpt_git.watch import program  # noqa: PLC0415

        store = examine.store(self.store)
        yield store
        if store.level == "missing":
            return  # what else there is can't be tried out
        able = self.abilities()
        yield examine.sandbox(able)
        yield examine.layers(able)
        forget_refusals(self.store.root)
        program.forget_refusals(self.store.root)
        yield examine.tracer(*self._tracer())
        yield examine.compiler_cache(able, self._path(()))

    def examine_package(self, drv: Derivation) -> Finding:
        """See ``Engine``."""
        from ckpt_git.engines.local import examine  # noqa: PLC0415

        return examine.package(drv, self._path(drv.inputs))

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
        compile_cache: bool = False,
    ) -> Realisation:
        """See ``Engine``."""
        from dataclasses import replace  # noqa: PLC0415

        from ckpt_git.engines.local.freshness.build_tool import begin_searches  # noqa: PLC0415

        diff = None if start is None else start.diff
        if diff is not None:  # before the rest is imported
            begin_searches(drv, source, diff)
        from ckpt_git.engines.local.freshness.configure import phases_to_run  # noqa: PLC0415

        phases = Later(lambda: phases_to_run(drv, source, diff))
        from ckpt_git.engines.local.build import build  # noqa: PLC0415
        from ckpt_git.engines.local.fetch import fetch  # noqa: PLC0415
        from ckpt_git.engines.local.job import Job  # noqa: PLC0415
        from ckpt_git.engines.protocol import Realisation  # noqa: PLC0415

        began = time.monotonic()
        path = self._path(drv.inputs)
        able = self.abilities()
        if self._remembers():
            result = self._from_memory(drv, source, recipe, commit, start, log, listener)
            total = replace(result.seconds, total=time.monotonic() - began)
            return replace(result, seconds=total)
        tracer, untraced = self._tracer() if drv.trace else (None, None)
        job = Job(
            *(self.store, able, drv, source, recipe, commit, start, log, listener, path),
            tracer=tracer,
            untraced=untraced,
            compilers=self._compilers(drv, recipe, cached=compile_cache and start is None),
            find_tracer=self._tracer_alone,
        )
        fetched = fetch(job) if drv.fetch and start is None else None
        if isinstance(fetched, Realisation):
            return fetched
        result = build(job, fetched, phases)
        fingerprint = recipe.parts["toolchain"]
        if fingerprint in self._listings:
            self.store.keep_toolchain(fingerprint, self._listings[fingerprint])
        total = replace(result.seconds, total=time.monotonic() - began)
        return replace(result, seconds=total)

    def _from_memory(
        self,
        drv: Derivation,
        source: SourceTree,
        recipe: Recipe,
        commit: str | None,
        start: Start | None,
        log: Path,
        listener: Listener,
    ) -> Realisation:
        from ckpt_git.engines.local.fetch import fetch  # noqa: PLC0415
        from ckpt_git.engines.local.job import Job  # noqa: PLC0415
        from ckpt_git.engines.local.memory_build import build  # noqa: PLC0415
        from ckpt_git.engines.protocol import Realisation  # noqa: PLC0415

        programs, untraced = self._programs()
        job = Job(
            store=self.store,
            able=self.abilities(),
            drv=drv,
            source=source,
            recipe=recipe,
            commit=commit,
            start=start,
            log=log,
            listener=listener,
            path=self._path(drv.inputs),
            programs=programs,
            untraced=untraced,
        )
        fetched = fetch(job) if drv.fetch else None
        return fetched if isinstance(fetched, Realisation) else build(job, fetched)

    def _remembers(self) -> bool:
        return self._environment.get("CKPT_MEMORY") == "1"

    def _programs(self) -> tuple[Programs | None, str | None]:
        """What watches a build, or why nothing can."""
        from ckpt_git.watch.program import programs  # noqa: PLC0415

        try:
            return programs(self.store.root), None
        except MissingError as error:
            return None, error.what

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        """See ``Engine``. A memory asks for each command whether all is as it was."""
        if not self._remembers():
            return not checkpoint.recipe.differing(recipe)
        return checkpoint.engine == self.name and "memory" in checkpoint.recipe.parts

    def look_ahead(
        self, drv: Derivation, source: SourceTree, recipe: Recipe, checkpoint: Checkpoint
    ) -> None:
        """See ``Engine``. Without a sandbox the next build would have to wait for it."""
        from ckpt_git.engines.local.freshness.rehearsal import ask_ahead  # noqa: PLC0415
        from ckpt_git.engines.local.job import Job  # noqa: PLC0415
        from ckpt_git.engines.protocol import Start  # noqa: PLC0415
        from ckpt_git.model.source_diff import SourceDiff  # noqa: PLC0415

        if self.is_sandboxed(drv) and not self._remembers():
            start = Start(checkpoint, SourceDiff(), source)
            log, path = self.store.tmp / "no-log", self._path(drv.inputs)
            job = Job(
                *(self.store, self.abilities(), drv, source, recipe, checkpoint.commit, start),
                *(log, lambda _: None, path),
                compilers=self._compilers(drv, recipe, cached=False),
                find_tracer=self._tracer_alone,
            )
            ask_ahead(job)

    def _tracer_alone(self) -> Path | None:
        with suppress(StoreError):  # no room: nobody asked for it
            return self._tracer()[0]
        return None

    def _tracer(self) -> tuple[Path | None, str | None]:
        """The library that sees what a build does, or why there is none."""
        from ckpt_git.engines.local.trace.library import library  # noqa: PLC0415

        try:
            return library(self.store.root), None
        except MissingError as error:
            return None, error.what

    def _caches(self, drv: Derivation) -> bool:
        """Whether a compiler cache may stand before the package's compilers. Without a sandbox it
        would be another path that configure records than without the cache."""
        wanted = drv.compile_cache == "auto" and self.abilities().sandbox != "none"
        return wanted and host.which(host.COMPILER_CACHE, self._path(drv.inputs)) is not None

    def _compilers(self, drv: Derivation, recipe: Recipe, *, cached: bool) -> Compilers:
        from ckpt_git.engines.files import new_id  # noqa: PLC0415
        from ckpt_git.engines.local.toolchain import compiler_cache  # noqa: PLC0415

        if not self._caches(drv):
            return compiler_cache.NONE
        path = self._path(drv.inputs)
        if not cached:
            return compiler_cache.direct(path)
        owner, toolchain_id = str(drv.source.repository), recipe.parts["toolchain"][:16]
        folder = self.store.compiler_cache(owner, drv.name, toolchain_id)
        return compiler_cache.cached(path, folder, f"{new_id()}.stats")

    def _place(self, drv: Derivation) -> Place:
        from ckpt_git.engines.local.sandbox.build_paths import place_of  # noqa: PLC0415

        return place_of(self.store, drv, self.abilities().sandbox)

    def _path(self, inputs: tuple[str, ...]) -> str:
        base = host.SYSTEM_PATH
        if self.abilities().sandbox == "none":
            base = self._environment.get("PATH", base)
        return host.search_path(inputs, base)
