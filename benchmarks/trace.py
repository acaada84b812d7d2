"""What watching costs: clean builds of the same commit with ``trace`` on and off, taking turns.

Told in processor seconds, the watcher's own included: those depend less on what else a machine
does than seconds of the clock. The medians of the pairs are compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import corpus, ours
from benchmarks.histories import History
from ckpt_git.model.errors import CkptError

Say = Callable[[str], None]

PAIRS = 9
ALLOWED = 0.03
"""By how much watching may lengthen a clean build of C or C++: a part of its processor time."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of one project's clean builds, watched and not."""

    project: str
    on: tuple[float, ...]
    off: tuple[float, ...]

    @property
    def part(self) -> float:
        """The part of the unwatched time that watching adds: the median of the pairs."""
        return median(on / off - 1 for on, off in zip(self.on, self.off, strict=True))

    @property
    def holds(self) -> bool:
        return self.part <= ALLOWED

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "part": self.part, "holds": self.holds}

    def line(self) -> str:
        """The result for people."""
        return (
            f"{self.project}: {median(self.off):.2f} s of processor time, watched"
            f" {median(self.on):.2f} s ({self.part:+.1%}, of {ALLOWED:.0%} that it may)"
        )


def trace(history: History, work: Path, pairs: int, say: Say) -> Cost:
    """Build the history's last commit ``pairs`` times in each way, in the empty folder ``work``.
    Raises ``CkptError`` where it doesn't build."""
    subjects = {on: _subject(history, work / f"trace-{on}", on=on) for on in (True, False)}
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for on in (True, False):  # what is compiled or tried out once isn't counted
        _clean(subjects[on])
    for number in range(pairs):
        for on in (True, False) if number % 2 else (False, True):
            seconds[on].append(_clean(subjects[on]))
            word = "watched" if on else "not watched"
            say(f"{history.name}, {word}: {seconds[on][-1]:.2f} s of processor time")
    return Cost(history.name, tuple(seconds[True]), tuple(seconds[False]))


def _clean(subject: ours.Subject) -> float:
    before = os.times()
    result = ours.call(subject, "build", "HEAD", "--clean")
    after = os.times()
    if not result.passed:
        raise CkptError("a build failed", f"see {result.log}")
    spent = (after.children_user, after.children_system)
    return sum(spent) - before.children_user - before.children_system


def _subject(history: History, work: Path, *, on: bool) -> ours.Subject:
    work.mkdir(parents=True)
    subject = ours.Subject(work / "repository", work / "store")
    corpus.git(work, "clone", "--quiet", str(history.origin), str(subject.repository))
    corpus.git(subject.repository, "checkout", "--quiet", "--detach", history.commits[-1])
    ours.configure(subject, history.name, history.recipe, trace=on)
    return subject
