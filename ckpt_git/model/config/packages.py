"""What ``ckpt.toml`` says: packages and switches, as frozen values. Pure.

``ckpt_toml`` reads them from the file's text; what is here can be relied on.
docs/reference/configuration.md has the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ckpt_git.model.config.push_policy import PushPolicy
from ckpt_git.model.derivation import Derivation, Limits, Source
from ckpt_git.model.errors import ConfigError

if TYPE_CHECKING:
    from ckpt_git.model.config.nix_recipe import NixRecipe

OnCommit = Literal["worktree", "commit"]
Follow = Literal["builds", "auto", "manual"]
Verify = Literal["never", "idle"]

MAX_DEPTH = 32

DEFAULT_LOCKS = (
    *("Cargo.lock", "rust-toolchain", "rust-toolchain.toml"),
    *("go.mod", "go.sum", "go.work", "go.work.sum"),
    *("package-lock.json", "npm-shrinkwrap.json", ".npmrc"),
    *("yarn.lock", ".yarnrc", ".yarnrc.yml"),
    *("pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock", "bun.lockb", "deno.lock"),
    *("requirements*.txt", "constraints*.txt", "Pipfile.lock"),
    *("poetry.lock", "uv.lock", "pdm.lock", "pylock.toml"),
    *("subprojects/*.wrap", "conan.lock", "vcpkg.json", "vcpkg-configuration.json"),
    *("Gemfile.lock", "composer.lock", "mix.lock", "rebar.lock", "pubspec.lock"),
    *("gradle.lockfile", "packages.lock.json", "Package.resolved", "stack.yaml.lock"),
    *("cabal.project.freeze", "flake.lock"),
)
"""Globs of the files that pin what a ``fetch`` brings, for the package managers we know of."""


@dataclass(frozen=True, slots=True)
class Package:
    """One thing that is built, as a table ``[package.NAME]`` has it.

    ``phases`` holds those of ``PHASES`` that are given, in their order. ``inputs`` stand as
    written, ``source`` is normalised (``"."`` or a path without ``.`` and ``..``). ``ignore``
    and ``locks`` are patterns for ``source_diff.matcher``. ``nix`` is None for the local engine.
    ``follow`` says what moves its checkpoint: each build, what its staying costs, or only who asks
    for it. ``trace``: its builds are watched. ``verify`` says whether builds in the background
    are compared with clean ones while nothing else is done. Once ``max_depth`` checkpointed builds
    lie between a build and the last clean one, a clean checkpoint is made of it.
    """

    name: str
    engine: str
    phases: Mapping[str, str]
    fetch: str | None = None
    locks: tuple[str, ...] = DEFAULT_LOCKS
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    source: str = "."
    ignore: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    nix: NixRecipe | None = None
    follow: Follow = "builds"
    trace: bool = True
    verify: Verify = "never"
    max_depth: int = MAX_DEPTH

    def derivation(self, source: Source, *, home: Path) -> Derivation:
        """What to build of ``source``, with each ``~`` as the folder ``home``.

        In ``env`` a ``~`` is expanded as a shell does in an assignment: at the start of a value
        and after a colon, where a slash or the end follows (POSIX.1 XCU 2.6.1).
        """
        return Derivation(
            name=self.name,
            source=source,
            phases=self.phases,
            env={name: _expand(value, home) for name, value in self.env.items()},
            inputs=tuple(_expand_path(path, home) for path in self.inputs),
            fetch=self.fetch,
            locks=self.locks,
            limits=self.limits,
            engine="local" if self.engine == "auto" else self.engine,
            nix=self.nix,
            trace=self.trace,
        )


@dataclass(frozen=True, slots=True)
class Config:
    """All of ``ckpt.toml``: the packages by name, in the order of the file, and the switches.

    ``store_limit`` is in bytes.
    """

    packages: Mapping[str, Package]
    on_commit: OnCommit = "worktree"
    notes: bool = False
    push: PushPolicy = field(default_factory=PushPolicy)
    store_limit: int | None = None

    def select(self, names: Sequence[str]) -> tuple[Package, ...]:
        """The packages of these names, each once and in the order of the file; all for none.

        Raises ``ConfigError`` for a name that the file doesn't have.
        """
        for name in names:
            if name not in self.packages:
                known = ", ".join(self.packages)
                raise ConfigError(f"no package `{name}` in ckpt.toml", f"it has: {known}")
        return tuple(p for p in self.packages.values() if not names or p.name in names)


def _expand(value: str, home: Path) -> str:
    return ":".join(_expand_path(part, home) for part in value.split(":"))


def _expand_path(path: str, home: Path) -> str:
    return f"{home}{path[1:]}" if path == "~" or path.startswith("~/") else path
