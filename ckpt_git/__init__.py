"""ckpt-git: every commit rebuilt from a checkpoint, in about the time of a bare make.

The names follow nixpkgs' checkpointBuildTools, so that who knows those knows these:
``prepare_checkpoint_build(drv)``, ``mk_checkpointed_build(drv, checkpoint)`` and
``Derivation.override_attrs``. They are imported on first use: a hook that has nothing to
build must not pay for them.
"""

from __future__ import annotations

from ckpt_git import lazy_imports

__version__ = "0.1.0"
__all__ = [
    "Derivation",
    "Source",
    "__version__",
    "mk_checkpointed_build",
    "prepare_checkpoint_build",
]

TYPE_CHECKING = False  # as type checkers know it: `typing` takes 4 ms, and what begins first waits
if TYPE_CHECKING:
    from typing import Any

    from ckpt_git.builds.api import mk_checkpointed_build, prepare_checkpoint_build
    from ckpt_git.model.derivation import Derivation, Source

lazy_imports.install()


def __getattr__(name: str) -> Any:
    if name in {"Derivation", "Source"}:
        from ckpt_git.model import derivation

        return getattr(derivation, name)
    if name in {"mk_checkpointed_build", "prepare_checkpoint_build"}:
        from ckpt_git.builds import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
