"""What an engine is: the thing that realises derivations. One module each implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.record import Outcome, SandboxKind, Seconds
from ckpt_git.model.source_diff import Manifest, SourceDiff


class SourceTree(Protocol):
    """The tree to build, as an engine needs it (implemented by ``ckpt_git.git``)."""

    @property
    def tree(self) -> str:
        """The root tree's id."""

    @property
    def conversions(self) -> str:
        """Digest of what git does to blobs on their way out: filters, line endings, modes."""

    def manifest(self) -> Manifest:
        """All files of the folder that is built, submodules followed."""

    def write(self, folder: Path, paths: Sequence[str] | None = None) -> None:
        """Write the files at ``paths`` (default: all) below ``folder``, as a checkout would."""

    def read(self, path: str) -> bytes | None:
        """A file's content as git holds it, or None where the tree has no such file."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a checkpointed build starts: a checkpoint, and what changed since its base."""

    checkpoint: Checkpoint
    diff: SourceDiff


@dataclass(frozen=True, slots=True)
class Event:
    """Something a running build did: entered a ``phase``, or printed a ``line``."""

    kind: str
    text: str


Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Realisation:
    """What came of realising one derivation.

    ``artifacts`` is what a later build may start from: None for a failed build and where the
    result cannot serve as a base, ``no_base`` then says why. ``distrust`` says that the
    checkpoint turned out to be damaged: the outcome must not be used.
    """

    outcome: Outcome
    sandbox: SandboxKind
    out: Path | None
    seconds: Seconds
    artifacts: Checkpoint | None = None
    failed_phase: str | None = None
    reason: str | None = None
    no_base: str | None = None
    distrust: str | None = None
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """Realises derivations: from nothing, or from a checkpoint."""

    name: str

    def recipe(self, drv: Derivation, source: SourceTree) -> Recipe:
        """The recipe's fingerprint on this machine, toolchain and kind of sandbox included."""

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        """Why this checkpoint can't be started from, or None. Cheap: no walk of its files."""

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:
        """What about ``part`` of the recipe is another one, for people to read."""

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        """The manifest of the tree the checkpoint was built from."""

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
        """Build ``drv``. Raises ``MissingError`` or ``StoreError`` where no build could run."""
