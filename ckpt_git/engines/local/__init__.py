"""The engine for packages that are built with commands: a sandbox, a watcher, a store of its own.

engine.py        the engine itself, behind the protocol; machine.py: what this machine gives it
build.py         one build, from an empty folder, in which known commands are answered from memory
artifacts.py     what builds left, to start from and to use
observations.py  what was seen of them, and whether the toolchain that they used is still the same
job.py           what is to be built, and how its phases run
fetch.py         the one command with a network
host.py          what a build sees of this machine; examine.py: what doctor says of it
listing.py       what there is of the toolchain, for builds that aren't watched
sandbox/         what a build may see and touch, and the process that shuts it in
workspace/       what a build finds when it begins
store/           what is kept, how damage to it is noticed, and what goes when room is short

The watcher and its memories are ``ckpt_git.watch``.
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

    return engine.LocalEngine(local_store.Store(store), environment)
