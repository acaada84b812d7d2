"""What tracing costs: the same builds of a real project with ``trace`` on and off, taking turns.

Clean builds, and builds of one-file commits from the checkpoint before. Told as the least of each:
what disturbs a build only adds to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import corpus, ours
from benchmarks.projects import Project
from ckpt_git.model.errors import CkptError

Say = Callable[[str], None]

CLEAN, CHECKPOINTED = "clean build", "from a checkpoint"
ALLOWED = {CLEAN: 0.05, CHECKPOINTED: 0.10}
"""By how much tracing may lengthen a build, and be on by default: a part of its time."""

_CLEAN_TURNS = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one project's builds of one kind, with tracing and without."""

    project: str
    kind: str
    on: tuple[float, ...]
    off: tuple[float, ...]

    @property
    def part(self) -> float:
        """The part of the untraced time that tracing adds."""
        return min(self.on) / min(self.off) - 1

    @property
    def holds(self) -> bool:
        return self.part <= ALLOWED[self.kind]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "part": self.part, "holds": self.holds}

    def line(self) -> str:
        """The result for people."""
        return (
            f"{self.project}, {self.kind}: {min(self.off):.2f} s, traced {min(self.on):.2f} s"
            f" ({self.part:+.1%}, of {ALLOWED[self.kind]:.0%} that it may)"
        )


def trace(project: Project, cache: Path, work: Path, changes: int, say: Say) -> tuple[Cost, Cost]:
    """Time clean builds and ``changes`` edits in the empty folder ``work``. Raises ``CkptError``
    where something doesn't build, or isn't built from the checkpoint before."""
    origin = corpus.repository(project, cache)
    subjects = {on: _subject(project, origin, work / f"trace-{on}", on=on) for on in (True, False)}
    cleanly: dict[bool, list[float]] = {True: [], False: []}
    edited: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(_CLEAN_TURNS):
        for on in _turns(turn):
            done = _passed(ours.call(subjects[on], "build", "HEAD", "--clean"))
            cleanly[on].append(done.wall)
            say(f"{project.name}, clean, {_word(on)}: {done.wall:.2f} s")
    for number in range(changes):
        for on in _turns(number):
            _edit(subjects[on].repository, project, number)
            done = _passed(ours.call(subjects[on], "build", "HEAD"))
            if done.base is None:
                raise CkptError(f"built clean: {done.why_clean}", f"see {done.log}")
            edited[on].append(done.wall)
            say(f"{project.name}, edit {number + 1}, {_word(on)}: {done.wall:.2f} s")
    return (_cost(project, CLEAN, cleanly), _cost(project, CHECKPOINTED, edited))


def _cost(project: Project, kind: str, seconds: Mapping[bool, list[float]]) -> Cost:
    return Cost(project.name, kind, tuple(seconds[True]), tuple(seconds[False]))


def _subject(project: Project, origin: Path, work: Path, *, on: bool) -> ours.Subject:
    work.mkdir(parents=True)
    subject = ours.Subject(work / "repository", work / "store")
    corpus.git(work, "clone", "--quiet", str(origin), str(subject.repository))
    ours.configure(subject, project.name, project.phases, trace=on)
    return subject


def _turns(number: int) -> tuple[bool, bool]:
    """Each turn begins with the other one."""
    return (True, False) if number % 2 else (False, True)


def _word(on: bool) -> str:
    return "traced" if on else "not traced"


def _edit(repository: Path, project: Project, number: int) -> None:
    edit = project.edit
    with (repository / edit.file).open("a") as file:
        file.write("\n" + edit.line.format(n=number) + "\n")
    corpus.git(repository, "commit", "--quiet", "--all", f"--message={edit.kind} {number}")


def _passed(result: ours.Result) -> ours.Result:
    if not result.passed:
        raise CkptError("a build failed", f"see {result.log}")
    return result
