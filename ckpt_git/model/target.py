"""What is built: a tree, and how it was asked for. A frozen value, no IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["worktree", "index", "commit"]


@dataclass(frozen=True, slots=True)
class Target:
    """A tree to build.

    ``commit`` is the commit that has this tree: for ``worktree`` and ``index`` HEAD, where
    nothing differs from it, else None; None for a revision that names a tree.
    """

    kind: Kind
    name: str
    tree: str
    commit: str | None
