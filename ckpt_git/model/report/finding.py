"""What ``doctor`` found out about one thing that builds need."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["fine", "note", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``advice`` says what to do where it isn't fine."""

    subject: str
    level: Level
    text: str
    advice: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The form that ``doctor --json`` prints."""
        return asdict(self)
