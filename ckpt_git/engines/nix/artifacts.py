"""What builds left in Nix' store: checkpoints to start from, and what was installed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ckpt_git.engines.nix.saved_builds import Kept, Meta
from ckpt_git.engines.protocol import Artifacts, Installed, Outputs
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.source_diff import Manifest


class NixArtifacts(Artifacts):
    """The checkpoints that we hold roots of."""

    def __init__(self, kept: Kept, variables: Mapping[str, str]) -> None:
        self._kept = kept
        self._variables = variables

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        meta = self._meta(checkpoint)
        if meta is None or meta.checkpoint is None:
            return "the checkpoint is gone"
        if not meta.nix(self._variables).is_valid(meta.checkpoint):
            return f"the checkpoint is damaged: {meta.checkpoint} is no longer in Nix' store"
        if checkpoint.newest_mtime_ns > time.time_ns():
            return "the checkpoint holds files that are dated in the future"
        return None

    def damage(self, checkpoint: Checkpoint) -> str | None:
        """Nix compares the checksum of all of it."""
        problem = self.unusable(checkpoint)
        meta = self._meta(checkpoint)
        if problem is not None or meta is None or meta.checkpoint is None:
            return problem
        nix = meta.nix(self._variables)
        done = nix.call("nix-store", "--verify-path", meta.checkpoint, ok=None)
        return None if done.returncode == 0 else f"{meta.checkpoint} was modified"

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        return self._kept.manifest(checkpoint.package, checkpoint.id)

    def release_pins(self) -> None:
        """What is young is kept anyway."""

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        for meta in self._kept.keep_only(package, [checkpoint.id for checkpoint in kept]):
            self._forget_use(meta)

    def discard(self, checkpoint: Checkpoint) -> None:
        """Nix would else give the same one again, as its derivation is the same."""
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

    def _meta(self, checkpoint: Checkpoint) -> Meta | None:
        return self._kept.meta(checkpoint.package, checkpoint.id)


class NixOutputs(Outputs):
    """Paths of Nix' store, each where its programs look for it."""

    def __init__(self, kept: Kept, variables: Mapping[str, str]) -> None:
        self._kept = kept
        self._variables = variables

    def installed(self, out: Path) -> Installed:
        meta = self._kept.with_output(out)
        if meta is None:
            return Installed({"": out}, ())
        nix = meta.nix(self._variables)
        folders = {
            "" if name == meta.main else name: nix.physical(path)
            for name, path in meta.outputs.items()
        }
        return Installed(folders, tuple(meta.outputs[name] for name in sorted(meta.outputs)))

    def damage(self, out: Path) -> str | None:
        meta = self._kept.with_output(out)
        if meta is None:
            return f"{out} is no longer kept"
        nix = meta.nix(self._variables)
        gone = [path for path in meta.outputs.values() if not nix.is_valid(path)]
        return f"{gone[0]} is no longer in Nix' store" if gone else None

    def path(self, drv: Derivation, out: Path | None) -> str | None:  # noqa: ARG002
        """Each build has its own."""
        return None if out is None else str(out)

    def program(
        self,
        drv: Derivation,  # noqa: ARG002
        out: Path,  # noqa: ARG002 - it lies where it belongs
        command: Sequence[str],
    ) -> list[str]:
        return list(command)
