"""Why the newest build executed commands, and which input kept each from being answered."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ckpt_git.builds.context import Context
from ckpt_git.engines.protocol import Engine
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.record import Base, Record
from ckpt_git.model.source_diff import SourceDiff
from ckpt_git.records import checkpoints, results
from ckpt_git.watch.concern import Place, is_phase, is_tool, shown_command
from ckpt_git.watch.session import Report, Step


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was executed. ``missed_by`` is what kept it from being answered, None where
    nothing was asked: an input that the build's commit ``changed``, or that the build itself had
    ``remade``. ``not_remembered`` says why the next build can't answer it either."""

    command: str
    folder: str
    missed_by: str | None
    changed: bool
    remade: bool
    not_remembered: str | None
    seconds: float
    made: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastBuild:
    """What is known of a package's newest build. ``build`` is what it was of and ``since`` what it
    started from, None where there was neither; ``ran`` is None where nobody watched it."""

    package: str
    build: Base | None
    since: Base | None = None
    answered: int = 0
    ran: tuple[Ran, ...] | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The form that ``why --last --json`` prints."""
        return asdict(self)


def last_build(context: Context, names: Sequence[str]) -> list[LastBuild]:
    """Tell it for each selected package. Raises what reading the configuration raises."""
    tree = context.current().tree
    return [_of_package(context, package, tree) for package in context.config(tree).select(names)]


def _of_package(context: Context, package: Package, tree: str) -> LastBuild:
    record = next(iter(results.history(context.state, package.name, 1)), None)
    if record is None:
        return LastBuild(package.name, None, notes=("nothing was built yet",))
    answer = LastBuild(
        package.name, Base(record.commit, record.tree, record.depth), record.checkpoint
    )
    drv = context.derivation(package, tree)
    engine = context.engine(drv.engine)
    report = _report(context, engine, record)
    if report is None:
        why = "what it ran is not known: "
        why += "it failed" if not record.passed else "it wasn't watched, or its checkpoint is gone"
        return replace(answer, notes=(why,))
    place = Place(engine.source_path(drv), engine.outputs.path(drv, None))
    diff, notes = _diff(context, package, record)
    touched = _touched(diff)
    made = _made(report.steps)
    remade = frozenset(path for paths in made.values() for path in paths)
    ran = tuple(
        _ran(step, place, made[step.number], touched, remade) for step in _commands(report.steps)
    )
    return replace(answer, answered=report.answered, ran=ran, notes=notes)


def _report(context: Context, engine: Engine, record: Record) -> Report | None:
    left = (
        one for one in checkpoints.listed(context.state, record.package) if one.id == record.left
    )
    checkpoint = next(left, None)
    seen = engine.observations
    return None if checkpoint is None or seen is None else seen.report(checkpoint)


def _diff(context: Context, package: Package, record: Record) -> tuple[SourceDiff, tuple[str, ...]]:
    """What the build's tree changed; a note where that can't be found out."""
    if record.checkpoint is None:
        return SourceDiff(), ()
    try:
        found = context.repo.diff(record.checkpoint.tree, record.tree, package.source)
    except RepositoryError:
        return SourceDiff(), ("what its commit changed is not known: git has that tree no more",)
    return found, ()


def _touched(diff: SourceDiff) -> frozenset[str]:
    """What is another thing after a change: files, folders that came or went with them, and the
    folders whose names may have changed, each with a slash at its end."""
    found = set(diff.paths())
    for path in (*diff.added, *diff.deleted):
        while "/" in path:
            path = path.rpartition("/")[0]  # noqa: PLW2901 - upwards
            found |= {path, f"{path}/"}
        found.add("./")
    return frozenset(found)


def _commands(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps as a makefile has them: the outermost below a build tool, or a tool that started
    nothing."""
    by_number = {step.number: step for step in steps}
    above = {step.parent for step in steps}
    for step in steps:
        is_ours = not _decides(step, by_number, above)
        parent = by_number.get(step.parent)  # None: the step is the shell that begins a build
        if is_ours and parent is not None and _decides(parent, by_number, above):
            yield step


def _decides(step: Step, by_number: dict[int, Step], above: Container[int]) -> bool:
    """Whether a step only starts commands: a build tool, or a shell with one of our phases. What
    ran below it says more than itself does."""
    if step.number not in above:
        return False
    if step.parent not in by_number or is_tool((step.arguments or (step.program,))[0]):
        return True
    grandparent = by_number[step.parent].parent
    return grandparent not in by_number and is_phase(step.arguments)


def _made(steps: Sequence[Step]) -> dict[int, list[str]]:
    """What each step and those that it started wrote."""
    found = {step.number: list(step.made) for step in steps}
    for step in reversed(steps):  # those that a step started follow it
        if step.parent in found:
            found[step.parent] += found[step.number]
    return found


def _ran(
    step: Step, place: Place, made: list[str], touched: Container[str], remade: Container[str]
) -> Ran:
    return Ran(
        shown_command(step.arguments),
        place.shown(step.folder),
        None if step.missed_by is None else _input(step.missed_by, place),
        _is_changed(step.missed_by or "", place, touched),
        step.missed_by in remade,
        step.not_remembered,
        step.seconds,
        tuple(sorted({place.shown(path) for path in made if place.contains(path)})),
    )


_NAMES, _ABSENT = " (its names)", " (it was not there)"
"""What the watcher says of an input that isn't just another one: recall.c."""


def _input(missed_by: str, place: Place) -> str:
    for ending in (_NAMES, _ABSENT):
        if missed_by.startswith("/") and missed_by.endswith(ending):
            return place.shown(missed_by.removesuffix(ending)) + ending
    return place.shown(missed_by)


def _is_changed(missed_by: str, place: Place, touched: Container[str]) -> bool:
    path = missed_by.removesuffix(_ABSENT).removesuffix(_NAMES)
    if path != place.source and not path.startswith(f"{place.source}/"):
        return False
    inside = place.shown(path)
    return (f"{inside}/" if missed_by.endswith(_NAMES) else inside) in touched
