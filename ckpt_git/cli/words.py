"""How builds and checkpoints are put into words, the same in every report."""

from __future__ import annotations

import time
from typing import Protocol

from ckpt_git.model.record import Record

_SHORT = 10
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


class _Tree(Protocol):
    """Anything that is of a tree, and maybe of a commit."""

    @property
    def tree(self) -> str: ...

    @property
    def commit(self) -> str | None: ...


def name_of_tree(of: _Tree) -> str:
    """A commit by its short id, another tree by its own."""
    return of.commit[:_SHORT] if of.commit is not None else f"tree {of.tree[:_SHORT]}"


def summary(record: Record) -> str:
    """One line about a result."""
    if record.cached:
        how = "known from an earlier build of the same sources"
    else:
        how = f"in {record.seconds.total:.2f} s, {origin(record)}"
    where = f"  {record.out}" if record.out is not None else ""
    return f"{record.package}: {record.outcome}, {how}{where}"


def origin(record: Record) -> str:
    """How a result came about, in a few words."""
    if record.checkpoint is None:
        why = f" ({record.why_clean})" if record.why_clean else ""
        return f"built clean{why}"
    changed = ", ".join(f"{number} {kind}" for kind, number in record.changes.items() if number)
    return f"from the checkpoint of {name_of_tree(record.checkpoint)} ({changed or 'no change'})"


def sign(record: Record) -> str:
    """One character for how it came about: clean, verified, or checkpointed."""
    if not record.passed:
        return "✗"
    if record.verified:
        return "="
    return "●" if record.checkpoint is None else "○"


def ago(moment: float) -> str:
    """How long ago a time (Unix seconds) was."""
    passed = max(0.0, time.time() - moment)
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if passed >= size:
            return f"{passed / size:.0f} {unit} ago"
    return f"{passed:.0f} s ago"
