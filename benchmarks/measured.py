"""The page that keeps what ``follow`` measured (docs/measured.md), made of its JSON documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from benchmarks.follow import BARE, CLEAN, EACH, FACTOR, OURS, WAYS, Change, Following
from ckpt_git.model.errors import UsageError

_SHORT = 10  # characters of a commit's id
_WIDTH = 100

_HEAD = f"""\
# Measured: real changes, one after the other

Each row is a commit of a real project, built in three ways: clean; by the project's own commands
in one tree that persists; and by `git ckpt build`, which asks the memory of the commits before. The
numbers are seconds, ours and the clean build's of the whole command, with the sandbox and all that
is kept. *ran* and *answered* are our commands, executed and answered, *compiled* the object files
among the former. *identical* says whether the verdict is the clean build's, and all that was
installed: kinds, modes, contents and link targets, but for what two clean builds make
differently, which is named. The commits are those along the first parents.

The bare build runs `configure` only where a file that it goes by has changed: the build tool
sees to that, or else a developer, for the files that are named. What fails to build is compared
in its verdict and not counted in the sums, and neither is a commit that the bare build gets
wrong. Ours may take {FACTOR:.2f} times the bare builds and {EACH} s for each commit, in sum: that
is the limit. [benchmarks/README.md](../benchmarks/README.md) says how to measure this on another
machine.
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
    def holds(self) -> bool:
        """Whether all is as asked for, the seconds in the sum of all."""
        return self.together.holds and self.together.identical is True


def read(documents: Iterable[Mapping[str, Any]]) -> Whole:
    """What ``follow`` wrote. Raises ``UsageError`` for what is none of its documents."""
    found: list[Following] = []
    for document in documents:
        if "follow" not in document:
            raise UsageError("that is no document of `benchmarks follow`", "write one with --json")
        found += map(Following.from_json, document["follow"])
    if not any(one.counted for one in found):
        raise UsageError("nothing was built in these documents")
    return Whole(tuple(found))


def page(whole: Whole) -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, summary(whole), *(_section(one) for one in whole.histories)])


def summary(whole: Whole) -> str:
    """The sums of each history, and whether all is as asked for."""
    together, changes = whole.together, whole.together.changes
    head = ("project", "built with", "commits", "identical", *WAYS, "limit")
    table = _markdown(head, [_sums(one) for one in (*whole.histories, together)])
    tools = len({one.tool for one in whole.histories})
    said = (
        f"{_identical(changes)} of {len(changes)} commits of {len(whole.histories)} histories, with"
        f" {tools} build tools, are identical to their clean builds."
        f" `git ckpt build` took {together.total(OURS):.0f} s in sum (limit: {together.limit:.0f}),"
        f" which is {together.total(OURS) / together.total(BARE):.2f} times the bare builds;"
        f" clean builds took {together.total(CLEAN) / together.total(BARE):.1f} times as long:"
        f" {'holds' if whole.holds else 'DOES NOT HOLD'}."
    )
    return "\n".join([table, "", fill(said, _WIDTH), ""])


def _sums(one: Following) -> tuple[str, ...]:
    return (
        one.project,
        one.tool,
        str(len(one.changes)),
        str(_identical(one.changes)),
        *(f"{one.total(way):.1f}" for way in WAYS),
        f"{one.limit:.1f}",
    )


def _identical(changes: Iterable[Change]) -> int:
    """How many are as their clean builds."""
    return sum(change.identical is True for change in changes)


def _section(one: Following) -> str:
    head = ("commit", *WAYS, "ran", "answered", "compiled", "identical")
    by = ", as `git ckpt init` writes it" if one.by_init else ""
    recipe = [f"By {one.tool}{by}:", "", "```toml", one.recipe.rstrip(), "```"]
    if one.again:
        changed = ", ".join(f"`{pattern}`" for pattern in one.again)
        recipe += ["", f"The bare build configures again where one of these changed: {changed}."]
    table = _markdown(head, map(_row, one.changes))
    notes = [
        f"- `{change.commit[:_SHORT]}`: {note}" for change in one.changes for note in _notes(change)
    ]
    return "\n".join(
        [f"## {one.project}", "", *recipe, "", table, "", *notes, *([""] if notes else [])]
    )


def _notes(change: Change) -> list[str]:
    found = []
    if not change.passed:
        found.append("it doesn't build")
    found += [f"{way} comes to another verdict" for way in change.wrong]
    if change.why_clean is not None:
        found.append(f"built clean: {change.why_clean}")
    if change.differences:
        found.append(f"other than in the clean build: {', '.join(change.differences)}")
    if change.unsteady:
        found.append(f"two clean builds differ in {', '.join(change.unsteady)}")
    return found


def _row(change: Change) -> tuple[str, ...]:
    same = {None: "", True: "yes", False: "NO"}
    return (
        f"`{change.commit[:_SHORT]}`",
        *(f"{change.seconds[way]:.2f}" if way in change.seconds else "" for way in WAYS),
        "" if change.ran is None else str(change.ran),
        str(change.answered),
        "" if change.compiled is None else str(change.compiled),
        same[change.identical],
    )


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
