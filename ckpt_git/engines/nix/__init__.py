"""The engine for packages that are built with Nix, through the library in ``ckpt_git/nix``.

engine.py        the engine itself, behind the protocol
artifacts.py     what builds left, to start from and to use
build.py         one build: the package, and the checkpoint for the next one
evaluation.py    evaluates the recipe in the tree that is built; evaluate.nix: what it is asked
expression.py    the expressions that Nix is given
realise.py       builds what was evaluated, and hears what the builds say
saved_builds.py  roots and manifests, below .git/ckpt/nix
tools.py         Nix' commands; errors.py: what they say when they fail
examine.py       what doctor says of it
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ckpt_git.engines.nix.engine import NixEngine


def create(store: Path, state: Path, environment: Mapping[str, str]) -> NixEngine:  # noqa: ARG001
    """The engine for the repository whose ``.git/ckpt`` is ``state``. Outputs lie in Nix' store."""
    return NixEngine(state, environment)
