"""What would be built again if a file changed: from the memory of the newest checkpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ckpt_git.builds.context import Context
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import UsageError
from ckpt_git.model.record import Base
from ckpt_git.model.source_diff import Manifest, matcher
from ckpt_git.records import checkpoints
from ckpt_git.watch.concern import Account, Concerned, Kind, Place, shown_command
from ckpt_git.watch.memory_file import MemoryFile

GoesBy = Literal["trace", "nothing"]


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
    drv = context.derivation(package, tree)
    engine = context.engine(drv.engine)
    checkpoint = next(iter(checkpoints.listed(context.state, package.name)), None)
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
    seen = engine.observations
    memory = None if seen is None else seen.trace(checkpoint)
    if memory is None:
        note = "its builds weren't watched, so nobody knows who reads it"
        return Answer(package.name, inside, exists, "nothing", base, notes=(note,))
    place = Place(engine.source_path(drv), engine.outputs.path(drv, None))
    answer = Answer(package.name, inside, exists, "trace", base)
    return _from_memory(answer, Account(memory, place), inside, manifest)


def _from_memory(answer: Answer, account: Account, inside: str, manifest: Manifest) -> Answer:
    memory, source = account.memory, account.place.source
    if inside in manifest:
        found = account.concerned(f"{source}/{inside}")
    else:
        folders = {f"{source}/{folder}" for name in manifest for folder in _folders_of(name)}
        found = account.concerned_if_added(f"{source}/{inside}", folders)
    tools = [one for one in found if account.decides(one.number)]
    readers = [one for one in found if one not in tools]
    names = dict.fromkeys(memory.command(one.number).name for one in tools)
    return replace(
        answer,
        readers=tuple(dict.fromkeys(_reader(account, one) for one in readers)),
        rebuilt=tuple(sorted(map(account.place.shown, account.rebuilt(readers)))),
        blind=tuple(dict.fromkeys(_blind(memory))),
        notes=tuple(
            f"{name} itself looks at it, and decides anew what there is to do" for name in names
        ),
    )


def _reader(account: Account, found: Concerned) -> Reader:
    number = account.command_of(found.number)
    command = account.memory.command(number)
    return Reader(
        shown_command(command.arguments),
        account.place.shown(command.folder),
        found.kind,
        account.memory.command(found.number).name if found.number != number else "",
        tuple(map(account.place.shown, account.outputs(found.number))),
    )


def _blind(memory: MemoryFile) -> Iterator[str]:
    for number in memory.incomplete:
        command = memory.command(number)
        yield f"{command.name}: {command.reason}"


def _folders_of(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
