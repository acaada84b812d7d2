"""A checkpoint: a build's state that later builds start from, and what it takes to trust it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ckpt_git.model.derivation import Recipe


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The artifacts of a base, by the id that the engine's store gave them.

    ``tree`` is the root tree that was built, ``commit`` the base commit where there was one.
    ``depth`` counts checkpointed builds since a clean one. Times are Unix seconds,
    ``newest_mtime_ns`` nanoseconds: no file of the artifacts is newer. ``built_on`` are the ids of
    the checkpoints behind it, nearest first, back to the clean one that the first build began at;
    fewer than ``depth`` where an older version didn't note them.
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
    built_on: tuple[str, ...] = ()

    @property
    def bases(self) -> tuple[str, ...]:
        """What a build that starts from this one lies on."""
        return (self.id, *self.built_on)

    @property
    def checkpointed(self) -> tuple[str, ...]:
        """The part of ``bases`` that was itself built from a checkpoint: where a fault in its state
        may have come in."""
        return self.bases[: self.depth]

    def lies_on(self, ids: Collection[str]) -> bool:
        """Whether it is one of these checkpoints or may have been built on one."""
        return any(one in ids for one in self.bases) or len(self.built_on) < self.depth

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "recipe": dict(self.recipe.parts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Checkpoint:
        """Raises ``KeyError`` or ``TypeError`` where ``data`` is no checkpoint."""
        built_on = tuple(data.get("built_on", ()))
        return cls(**{**data, "recipe": Recipe(dict(data["recipe"])), "built_on": built_on})
