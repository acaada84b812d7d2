"""The engine for where there is no Nix: a sandbox, layers, and a store of its own.

engine.py     the engine itself, behind the protocol
attempt.py    one build, from an empty workspace to what it publishes
layers.py     how a build starts on what another one left
sandbox.py    what it may see and touch; system.py: of this machine
stage.py      carries a plan out, in a process of its own; run.py starts and follows it
store.py      what is kept; seal.py: how damage to it is noticed
toolchain.py  what else a result depends on; abilities.py: what this machine can, tried by probe.py
examine.py    what doctor says of it
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ckpt_git.engines.local.engine import LocalEngine


def create(store: Path, state: Path, environment: Mapping[str, str]) -> LocalEngine:  # noqa: ARG001
    """The engine with its store at ``store``."""
    # Here: toolchain.py is to be had before all that the engine imports, and lists beside that.
    from ckpt_git.engines.local.engine import LocalEngine  # noqa: PLC0415
    from ckpt_git.engines.local.store import Store  # noqa: PLC0415

    return LocalEngine(Store(store), environment)
