"""One watched run: the settings for the watcher, and the report that it leaves.

``ckpt-watch`` (main.c has its settings) runs a command, sees what it does, and answers from the
memories of earlier builds what it can.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckpt_git.kept_files import read_kept
from ckpt_git.model.errors import StoreError
from ckpt_git.process import run
from ckpt_git.watch import memory_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ckpt_git.watch.program import Programs

SOCKET = 100
"""The descriptor by which a sandbox's first program gives the watcher its listener."""
ANSWER = "/@"
"""Where the program that answers lies in a sandbox: the shortest path that there is room for."""
_FOLDER = "/.ckpt-watch"
_DIGEST = 16
_USAGE = 64
_UNWATCHED = 121  # exit code of `ckpt-watch launch` where the kernel lets nobody watch


@dataclass(frozen=True, slots=True)
class Session:
    """A watched run. ``roots`` are the folders that the build may change, as it sees them, of
    which ``temporary`` hold what doesn't outlive it. ``links`` are symbolic links among its
    sources. ``memories`` are asked in their order; ``into`` is where this build's goes. Random
    bytes are made of ``seed``. What the build reads below ``system`` is written down in
    ``toolchain``. ``databases`` says whether a command is answered that leaves a database of dates.
    """

    programs: Programs
    objects: Path
    memories: Sequence[Path]
    into: Path
    toolchain: Path
    report: Path
    roots: Sequence[str]
    temporary: Sequence[str]
    system: Sequence[str]
    links: Sequence[str]
    seed: str
    is_sandboxed: bool
    answers: bool
    databases: bool

    def command(self, settings: int, command: Sequence[str]) -> list[str]:
        """The command line that runs ``command`` below the watcher."""
        return [str(self.programs.watch), "watch", str(settings), str(SOCKET), *command]

    def launch(self, command: Sequence[str]) -> list[str]:
        """The command for a sandbox's first program: ``ckpt-watch launch`` and then ``command``.
        From there on all is observed."""
        return [self._inside(self.programs.watch), "launch", str(SOCKET), *command]

    @property
    def preload(self) -> str:
        """The library for all programs, as they find it."""
        return self._inside(self.programs.library)

    @property
    def binds(self) -> tuple[tuple[str, str, bool], ...]:
        """What a sandbox has to show: host path, path inside, whether it can be written."""
        programs = (self.programs.watch, self.programs.library)
        shown = tuple((str(path), self._inside(path), False) for path in programs)
        return (*shown, (str(self.programs.answer), ANSWER, False))

    def _inside(self, path: Path) -> str:
        return f"{_FOLDER}/{path.name}" if self.is_sandboxed else str(path)

    def settings(self) -> bytes:
        """What the watcher reads: names and values, each with a NUL at its end."""
        answer = ANSWER if self.is_sandboxed else str(self.programs.answer)
        given: list[tuple[str, str | Path]] = [
            *(("root", path) for path in self.roots),
            *(("temporary", path) for path in self.temporary),
            *(("link", path) for path in self.links),
            ("objects", self.objects),
            *(("memory", path) for path in self.memories),
            ("into", self.into),
            *(("system", path) for path in self.system),
            ("toolchain", self.toolchain),
            ("report", self.report),
            ("preload", self.preload),
            ("answer", answer),
            ("seed", self.seed),
            ("answers", str(int(self.answers))),
            ("databases", str(int(self.databases))),
            ("shut_in", str(int(self.is_sandboxed))),
        ]
        return b"".join(os.fsencode(part) + b"\0" for pair in given for part in pair)


@dataclass(frozen=True, slots=True)
class Step:
    """A program that a build ran. ``missed_by`` is what kept it from being answered, and
    ``not_remembered`` why the next build can't answer it. ``made`` are the files that it wrote."""

    number: int
    parent: int
    arguments: tuple[str, ...]
    program: str
    folder: str
    code: int
    seconds: float
    missed_by: str | None
    not_remembered: str | None
    made: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a watched run. ``incomplete`` says why not all was seen, ``failed`` whether
    something that was to be answered wasn't, ``refused`` whether a program got an error that it
    gets below a watcher alone, ``database`` which database of dates was put back and read again.
    ``stored`` are bytes that were added to the objects; ``answered_by`` counts commands by the
    memory that answered them, named by its file."""

    ran: int
    answered: int
    failed: bool
    refused: bool
    incomplete: str | None
    database: str | None
    stored: int
    answered_by: dict[str, int]
    steps: tuple[Step, ...]


def is_whole(memory: bytes) -> bool:
    """Whether a memory's file is as the watcher wrote it: memory.h."""
    magic = memory_form.MAGIC
    digest = memory[len(magic) : len(magic) + _DIGEST]
    rest = memory[len(magic) + _DIGEST :]
    return memory.startswith(magic) and digest == blake2b(rest, digest_size=_DIGEST).digest()


def is_unwatched(code: int) -> bool:
    """Whether a run ended with ``code`` as the kernel lets nobody watch it."""
    return code == _UNWATCHED


def read_report(path: Path) -> Report:
    """What the watcher wrote. Raises ``StoreError`` where it didn't."""
    try:
        data: dict[str, Any] = json.loads(read_kept(path))
        return Report(
            ran=data["ran"],
            answered=data["answered"],
            failed=data["failed"],
            refused=data["refused"],
            incomplete=data["incomplete"],
            database=data["database"],
            stored=data["stored"],
            answered_by=data["answered_by"],
            steps=tuple(_steps(data["steps"])),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            f"the build's watcher left no report: {error}",
            "there may be no room left on the disk; `git ckpt doctor` looks",
        ) from error


def changed_since(programs: Programs, toolchain: Path, objects: Path) -> str | None:
    """The first path of which something is another thing than ``toolchain`` says, None: nothing.

    Raises ``StoreError`` where that can't be found out.
    """
    command = [str(programs.watch), "check", str(toolchain), str(objects)]
    done = run(command, ok=(0, 1, _USAGE))
    if done.returncode == _USAGE:
        raise StoreError(f"{toolchain} can't be read: {done.stderr.decode(errors='replace')}")
    return os.fsdecode(done.stdout.rstrip(b"\n")) if done.returncode else None


def _steps(steps: Iterable[dict[str, Any]]) -> Iterator[Step]:
    for step in steps:
        lists = {name: tuple(step[name]) for name in ("arguments", "made")}
        yield Step(**{**step, **lists})
