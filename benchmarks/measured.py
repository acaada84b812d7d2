"""The page that keeps what ``follow`` measured (docs/measured.md), made of its JSON documents.

Beside it lie the charts that ``follow --chart measured-PROJECT.svg`` drew.

Two sums are of interest. What was built from a checkpoint shows what a checkpointed build costs;
all changes together, those included that were built clean, show what a day of work costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from benchmarks.follow import BARE, FOLLOWING, OVERHEAD, WAYS, Change, Following
from benchmarks.follow import FACTOR as FROM_CHECKPOINTS
from ckpt_git.model.errors import UsageError

ALL_CHANGES = 1.25
"""What all changes may cost, the clean builds among them: a multiple of the bare builds' sum."""
ON_CHECKPOINTS = 0.70
"""The part of the changes that is to be built from a checkpoint."""

_SHORT = 10  # characters of a commit's id
_WIDTH = 100

_HEAD = """\
# Measured: real changes, one after the other

Each row is a commit, built in five ways: clean; with ccache from an empty tree; by
`git ckpt build` from one checkpoint that stays, and from checkpoints that follow the work; and
by the project's own build in one tree that persists. The numbers are seconds. *compiled* are the
object files that following wrote; *identical* says whether what it installed is, file by file,
what the clean build installed. The commits are those along the first parents.
[benchmarks/README.md](../benchmarks/README.md) says how to measure this on another machine.
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """What several histories came to."""

    histories: tuple[Following, ...]

    @property
    def together(self) -> Following:
        """All of them as one history."""
        return Following("all", tuple(c for one in self.histories for c in one.changes))

    @property
    def all_factor(self) -> float:
        """All changes as a multiple of the bare builds, those included that were built clean."""
        built = _built(self.together)
        return _total(built, FOLLOWING) / _total(built, BARE)

    @property
    def holds(self) -> bool:
        """Whether all is as asked for."""
        together, built = self.together, _built(self.together)
        return (
            _identical(built) == len(built)
            and len(together.counted) >= ON_CHECKPOINTS * len(built)
            and self.all_factor <= ALL_CHANGES
            and together.factor <= FROM_CHECKPOINTS
            and together.overhead <= OVERHEAD
        )


def read(documents: Iterable[Mapping[str, Any]]) -> Whole:
    """What ``follow`` wrote. Raises ``UsageError`` for what is none of its documents."""
    found: list[Following] = []
    for document in documents:
        if "follow" not in document:
            raise UsageError("that is no document of `benchmarks follow`", "write one with --json")
        found += map(Following.from_json, document["follow"])
    if not any(one.counted for one in found):
        raise UsageError("no change in these documents was built from a checkpoint")
    return Whole(tuple(found))


def page(whole: Whole) -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, _summary(whole), *(_section(one) for one in whole.histories)])


def _summary(whole: Whole) -> str:
    together, changes = whole.together, _built(whole.together)
    rows = [_sums(one) for one in (*whole.histories, together)]
    built, counted = len(changes), len(together.counted)
    said = (
        f"{counted} of {built} changes were built from a checkpoint ({counted / built:.0%}; at"
        f" least {ON_CHECKPOINTS:.0%} are asked for), {_identical(changes)} of {built} are"
        f" identical to clean builds. All changes together took {whole.all_factor:.2f} times the"
        f" bare builds (asked for: {ALL_CHANGES}), those from a checkpoint {together.factor:.2f}"
        f" times (asked for: {FROM_CHECKPOINTS}), and the median of these"
        f" {together.overhead:.2f} s longer (asked for: {OVERHEAD} s):"
        f" {'holds' if whole.holds else 'DOES NOT HOLD'}."
    )
    head = ("project", "changes", "from a checkpoint", "identical", *WAYS, "following / bare")
    return "\n".join([_markdown(head, rows), "", fill(said, _WIDTH), ""])


def _sums(one: Following) -> tuple[str, ...]:
    built = _built(one)
    return (
        one.project,
        str(len(built)),
        str(len(one.counted)),
        str(_identical(built)),
        *(f"{_total(built, way):.1f}" if _timed(built, way) else "" for way in WAYS),
        f"{_total(built, FOLLOWING) / _total(built, BARE):.2f}",
    )


def _built(one: Following) -> tuple[Change, ...]:
    return tuple(change for change in one.changes if not change.fails)


def _identical(changes: Iterable[Change]) -> int:
    """How many are as their clean builds."""
    return sum(change.differences == () for change in changes)


def _timed(changes: Iterable[Change], way: str) -> bool:
    return all(way in change.seconds for change in changes)


def _total(changes: Iterable[Change], way: str) -> float:
    return sum(change.seconds[way] for change in changes)


def _section(one: Following) -> str:
    head = ("commit", *WAYS, "compiled", "identical")
    notes = [
        f"- `{change.commit[:_SHORT]}`: "
        + ("doesn't build, in any way" if change.fails else f"clean: {change.why_clean}")
        for change in one.changes
        if not change.counts
    ]
    table = _markdown(head, [_row(change) for change in one.changes])
    chart = f"![seconds of each change, on a logarithmic scale](measured-{one.project}.svg)"
    parts = [f"## {one.project}", "", chart, "", table, *(["", *notes] if notes else []), ""]
    return "\n".join(parts)


def _row(change: Change) -> tuple[str, ...]:
    same = {None: "", True: "yes", False: "NO"}
    return (
        f"`{change.commit[:_SHORT]}`",
        *(f"{change.seconds[way]:.2f}" if way in change.seconds else "" for way in WAYS),
        "" if change.compiled is None else str(change.compiled),
        same[None if change.fails or change.differences is None else not change.differences],
    )


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
