"""What the watcher saw in earlier builds: their commands, and the system files that they read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ckpt_git.engines.local.store import entries, toolchains
from ckpt_git.engines.protocol import Observations
from ckpt_git.model.errors import StoreError
from ckpt_git.watch import memory_file, session

if TYPE_CHECKING:
    from ckpt_git.engines.local.machine import Machine
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.watch.memory_file import MemoryFile
    from ckpt_git.watch.session import Report


class LocalObservations(Observations):
    """Memories and reports in the store, and the toolchains that builds read."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._store = machine.store
        self._checked: dict[str, str | None] = {}

    def trace(self, checkpoint: Checkpoint) -> MemoryFile | None:
        with suppress(OSError, ValueError):
            return memory_file.MemoryFile.read(self._store.file(checkpoint.id, entries.MEMORY))
        return None

    def report(self, checkpoint: Checkpoint) -> Report | None:
        with suppress(StoreError):
            return session.read_report(self._store.file(checkpoint.id, entries.REPORT))
        return None

    def changed_toolchain(self, toolchain: str) -> str | None:
        if toolchain not in self._checked:
            self._checked[toolchain] = self._changed(toolchain)
        return self._checked[toolchain]

    def _changed(self, toolchain: str) -> str | None:
        programs, _ = self._machine.programs()
        if toolchains.is_list(toolchain):
            with suppress(OSError, ValueError):
                listed = self._machine.listed(toolchains.inputs_of_list(self._store, toolchain))
                is_same = toolchain == toolchains.name_of_list(listed)
                return None if is_same else "a program or library changed"
        elif programs is not None and (seen := toolchains.find(self._store, toolchain)) is not None:
            with suppress(StoreError):
                changed = session.changed_since(programs, seen, self._store.objects)
                return None if changed is None else f"{changed} changed"
        return "what it was built with isn't known any more"

    def keep_listed(self, inputs: tuple[str, ...]) -> str:
        """For a build that was to be watched and of which not all was seen."""
        return toolchains.keep_list(self._store, self._machine.listed(inputs), inputs)
