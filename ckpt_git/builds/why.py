"""What would be built again if a file changed: from the trace of the newest checkpoint, and
where there is none from what build tools noted and the rules say."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ckpt_git.builds.context import Context
from ckpt_git.engines.protocol import Dependents, Engine
from ckpt_git.model.config import Package
from ckpt_git.model.errors import UsageError
from ckpt_git.model.record import Base
from ckpt_git.model.source_diff import Manifest, matcher
from ckpt_git.model.trace import SOURCE, Kind, Knowledge, folders_of
from ckpt_git.model.trace_effects import (
    Concerned,
    concerned,
    concerned_if_added,
    in_source,
    outputs,
    rebuilt,
    shown_command,
)

GoesBy = Literal["trace", "depfiles", "nothing"]


@dataclass(frozen=True, slots=True)
class Reader:
    """A command that a file matters to. ``how`` says in which way; ``step`` is the program, where
    it is another one than the command itself."""

    command: str
    folder: str
    how: Kind
    step: str
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one file in one package. ``path`` is relative to the package's source, None
    where it isn't part of that; ``exists`` in the tree that is current. ``blind`` are programs of
    the build that couldn't be seen."""

    package: str
    path: str | None
    exists: bool
    goes_by: GoesBy
    checkpoint: Base | None
    readers: tuple[Reader, ...] = ()
    rebuilt: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The form that ``why --json`` prints."""
        return asdict(self)


def why(context: Context, file: str, names: Sequence[str], cwd: Path) -> list[Answer]:
    """Ask for each selected package what ``file`` (as the user wrote it in ``cwd``) matters to.

    Raises ``UsageError`` for one outside of the repository, and what reading it raises.
    """
    path = _in_repository(context, file, cwd)
    tree = context.current().tree
    packages = context.config(tree).select(names)
    return [_answer(context, package, tree, path) for package in packages]


def _in_repository(context: Context, file: str, cwd: Path) -> str:
    """The file's path from the repository's top. Links are not followed: git has them as such."""
    top = context.repo.top
    if top is None:
        raise UsageError("a bare repository has no files", "ask in a clone with a work tree")
    for whole, root in ((cwd / file, top), (cwd.resolve() / file, top.resolve())):
        path = os.path.relpath(os.path.normpath(whole), root)
        if path != "." and path.split("/")[0] not in {"..", ".git"}:
            return path
    raise UsageError(f"{file} is not a file of {top}", "name one of the repository's files")


def _answer(context: Context, package: Package, tree: str, path: str) -> Answer:
    engine = context.engine(context.derivation(package, tree).engine)
    checkpoint = next(iter(context.state.checkpoints(package.name)), None)
    base = None
    if checkpoint is not None:
        base = Base(checkpoint.commit, checkpoint.tree, checkpoint.depth)
    inside = os.path.relpath(path, package.source)
    if inside.split("/")[0] == "..":
        note = f"it lies outside of {package.source}, which is all that is built"
        return Answer(package.name, None, True, "nothing", base, notes=(note,))
    manifest = context.repo.source(tree, package.source).manifest()
    exists = inside in manifest
    if matcher(package.ignore)(inside):
        note = "`ignore` in ckpt.toml has its changes need no build"
        return Answer(package.name, inside, exists, "nothing", base, notes=(note,))
    if checkpoint is None or checkpoint.engine != engine.name:
        note = "there is no checkpoint yet: `git ckpt build` makes one"
        return Answer(package.name, inside, exists, "nothing", base, notes=(note,))
    known = engine.knowledge(checkpoint)
    if known:
        found = _concerned(known, SOURCE + inside, manifest)
        answer = Answer(package.name, inside, exists, "trace", base)
        return _from_trace(answer, known, found, engine.holds(checkpoint))
    answer = Answer(package.name, inside, exists, "depfiles", base)
    return _from_depfiles(answer, engine, engine.recorded(checkpoint, inside))


def _concerned(known: Knowledge, path: str, manifest: Manifest) -> list[Concerned]:
    if path.removeprefix(SOURCE) in manifest:
        return concerned(known, path)
    folders = {folder for name in manifest for folder in folders_of(SOURCE + name)}
    return concerned_if_added(known, path, folders)


def _from_trace(
    answer: Answer, known: Knowledge, found: Sequence[Concerned], kept: Container[str]
) -> Answer:
    coordinators = [c for c in found if c.trace.steps[c.step].coordinates]
    readers = [c for c in found if c not in coordinators]
    names = dict.fromkeys(c.trace.steps[c.step].name for c in coordinators)
    notes = [f"{name} itself looks at it, and decides anew what there is to do" for name in names]
    if not known.traces[0].clean:
        notes.append("only the last builds were traced; `git ckpt prepare --clean` traces all")
    if known.lost:
        notes.append("the trace isn't whole: there was no room for all that was seen")
    return replace(
        answer,
        readers=tuple(dict.fromkeys(_reader(c, kept) for c in readers)),
        rebuilt=tuple(map(in_source, rebuilt(known, readers, kept))),
        blind=tuple(f"{blind.program}: {blind.why}" for blind in known.blind),
        notes=tuple(notes),
    )


def _reader(found: Concerned, kept: Container[str]) -> Reader:
    trace, number, kind, _ = found
    step, command = trace.steps[number], trace.command(number)
    return Reader(
        shown_command(trace, number),
        in_source(trace.steps[command].folder.partition("/build/")[2]),
        kind,
        step.name if number != command else "",
        tuple(map(in_source, outputs(trace, number, kept))),
    )


def _from_depfiles(answer: Answer, engine: Engine, recorded: Dependents) -> Answer:
    untraced = "its builds weren't traced: `trace = true` in ckpt.toml shows every reader"
    if engine.name != "local":
        untraced = "what Nix builds isn't traced"
    if not recorded.files:
        return replace(answer, goes_by="nothing", notes=(untraced,))
    return replace(answer, rebuilt=recorded.targets, notes=(untraced,))
