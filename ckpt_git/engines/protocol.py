"""The protocol of an engine, which realises derivations. A folder for each engine implements it."""

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
        """Digest of the conversions that git makes on checkout: filters, line endings, modes."""

    def whole(self) -> SourceTree:
        """All of the tree that the folder is of."""

    def manifest(self) -> Manifest:
        """All files of the folder that is built, submodules followed."""

    def write(self, folder: Path, paths: Sequence[str] | None = None) -> None:
        """Write the files at ``paths`` (default: all) below ``folder``, as a checkout would."""

    def read(self, path: str) -> bytes | None:
        """A file's content as git holds it, or None where the tree has no such file."""


class Start(NamedTuple):
    """Where a checkpointed build starts: a checkpoint, and the changes since its base.

    ``base`` is the tree that the checkpoint was built from. If git no longer has its objects,
    reading it raises ``RepositoryError``.
    """

    checkpoint: Checkpoint
    diff: SourceDiff
    base: SourceTree


EventKind = Literal["log", "phase", "line", "note", "failed", "error"]
"""What ``Event.text`` is: the path of a new log, the phase that begins, a line that the build
printed, a remark for people. ``failed`` and ``error`` are of a failure that a clean build has yet
to confirm: what failed, and a line of the log."""


class Event(NamedTuple):
    """Something that happened to a running build."""

    kind: EventKind
    text: str


Listener = Callable[[Event], None]
Announce = Callable[[str, Event], None]
"""Called with each event of the builds of several packages, and the package's name."""


@dataclass(frozen=True, slots=True)
class Realisation:
    """The result of one derivation.

    ``artifacts`` is the checkpoint for later builds. It is None for a failed build, and where
    ``no_base`` says why there is none. ``distrust`` says that the checkpoint it started from was
    damaged, ``needs_clean`` why a build from it could be stale: in both cases the caller must not
    use the outcome. ``reason`` says why a build failed, ``missing`` names a program that it didn't
    find. ``compiled`` counts the object files that it wrote; None if the engine doesn't know.
    ``trace`` says how much of it was observed. ``ran`` and ``answered`` count its commands,
    ``answered_by`` is the id of the checkpoint that gave most answers. ``toolchain`` names the
    system files that it read: see ``Observations.changed_toolchain``.
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

    ``own`` are the paths by which the files name their own outputs, if those differ between builds.
    """

    folders: Mapping[str, Path]
    own: tuple[str, ...] = ()


class Artifacts(Protocol):
    """What an engine keeps of checkpoints, for builds to start from."""

    def unusable(self, checkpoint: Checkpoint) -> str | None:
        """Why a build can't start from this checkpoint, or None. Cheap: it walks no files."""

    def damage(self, checkpoint: Checkpoint) -> str | None:
        """What of the checkpoint's artifacts differs from what was published. Reads every inode."""

    def base_manifest(self, checkpoint: Checkpoint) -> Manifest:
        """The manifest of the tree the checkpoint was built from. Raises ``StoreError`` where it
        can't be read."""

    def release_pins(self) -> None:
        """All results are recorded: from now on published artifacts may be evicted."""

    def keep_only(self, package: str, kept: Sequence[Checkpoint]) -> None:
        """Release all artifacts of ``package`` that none of ``kept`` needs. The engine removes them
        now, or when it needs room."""

    def discard(self, checkpoint: Checkpoint) -> None:
        """Remove the artifacts of a checkpoint that is not to be trusted."""


class Outputs(Protocol):
    """Installed outputs. ``out`` is the folder of one."""

    def installed(self, out: Path) -> Installed:
        """All that the build of ``out`` installed."""

    def damage(self, out: Path) -> str | None:
        """What of a published output has changed, or None."""

    def path(self, drv: Derivation, out: Path | None) -> str | None:
        """``$out`` of the package, as its build and its programs see it. None if only a build can
        tell."""

    def program(self, drv: Derivation, out: Path, command: Sequence[str]) -> list[str]:
        """The command line that runs ``command`` with ``out`` lying at ``path``."""


class Observations(Protocol):
    """What the watcher observed of builds."""

    def trace(self, checkpoint: Checkpoint) -> MemoryFile | None:
        """The memory of the build that made the checkpoint; None if it wasn't watched."""

    def report(self, checkpoint: Checkpoint) -> Report | None:
        """Which commands that build executed, and why; None if that isn't known."""

    def changed_toolchain(self, toolchain: str) -> str | None:
        """Which system file that a build read has changed since; None if none has. ``toolchain`` is
        what the build's record names."""


class Diagnosis(Protocol):
    """What an engine needs, and whether it is there: for ``doctor``."""

    def examine(self) -> Iterable[Finding]:
        """What the engine needs of this machine. Raises ``CkptError`` if it can't find out."""

    def examine_package(self, drv: Derivation) -> Finding:
        """Whether all is there that a build of ``drv`` needs before it begins."""


class Engine(Protocol):
    """Realises derivations: from nothing, or from a checkpoint."""

    name: str

    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def outputs(self) -> Outputs: ...
    @property
    def observations(self) -> Observations | None:
        """None if the engine watches no build: then the recipe names all that a build depends
        on."""

    @property
    def diagnosis(self) -> Diagnosis: ...

    def recipe(self, drv: Derivation, source: SourceTree, *, to_build: bool = False) -> Recipe:
        """The recipe's fingerprint on this machine, toolchain and kind of sandbox included.

        ``to_build``: a build is likely to follow, and the engine may prepare it.
        """

    def fits(self, checkpoint: Checkpoint, recipe: Recipe) -> bool:
        """Whether a build by ``recipe`` may start from ``checkpoint``."""

    def explain(self, part: str, old: Recipe, new: Recipe) -> str:
        """How ``part`` of the recipe differs, for people to read."""

    def is_sandboxed(self, drv: Derivation) -> bool:
        """Whether this machine builds ``drv`` in a sandbox."""

    def source_path(self, drv: Derivation) -> str:
        """The path of the sources inside the build, as its messages name it."""

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
    """Which system file that a build by ``engine`` read has changed since; None if none has.
    ``toolchain`` is what its record names; None if its recipe says it all."""
    seen = engine.observations
    return None if seen is None or toolchain is None else seen.changed_toolchain(toolchain)
