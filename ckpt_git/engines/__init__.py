"""Engines: what realises derivations. ``ENGINES`` names each by the module that implements it."""

from __future__ import annotations

from importlib import import_module

from ckpt_git.engines.protocol import Engine
from ckpt_git.model.errors import ConfigError

ENGINES = {"local": "ckpt_git.engines.local"}


def engine(name: str) -> Engine:
    """The engine of that name. Raises ``ConfigError`` for one that doesn't exist."""
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise ConfigError(f"no engine `{name}`", f"choose one of: {known}")
    module = import_module(ENGINES[name])
    made: Engine = module.create()
    return made
