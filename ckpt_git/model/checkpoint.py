"""A checkpoint: a build's state that later builds start from, and what it takes to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ckpt_git.model.derivation import Recipe


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The artifacts of a base, by the id that the engine's store gave them.

    ``tree`` is the root tree that was built, ``commit`` the base commit where there was one.
    ``depth`` counts checkpointed builds since a clean one. Times are Unix seconds,
    ``newest_mtime_ns`` nanoseconds: no file of the artifacts is newer.
    """

    id: str
    package: str
    engine: str
    tree: str
    commit: str | None
    folder: str
    recipe: Recipe
    depth: int
    newest_mtime_ns: int
    created: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "recipe": dict(self.recipe.parts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Checkpoint:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is no checkpoint."""
        return cls(**{**data, "recipe": Recipe(dict(data["recipe"]))})
