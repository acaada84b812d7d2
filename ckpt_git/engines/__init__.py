"""Engines: what realises derivations. ``ENGINES`` names each by the module that implements it."""

from __future__ import annotations

from importlib import import_module

from ckpt_git.model.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:  # what lists the toolchain begins before all of this is imported
    from collections.abc import Mapping
    from pathlib import Path

    from ckpt_git.engines.protocol import Engine

ENGINES = {"local": "ckpt_git.engines.local", "nix": "ckpt_git.engines.nix"}


def engine(name: str, store: Path, state: Path, environment: Mapping[str, str]) -> Engine:
    """The engine of that name. ``store`` is where what it makes may be kept for all repositories,
    ``state`` is the ``.git/ckpt`` of the one that it builds for.

    ``environment`` is the user's: it may force choices (``CKPT_SANDBOX``, …). Raises
    ``ConfigError`` for an engine that doesn't exist.
    """
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise ConfigError(f"no engine `{name}`", f"choose one of: {known}")
    module = import_module(ENGINES[name])
    made: Engine = module.create(store, state, environment)
    return made
