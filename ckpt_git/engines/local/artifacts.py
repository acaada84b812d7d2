"""What local builds left in the store: memories to start from, and installed files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_git.engines import protocol
from ckpt_git.engines.local.sandbox import launch
from ckpt_git.engines.local.store import outputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ckpt_git.engines.local.machine import Machine
    from ckpt_git.engines.local.store.store import Store
    from ckpt_git.engines.protocol import Installed
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.model.derivation import Derivation
    from ckpt_git.model.source_diff import Manifest


class LocalArtifacts(protocol.Artifacts):
    """The entries of the store that are memories."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        missing = self._store.missing(checkpoint.id)
        return None if missing is None else f"the checkpoint is of no use: {missing}"

    def damage(self, checkpoint: Checkpoint) -> str | None:
        return self._store.damage(checkpoint.id)

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        return self._store.manifest(checkpoint.id)

    def release_pins(self) -> None:
        self._store.release_pins()

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        """Whose entries they are, and which are wanted, a sweep finds out."""

    def discard(self, checkpoint: Checkpoint) -> None:
        self._store.drop(checkpoint.id)


class LocalOutputs(protocol.Outputs):
    """Folders of the store; builds and their programs see each at the place of its package."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def installed(self, out: Path) -> Installed:
        return protocol.Installed({"": out})

    def damage(self, out: Path) -> str | None:
        return outputs.damage(out)

    def path(self, drv: Derivation, out: Path | None) -> str:  # noqa: ARG002
        return self._machine.place(drv).out

    def program(self, drv: Derivation, out: Path, command: Sequence[str]) -> list[str]:
        """Everything else of the machine is there as it is."""
        return launch.program(self._machine.abilities().sandbox, self.path(drv, out), out, command)
