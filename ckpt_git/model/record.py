"""What is known about one (package, tree, recipe): the result of its build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

Made = Literal["clean", "remembered", "checkpointed"]
TraceKind = Literal["complete", "incomplete", "none"]
"""How much of what a build did was seen."""
Outcome = Literal["passed", "failed"]
SandboxKind = Literal["bubblewrap", "namespaces", "nix", "none"]


@dataclass(frozen=True, slots=True)
class Base:
    """The checkpoint a build started from, as reports name it."""

    commit: str | None
    tree: str
    depth: int


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A checkpoint that a build could have started from and didn't: how many ``files`` it was away
    and about how many sources that has ``compiled``, or for what ``reason`` it was of no use."""

    commit: str | None
    tree: str
    files: int | None = None
    compiled: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What a build on record was of, where its record answers for another tree or commit."""

    commit: str | None
    tree: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall-clock seconds of a build and of its parts."""

    total: float = 0.0
    diff: float = 0.0
    materialise: float = 0.0
    build: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """One build's result. ``key`` is the id of what matters of the tree (see ``ignore``).

    ``answered_by`` is set in an answer to a later question about the same key: ``tree`` and
    ``commit`` are then what was asked for.

    ``depth`` is 0 for a clean build. ``finished`` is in Unix seconds. ``error`` holds the few
    lines that show why a failed build failed, in the paths of the user's own files.
    ``reason`` says in a few words why it failed, ``missing`` names a program that wasn't there.
    ``confirmed`` is False for a failure seen from a checkpoint alone. ``verified`` is None
    until the build was compared with a clean one. ``no_base`` says why a build that passed left
    no checkpoint. ``base`` is the id of the checkpoint that it started from, ``left``
    of the one that it left, where that was noted. ``compiled`` is how many object files the build
    wrote anew: None for one that failed, or whose engine can't tell. ``trace`` says how much of the
    build was seen; ``ran`` and ``answered`` count its commands, None where they weren't seen.
    ``toolchain`` names what it read of the system, None where its recipe says it all.
    ``passed_over`` are some of the checkpoints that it didn't start from, nearest first.
    """

    package: str
    engine: str
    outcome: Outcome
    tree: str
    key: str
    recipe: str
    commit: str | None
    checkpoint: Base | None
    why_clean: str | None
    sandbox: SandboxKind
    changes: Mapping[str, int]
    out: str | None
    log: str
    seconds: Seconds
    depth: int
    finished: float
    target: str = "worktree"
    failed_phase: str | None = None
    reason: str | None = None
    missing: str | None = None
    error: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    confirmed: bool = True
    verified: bool | None = None
    no_base: str | None = None
    base: str | None = None
    left: str | None = None
    answered_by: Built | None = field(default=None, compare=False)
    compiled: int | None = None
    passed_over: tuple[PassedOver, ...] = ()
    trace: TraceKind = "none"
    ran: int | None = None
    answered: int = 0
    toolchain: str | None = None

    @property
    def cached(self) -> bool:
        """Whether nothing was built, as the record answered."""
        return self.answered_by is not None

    @property
    def output(self) -> Path:
        """Where the output lies. Raises ``TypeError`` for a build that installed nothing."""
        return Path(self.out)  # type: ignore[arg-type] # None is the TypeError

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def made(self) -> Made:
        """How it came about."""
        if self.answered:
            return "remembered"
        if self.checkpoint is not None:
            return "checkpointed"
        return "clean"

    def answered_from_record(self, *, tree: str, commit: str | None) -> Record:
        """The record as the answer to a later question about the same key."""
        return replace(self, tree=tree, commit=commit, answered_by=Built(self.commit, self.tree))

    def result(self) -> dict[str, Any]:
        """The form that ``build --json`` prints (docs/reference/json.md)."""
        return {
            "package": self.package,
            "engine": self.engine,
            "outcome": self.outcome,
            "made": self.made,
            "cached": self.cached,
            "tree": self.tree,
            "commit": self.commit,
            "answered_by": None if self.answered_by is None else asdict(self.answered_by),
            "checkpoint": None if self.checkpoint is None else asdict(self.checkpoint),
            "why_clean": self.why_clean,
            "compiled": self.compiled,
            "commands": {"ran": self.ran, "answered": self.answered},
            "trace": self.trace,
            "forced": [],  # nothing has to be: no build goes on in an old folder
            "sandbox": self.sandbox,
            "changes": dict(self.changes),
            "out": self.out,
            "log": self.log,
            "seconds": {name: round(value, 4) for name, value in asdict(self.seconds).items()},
        }

    def to_json(self) -> dict[str, Any]:
        """The form in which it is kept: that of the build itself. ``from_json`` reads it back."""
        data = asdict(self)
        del data["answered_by"]
        return {**data, **(asdict(self.answered_by) if self.answered_by is not None else {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is no record."""
        return cls(
            **{
                **data,
                "checkpoint": None if data["checkpoint"] is None else Base(**data["checkpoint"]),
                "seconds": Seconds(**data["seconds"]),
                "error": tuple(data["error"]),
                "warnings": tuple(data["warnings"]),
                "passed_over": tuple(PassedOver(**one) for one in data.get("passed_over", ())),
            }
        )
