"""Decide whether a checkpoint stays or moves, by what it costs to stay. Pure.

While it stays, each build compiles again what has changed since; one that started from the tree
built before wouldn't. That is the rent. A clean checkpoint of the newest tree is the price. With
both in seconds it is the ski-rental problem (Karlin, Manasse, Rudolph and Sleator, "Competitive
snoopy caching", 1988): who moves as soon as the next rent would bring the sum above the price
never spends more than twice what the best choice in hindsight would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Drift:
    """What a checkpoint's staying has cost so far: ``seconds``, in so many ``builds``."""

    builds: int = 0
    seconds: float = 0.0

    def after(self, rent: float) -> Drift:
        """With one more build, which cost ``rent`` seconds."""
        return Drift(self.builds + 1, self.seconds + rent)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Drift:
        """Raises ``KeyError`` where ``data`` is none."""
        return cls(data["builds"], data["seconds"])


@dataclass(frozen=True, slots=True)
class CostOfStaying:
    """The numbers that it is decided by: the rents so far, the next one, and the price, in seconds.
    The price is None before the first clean build."""

    drift: Drift
    rent: float
    price: float | None

    @property
    def pays_to_move(self) -> bool:
        return self.price is not None and self.drift.seconds + self.rent > self.price

    def to_json(self) -> dict[str, Any]:
        price = None if self.price is None else round(self.price, 2)
        seconds = round(self.drift.seconds, 2)
        return {
            "builds": self.drift.builds,
            "seconds": seconds,
            "next": round(self.rent, 2),
            "price": price,
        }
