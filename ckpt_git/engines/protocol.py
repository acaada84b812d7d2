"""What an engine is: the thing that realises derivations. One module each implements it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:  # it takes none of them to say what there is, and a start is part of every build
    from ckpt_git.model.checkpoint import Checkpoint
    from ckpt_git.model.derivation import Derivation, Recipe
    from ckpt_git.model.record import Outcome, SandboxKind, Seconds, TraceKind
    from ckpt_git.model.report.finding import Finding
    from ckpt_git.model.source_diff import Manifest, SourceDiff
    from ckpt_git.watch.memory_file import MemoryFile
    from ckpt_git.watch.session import Report


class SourceTree(Protocol):
    """The tree to build, as an engine needs it (implemented by ``ckpt_git.git``)."""

    @property
    def tree(self) -> str:
        """The root tree's id."""

    @property
    def conversions(self) -> str:
        """Digest of what git does to blobs on their way out: filters, line endings, modes."""

    def whole(self) -> SourceTree:
        """All of the tree that the folder is of."""

    def manifest(self) -> Manifest:
        """All files of the folder that is built, submodules followed."""

    def write(self, folder: Path, paths: Sequence[str] | None = None) -> None:
        """Write the files at ``paths`` (default: all) below ``folder``, as a checkout would."""

    def read(self, path: str) -> bytes | None:
        """A file's content as git holds it, or None where the tree has no such file."""


class Start(NamedTuple):
    """Where a checkpointed build starts: a checkpoint, and what changed since its base.

    ``base`` is the tree that the checkpoint was built from; its objects may be gone, and reading
    it raises ``RepositoryError`` then.
    """

    checkpoint: Checkpoint
    diff: SourceDiff
    base: SourceTree


EventKind = Literal["log", "phase", "line", "note", "failed", "error"]
"""What ``Event.text`` is: the path of the log that is begun, the phase that is entered, a line that
the build printed, a remark for people; of a failure that a clean build has yet to confirm, what
failed, and a line of its error."""


class Event(NamedTuple):
    """Something that happened to a running build."""

    kind: EventKind
    text: str


Listener = Callable[[Event], None]
Announce = Callable[[str, Event], None]
"""Told what happens to the builds of several packages: the package's name, and an event."""


@dataclass(frozen=True, slots=True)
class Realisation:
    """What came of realising one derivation.

    ``artifacts`` is what a later build may start from: None for a failed build and where the
    result cannot serve as a base, ``no_base`` then says why. ``distrust`` says that the
    checkpoint turned out to be damaged, ``needs_clean`` why a build from it could be stale: in both
    cases the outcome must not be used. ``reason`` says why a build failed,
    ``missing`` names the program that it looked for
    in vain. ``compiled`` is how many object files the build wrote anew, None where the engine
    can't tell. ``trace`` says how much was seen of it; ``ran`` and ``answered`` count its
    commands, ``answered_by`` is the id of the checkpoint that most answers came from.
    ``toolchain`` names what it read of the system: see ``Observations.changed_toolchain``.
    """

    outcome: Outcome
    sandbox: SandboxKind
    out: Path | None
    seconds: Seconds
    artifacts: Checkpoint | None = None
    failed_phase: str | None = None
    reason: str | None = None
    missing: str | None = None
    timed_out: bool = False
    no_base: str | None = None
    distrust: str | None = None
    needs_clean: str | None = None
    warnings: tuple[str, ...] = ()
    compiled: int | None = None
    trace: TraceKind = "none"
    ran: int | None = None
    answered: int = 0
    answered_by: str | None = None
    toolchain: str | None = None


class Installed(NamedTuple):
    """What a build installed: folders by the output's name, ``""`` for the one that ``path`` names.

    ``own`` are the outputs' paths as their files have them, where another build's are others.
    """

    folders: Mapping[str, Path]
    own: tuple[str, ...] = ()


class Artifacts(Protocol):
    """What an engine keeps of checkpoints, for builds to start from."""

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        """Why this checkpoint can't be started from, or None. Cheap: no walk of its files."""

    def damage(self, checkpoint: Checkpoint) -> str | None:
        """What of the checkpoint's artifacts isn't as it was published. Reads every inode."""

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        """The manifest of the tree the checkpoint was built from. Raises ``StoreError`` where it
        can't be read."""

    def release_pins(self) -> None:
        """All results are on record: unpin what was published, it may be evicted now."""

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        """Let go of all artifacts of ``package`` that none of ``kept`` needs, at once or when room
        is needed."""

    def discard(self, checkpoint: Checkpoint) -> None:
        """Remove the artifacts of a checkpoint that is not to be trusted."""


class Outputs(Protocol):
    """What builds installed. ``out`` is where that lies."""

    def installed(self, out: Path) -> Installed:
        """All that the build of ``out`` installed."""

    def damage(self, out: Path) -> str | None:
        """What of a published output is no longer as it was, or None."""

    def path(self, drv: Derivation, out: Path | None) -> str | None:
        """``$out`` of the package, as its build and its programs see it. None where that can't be
        known before it is built."""

    def program(self, drv: Derivation, out: Path, command: Sequence[str]) -> list[str]:
        """The command line that runs ``command`` with ``out`` lying at ``path``."""


class Observations(Protocol):
    """What was seen of builds that were watched."""

    def trace(self, checkpoint: Checkpoint) -> MemoryFile | None:
        """What was seen of the build that made the checkpoint; None where nothing was."""

    def report(self, checkpoint: Checkpoint) -> Report | None:
        """Which commands that build ran, and why; None where that isn't known."""

    def changed_toolchain(self, toolchain: str) -> str | None:
        """What of the system is another thing than what a build read of it, if something is.
        ``toolchain`` is the name that its record has for that."""


class Diagnosis(Protocol):
    """What an engine needs, and whether it is there: for ``doctor``."""

    def examine(self) -> Iterable[Finding]:
        """What it needs of this machine. Raises ``CkptError`` where that can't be found out."""

    def examine_package(self, drv: Derivation) -> Finding:
        """Whether there is what a build of ``drv`` asks for before it has begun."""


class Engine(Protocol):
    """Realises derivations: from nothing, or from a checkpoint."""

    name: str

    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def outputs(self) -> Outputs: ...
    @property
    def observations(self) -> Observations | None:
        """None where no build is ever watched: then its recipe says all that it depends on."""

    @property
    def diagnosis(self) -> Diagnosis: ...

    def recipe(self, drv: Derivation, source: SourceTree, *, to_build: bool = False) -> Recipe:
        """The recipe's fingerprint on this machine, toolchain and kind of sandbox included.

        ``to_build``: a build follows, as far as can be known, and what it takes may begin.
        """

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        """Whether a build by ``recipe`` may start from ``checkpoint``."""

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:
        """What about ``part`` of the recipe is another one, for people to read."""

    def is_sandboxed(self, drv: Derivation) -> bool:
        """Whether builds of ``drv`` are shut in on this machine."""

    def source_path(self, drv: Derivation) -> str:
        """Where the sources lie for the build: what its messages name."""

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


def changed_toolchain(engine: Engine, toolchain: str | None) -> str | None:
    """What of the system is another thing than what a build by ``engine`` read of it, if something
    is. ``toolchain`` is what its record names; None: its recipe says it all."""
    seen = engine.observations
    return None if seen is None or toolchain is None else seen.changed_toolchain(toolchain)
