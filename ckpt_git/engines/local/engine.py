"""The local engine: realises derivations from ``ckpt.toml`` commands, where there is no Nix.

What it takes to build is imported where something is built: most questions, those of the pre-push
hook for one, are answered from what is known.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ckpt_git.engines import protocol
from ckpt_git.engines.files import writing
from ckpt_git.engines.local import build, examine, fetch, host, listing
from ckpt_git.engines.local import job as local_job
from ckpt_git.engines.local.sandbox import build_paths, launch
from ckpt_git.engines.local.sandbox.capabilities import Abilities, abilities
from ckpt_git.engines.local.store import entries, outputs, toolchains
from ckpt_git.kept_files import decode_json, encode_json, make_way, read_kept
from ckpt_git.model.derivation import Derivation, Recipe, digest
from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.model.source_diff import Manifest, matcher
from ckpt_git.watch import memory_file, session
from ckpt_git.watch import program as watch_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ckpt_git.engines.local.sandbox.build_paths import Place
    from ckpt_git.engines.local.store.store import Store
    from ckpt_git.engines.protocol import Installed, Listener, Realisation, SourceTree, Start
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.model.report.finding import Finding
    from ckpt_git.watch.memory_file import MemoryFile
    from ckpt_git.watch.program import Programs
    from ckpt_git.watch.session import Report

_LOCK_PART = "lock file "
_TOOLCHAIN = "toolchain"
_MACHINE = "machine"
_LISTED = "listed-"
"""How the name of a toolchain begins that is all that a build may use, not what one did."""


class LocalEngine:
    """Builds from nothing in a sandbox, with the memories of earlier builds in a store."""

    name = "local"

    def __init__(self, store: Store, environment: Mapping[str, str]) -> None:
        self.store = store
        self._environment = environment
        self._listings: dict[tuple[str, ...], str] = {}
        self._abilities: Abilities | None = None
        self._found: tuple[Programs | None, str | None] | None = None
        self._checked: dict[str, str | None] = {}

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
        """See ``Engine``. Of a build that is watched, what it read of the system is known
        afterwards; for one that isn't, the system's programs and libraries are listed.

        Raises ``MissingError`` for a declared input that isn't there.
        """
        for path in drv.inputs:
            if not os.path.exists(path):
                raise MissingError(
                    f"package {drv.name}: the input {path} isn't there",
                    "install it, or change `inputs` in ckpt.toml",
                )
        kind = self.abilities().sandbox
        parts = {**drv.recipe_parts(), "sandbox": kind, _MACHINE: digest(host.machine())}
        if not drv.trace or self._programs()[0] is None:
            parts[_TOOLCHAIN] = self._listed(drv.inputs)
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

    def _listed(self, inputs: tuple[str, ...]) -> str:

        if inputs not in self._listings:
            found = listing.listing(listing.take(self._path(())), inputs)
            self._listings[inputs] = listing.fingerprint(found)
        return self._listings[inputs]

    def _keep_listed(self, inputs: tuple[str, ...]) -> str:
        """For a build that was to be watched and of which not all was seen."""
        name = _LISTED + self._listed(inputs)
        with writing(self.store.toolchains):
            make_way(self.store.toolchains / name)
            (self.store.toolchains / name).write_bytes(encode_json({"inputs": inputs}))
        return name

    def changed_toolchain(self, toolchain: str | None) -> str | None:
        """See ``Engine``."""
        if toolchain is None:
            return None
        if toolchain not in self._checked:
            self._checked[toolchain] = self._changed(toolchain)
        return self._checked[toolchain]

    def _changed(self, toolchain: str) -> str | None:

        programs, _ = self._programs()
        if toolchain.startswith(_LISTED):
            with suppress(OSError, ValueError):
                kept = decode_json(read_kept(self.store.toolchains / toolchain))
                listed = self._listed(tuple(kept["inputs"]))
                return None if toolchain == _LISTED + listed else "a program or library changed"
        elif programs is not None and (seen := toolchains.find(self.store, toolchain)) is not None:
            with suppress(StoreError):
                changed = session.changed_since(programs, seen, self.store.objects)
                return None if changed is None else f"{changed} changed"
        return "what it was built with isn't known any more"

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        """See ``Engine``."""
        missing = self.store.missing(checkpoint.id)
        return None if missing is None else f"the checkpoint is of no use: {missing}"

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        """See ``Engine``. A memory asks for each command whether all is as it was that is in files;
        what a program reads of the machine by itself isn't."""
        if checkpoint.engine != self.name or _TOOLCHAIN in recipe.parts:
            return False
        return checkpoint.recipe.parts.get(_MACHINE) == recipe.parts[_MACHINE]

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:  # noqa: ARG002
        """See ``Engine``."""
        if part.startswith(_LOCK_PART):
            return f"{part.removeprefix(_LOCK_PART)} changed, and what `fetch` brings with it"
        if part == _TOOLCHAIN:
            return "the build isn't watched, so nothing can be answered from memory"
        return f"the {part} of the recipe changed"

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        """See ``Engine``. Raises ``StoreError`` where it can't be read."""
        return self.store.manifest(checkpoint.id)

    def output_damage(self, out: Path) -> str | None:
        """See ``Engine``."""
        return outputs.damage(out)

    def damage(self, checkpoint: Checkpoint) -> str | None:
        """See ``Engine``."""
        return self.store.damage(checkpoint.id)

    def trace(self, checkpoint: Checkpoint) -> MemoryFile | None:
        """See ``Engine``."""

        with suppress(OSError, ValueError):
            return memory_file.MemoryFile.read(self.store.file(checkpoint.id, entries.MEMORY))
        return None

    def report(self, checkpoint: Checkpoint) -> Report | None:
        """See ``Engine``."""

        with suppress(StoreError):
            return session.read_report(self.store.file(checkpoint.id, entries.REPORT))
        return None

    def release_pins(self) -> None:
        """See ``Engine``."""
        self.store.release_pins()

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        """See ``Engine``. Whose entries they are, and which are wanted, a sweep finds out."""

    def discard(self, checkpoint: Checkpoint) -> None:
        """See ``Engine``."""
        self.store.drop(checkpoint.id)

    def installed(self, out: Path) -> Installed:
        """See ``Engine``."""

        return protocol.Installed({"": out})

    def out_path(self, drv: Derivation, out: Path | None = None) -> str:  # noqa: ARG002
        """See ``Engine``."""
        return self._place(drv).out

    def source_path(self, drv: Derivation) -> str:
        """See ``Engine``."""
        return self._place(drv).source

    def program(self, drv: Derivation, out: Path, command: Sequence[str]) -> list[str]:
        """See ``Engine``. Everything else of the machine is there as it is."""

        return launch.program(self.abilities().sandbox, self.out_path(drv), out, command)

    def examine(self) -> Iterator[Finding]:
        """See ``Engine``."""

        store = examine.store(self.store)
        yield store
        if store.level == "missing":
            return  # what else there is can't be tried out
        able = self.abilities()
        yield examine.sandbox(able)
        yield examine.layers(able)
        watch_program.forget_refusals(self.store.root)
        self._found = None
        yield examine.watcher(*self._programs())

    def examine_package(self, drv: Derivation) -> Finding:
        """See ``Engine``."""

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
    ) -> Realisation:
        """See ``Engine``."""
        began = time.monotonic()
        programs, unwatched = self._programs() if drv.trace else (None, None)
        job = local_job.Job(
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
            unwatched=unwatched,
        )
        fetched = fetch.fetch(job) if drv.fetch else None
        result = fetched if isinstance(fetched, protocol.Realisation) else build.build(job, fetched)
        if programs is not None and result.trace != "complete":
            result = replace(result, toolchain=self._keep_listed(drv.inputs))
        return replace(result, seconds=replace(result.seconds, total=time.monotonic() - began))

    def _programs(self) -> tuple[Programs | None, str | None]:
        """What watches a build, or why nothing can."""

        if self._found is None:
            try:
                self._found = watch_program.programs(self.store.root), None
            except CkptError as error:
                self._found = None, error.what
        return self._found

    def _place(self, drv: Derivation) -> Place:

        return build_paths.place_of(self.store, drv, self.abilities().sandbox)

    def _path(self, inputs: tuple[str, ...]) -> str:
        base = host.SYSTEM_PATH
        if self.abilities().sandbox == "none":
            base = self._environment.get("PATH", base)
        return host.search_path(inputs, base)
