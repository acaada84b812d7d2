"""How builds and checkpoints are put into words, the same in every report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from ckpt_git.model.record import Record

if TYPE_CHECKING:
    from ckpt_git.model.follow_policy import CostOfStaying

_SHORT = 10
_THOUSAND = 1000
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))


class _Tree(Protocol):
    """Anything that is of a tree, and maybe of a commit."""

    @property
    def tree(self) -> str: ...

    @property
    def commit(self) -> str | None: ...


def name_of_tree(of: _Tree) -> str:
    """A commit by its short id, another tree by its own."""
    return of.commit[:_SHORT] if of.commit is not None else f"tree {of.tree[:_SHORT]}"


def count(number: int, thing: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def changed(changes: Mapping[str, int]) -> str:
    """What a diff holds: ``2 files modified, 1 deleted``."""
    parts = [(kind, number) for kind, number in changes.items() if number]
    if not parts:
        return "nothing changed"
    (first, number), *rest = parts
    return ", ".join([f"{count(number, 'file')} {first}", *(f"{n} {kind}" for kind, n in rest)])


def summary(record: Record) -> str:
    """One line about a result."""
    where = f"  {record.out}" if record.out is not None else ""
    if not record.cached:
        how = f"in {record.seconds.total:.2f} s, {origin(record)}"
    else:
        how = f"known from its build {ago(record.finished)}"
        how += "" if record.passed else " (--rebuild tries again)"
    return f"{record.package}: {record.outcome}, {how}{where}"


def origin(record: Record) -> str:
    """How a result came about, in a few words."""
    if record.checkpoint is None:
        how = "built clean"
        return f"{how}: {record.why_clean}" if record.why_clean else how
    return f"from the checkpoint of {name_of_tree(record.checkpoint)}, {changed(record.changes)}"


def sign(record: Record) -> str:
    """One character for how it came about: verified, clean, or from a checkpoint."""
    if not record.passed:
        return "✗"
    if record.verified:
        return "="
    return {"clean": "●", "remembered": "○", "checkpointed": "○"}[record.made]


def cost_of_staying(staying: CostOfStaying) -> str:
    """What it has cost so far that a checkpoint did not move, and the limit of that cost."""
    drift = staying.drift
    builds = count(drift.builds, "build")
    spent = f"rework since the checkpoint: {drift.seconds:.1f} s in {builds}"
    return spent if staying.price is None else f"{spent}, a clean build takes {staying.price:.1f} s"


def since(moment: float) -> str:
    """The time that has passed since a time (Unix seconds)."""
    passed = max(0.0, time.time() - moment)
    size, unit = next(((s, u) for s, u in _UNITS if passed >= s), (1.0, "s"))
    return f"{passed / size:.0f} {unit}"


def ago(moment: float) -> str:
    """How long ago a time (Unix seconds) was."""
    return f"{since(moment)} ago"


class _Distance(Protocol):
    """How far a tree is from a checkpoint: ``builds.choose.Distance``."""

    @property
    def compiled(self) -> float: ...

    @property
    def files(self) -> int: ...


def how_far(distance: _Distance | None, seconds: float | None = None) -> str:
    """A distance in words: how many files are changed, and what that has compiled anew, in so many
    ``seconds`` where that is known."""
    if distance is None:
        return "its commit is no longer in the repository"
    return f"{count(distance.files, 'file')} away{to_compile(distance, seconds)}"


def to_compile(distance: _Distance | None, seconds: float | None = None) -> str:
    """About how many sources a build compiles, behind what else there is to say."""
    if distance is None:
        return ""
    about = round(distance.compiled)
    if not about:
        return ", nothing to compile"
    takes = "" if seconds is None else f", about {seconds:.1f} s"
    return f", about {count(about, 'file')} to compile{takes}"


def amount(number: int) -> str:
    """Bytes, as people say them: ``340 MB``."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < _THOUSAND:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TB"


def waits_for(series: str) -> str:
    """The line for a process that waits for the end of git's ``series`` (``cherry-pick``, …)."""
    return f"waiting for the {series} to end, to build its result (git ckpt cancel)"
