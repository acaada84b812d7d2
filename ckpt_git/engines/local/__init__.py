"""The engine for where there is no Nix: a sandbox, layers, and a store of its own.

engine.py    the engine itself, behind the protocol
build.py     one build, from an empty workspace to what it publishes; phases.py: how its phases run
job.py       what is to be built, and what builds, fetches and dry runs share
fetch.py     the one command with a network; publish.py: how a build that passed is kept
host.py      what a build sees of this machine; examine.py: what doctor says of it
sandbox/     what a build may see and touch, and the process that shuts it in
workspace/   how a build starts on what another one left, and what it did there
store/       what is kept, how damage to it is noticed, and what goes when room is short
toolchain/   what else a result depends on: compilers, and a cache before them
freshness/   what build tools would take for up to date, and what is done about it
trace/       what a build reads and writes, seen while it runs
"""

from __future__ import annotations

from ckpt_git.engines.local import engine
from ckpt_git.engines.local.store import store as local_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ckpt_git.engines.local.engine import LocalEngine


def create(store: Path, state: Path, environment: Mapping[str, str]) -> LocalEngine:  # noqa: ARG001
    """The engine with its store at ``store``."""
    # Here: toolchain/ is to be had before all that the engine imports, and lists beside that.

    return engine.LocalEngine(local_store.Store(store), environment)
