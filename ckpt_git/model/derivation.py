"""What to build. A derivation is a frozen value; its recipe is the derivation less its source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_git.model.config.nix_recipe import NixRecipe

PHASES = ("configure", "build", "check", "install")
"""The phases of the local engine, in the order in which they run (those of nixpkgs' stdenv)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of a git tree: what becomes ``src``.

    ``tree`` is the root tree's id in ``repository``; ``folder`` is ``"."`` or a path below it.
    """

    repository: Path
    tree: str
    folder: str = "."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one build may use. ``None`` means unlimited.

    ``timeout`` is in seconds for the whole build, ``memory`` in bytes of address space for each
    process, ``processes`` a number of processes at one time.
    """

    timeout: float | None = None
    memory: int | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """One thing to build: name, source, phases, environment, inputs, limits.

    For the Nix engine ``nix`` says where the derivation is found, and there are no phases here.

    ``phases`` maps a name of ``PHASES`` to a shell command. ``fetch`` is the one command that
    has a network; what it brings is kept as long as the files that match ``locks`` are the same.
    ``inputs`` are absolute host paths that the build sees read-only beyond the system's own.
    ``trace``: the build is watched, so that later ones can be answered from what it did.
    """

    name: str
    source: Source
    phases: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    fetch: str | None = None
    locks: tuple[str, ...] = ()
    limits: Limits = Limits()
    engine: str = "local"
    nix: NixRecipe | None = None
    trace: bool = True

    def override_attrs(self, **changes: Any) -> Derivation:
        """A changed copy, as nixpkgs' ``overrideAttrs`` gives one.

        Raises ``TypeError`` for a name that a derivation doesn't have.
        """
        return replace(self, **changes)

    def recipe_parts(self) -> dict[str, str]:
        """Digests of the parts of the recipe that the value itself tells.

        An engine adds what only it knows (toolchain, kind of sandbox). They are kept apart so
        that a checkpoint that doesn't fit can say which part is another one.
        """
        return {
            "commands": digest([list(self.phases.items()), self.fetch, list(self.locks)]),
            "environment": digest(sorted(self.env.items())),
            "inputs": digest(list(self.inputs)),
            "source folder": digest(self.source.folder),
        }


def digest(value: object) -> str:
    """A short, stable digest of a JSON-able value (SHA-256, 32 hex digits)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The fingerprint of a recipe on this machine: its parts by name, and one id for all."""

    parts: Mapping[str, str]

    @property
    def id(self) -> str:
        return digest(sorted(self.parts.items()))

    def differing(self, other: Recipe) -> tuple[str, ...]:
        """The names of the parts in which the two recipes differ."""
        names = sorted({*self.parts, *other.parts})
        return tuple(name for name in names if self.parts.get(name) != other.parts.get(name))
