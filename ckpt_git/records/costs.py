"""What builds have cost: what a change compiled anew, and what a checkpoint cost that stayed.

Small files below ``.git/ckpt``: ``weights`` and ``drift``, one for each package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckpt_git.model import follow_policy
from ckpt_git.model.change_weight import Weights
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.records.files import publish_json
from ckpt_git.records.state import State

if TYPE_CHECKING:
    from ckpt_git.model.follow_policy import Drift


def weights(state: State, package: str) -> Weights:
    """What earlier changes to ``package`` compiled anew."""
    known = state.read(_weights_file(state, package), Weights.from_json)
    return Weights() if known is None else known


def keep_weights(state: State, package: str, weights: Weights) -> None:
    """Keep what a clean build has taught. Raises ``StoreError``."""
    publish_json(_weights_file(state, package), weights.to_json())


def _weights_file(state: State, package: str) -> Path:
    return state.path / "weights" / f"{package}.json"


def drift(state: State, checkpoint: Checkpoint) -> Drift:
    """What it has cost that ``checkpoint`` stays in force; nothing where it was just put."""

    def read(data: Mapping[str, Any]) -> Drift:
        is_about_it = data["checkpoint"] == checkpoint.id
        return follow_policy.Drift.from_json(data) if is_about_it else follow_policy.Drift()

    found = state.read(_drift_file(state, checkpoint.package), read)
    return found or follow_policy.Drift()


def keep_drift(state: State, checkpoint: Checkpoint, drift: Drift) -> None:
    """Keep that. Raises ``StoreError``."""
    data = {"checkpoint": checkpoint.id, **drift.to_json()}
    publish_json(_drift_file(state, checkpoint.package), data)


def _drift_file(state: State, package: str) -> Path:
    return state.path / "drift" / f"{package}.json"
