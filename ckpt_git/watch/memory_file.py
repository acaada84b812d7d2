"""Read a memory: what the commands of one build observed and made. ``memory_form`` has its form.

Only what is asked for is taken out of the file: it is mapped, and a number of a command or of an
observation leads to its place in it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import count
from mmap import ACCESS_READ, mmap
from operator import add
from pathlib import Path
from typing import Any

from ckpt_git.kept_files import open_kept
from ckpt_git.watch.commands import FILE, Command, Effect, Observation, Print
from ckpt_git.watch.memory_form import (
    EFFECT,
    ENTRY,
    HEADER,
    INCOMPLETE,
    MAGIC,
    NUMBER,
    OBSERVATION,
    ORDER,
    PRINT,
    VARIES,
    WINDOW,
)


class MemoryFile:
    """One memory. Its commands are numbered in the order in which they began, each before those
    that it started."""

    def __init__(self, data: mmap | bytes) -> None:
        """Raises ``ValueError`` for what is no memory, or a damaged one."""
        view = memoryview(data)
        if len(view) < HEADER.size or view[: len(MAGIC)] != MAGIC:
            raise ValueError("it is no memory")
        digest, order, *counts = HEADER.struct.unpack_from(view)[1:]
        entries, rows, observations, windows, effects, prints, texts = counts
        if order != ORDER:
            raise ValueError("it is a memory of another kind of machine")
        if blake2b(view[HEADER.offsets["order"] :], digest_size=16).digest() != digest:
            raise ValueError("it isn't as it was written")
        sizes = (
            *(HEADER.size, entries * ENTRY.size, observations * OBSERVATION.size),
            *(windows * WINDOW.size, effects * EFFECT.size, entries * NUMBER, rows * NUMBER),
            *(prints * PRINT.size, texts),
        )
        if sum(sizes) != len(view):
            raise ValueError("it is longer or shorter than it says")
        self._data = data
        at, parts = 0, list[memoryview]()
        for size in sizes:
            parts.append(view[at : at + size])
            at += size
        _, self._entries, self._observations, _, self._effects, by_key, rows_view = parts[:7]
        self._prints, self._texts = parts[7:]
        self._rows = rows_view.cast("I")
        self._first_text = len(view) - texts
        self._counts = dict(zip(_COUNTED, counts, strict=True))
        self._check(by_key.cast("I"))

    @classmethod
    def read(cls, path: Path) -> MemoryFile:
        """The memory in a file. Raises ``OSError`` where that can't be read, and ``ValueError``."""
        with open_kept(path) as file:
            if os.fstat(file.fileno()).st_size < HEADER.size:
                raise ValueError("it is no memory")
            return cls(mmap(file.fileno(), 0, access=ACCESS_READ))

    def _check(self, by_key: memoryview) -> None:
        """Check that all numbers lead to something in the file. Rows are checked when they are
        read. It goes column by column, as each question about a file waits for it."""
        number = self._counts
        entries, texts = number["entries"], number["texts"]
        if not self._texts or self._texts[-1] != 0:
            raise ValueError("its texts have no end")
        column = {
            name: ENTRY.column(self._entries, name)
            for name in ENTRY.offsets
            if name not in {"key", "result", "code", "nanoseconds", "input_end"}
        }
        most = [
            *((column[name], texts - 1) for name in ("program", "folder", "reason")),
            (map(add, column["arguments"], column["arguments_size"]), texts),
            (map(add, column["below"], count(1)), entries),
            *((map(add, column[one], column[many]), number[of]) for one, many, of in _PARTS),
            (by_key, entries - 1),
            (OBSERVATION.column(self._observations, "path"), texts - 1),
            *(
                (OBSERVATION.column(self._observations, name), number["windows"])
                for name in _WINDOWS
            ),
            *((EFFECT.column(self._effects, name), texts - 1) for name in ("path", "target")),
            (
                map(add, PRINT.column(self._prints, "text"), PRINT.column(self._prints, "length")),
                texts,
            ),
        ]
        if any(max(numbers, default=limit) > limit for numbers, limit in most):
            raise ValueError("a number in it leads out of it")

    def __len__(self) -> int:
        """How many commands there are."""
        return len(self._entries) // ENTRY.size

    # --- one command ----------------------------------------------------------------------

    def command(self, number: int) -> Command:
        """The command of a number."""
        program, folder, arguments, size, reason, below, flags, nanoseconds = _OF_COMMAND(
            self._entry(number)
        )
        words = bytes(self._texts[arguments : arguments + size]).split(b"\0")[:-1]
        return Command(
            number,
            self._text(program),
            tuple(map(os.fsdecode, words)),
            self._text(folder),
            self._text(reason) if reason else None,
            below,
            bool(flags & VARIES),
            bool(flags & INCOMPLETE),
            nanoseconds / 1e9,
        )

    def observations_of(self, number: int) -> list[Observation]:
        """What a command rests on. Raises ``ValueError`` where the memory has it elsewhere."""
        row, observed = _OF_ROW(self._entry(number))
        return [self.observation(one) for one in self._rows[row : row + observed]]

    def effects(self, number: int) -> list[Effect]:
        """What a command left, in the order of its making: nothing for one that can't be
        answered, unless it varies."""
        first, effects = _OF_EFFECTS(self._entry(number))
        part = self._effects[first * EFFECT.size : (first + effects) * EFFECT.size]
        return [
            Effect(self._text(path), self._text(target), bool(in_place), bool(further), *found)
            for path, target, in_place, further, *found in map(
                _OF_EFFECT, EFFECT.struct.iter_unpack(part)
            )
        ]

    def prints(self, number: int) -> list[Print]:
        """What a command printed."""
        first, prints = _OF_PRINTS(self._entry(number))
        part = self._prints[first * PRINT.size : (first + prints) * PRINT.size]
        return [
            Print(descriptor, bytes(self._texts[text : text + length]))
            for text, length, descriptor in PRINT.struct.iter_unpack(part)
        ]

    def observation(self, number: int) -> Observation:
        """The observation of a number. Raises ``ValueError`` where there is none."""
        if number >= self._counts["observations"]:
            raise ValueError("a number in it leads out of it")
        at = number * OBSERVATION.size
        path, is_nofollow, *found = _OF_OBSERVATION(
            OBSERVATION.struct.unpack_from(self._observations, at)
        )
        return Observation(self._text(path), bool(is_nofollow), *found)

    # --- all commands ---------------------------------------------------------------------

    @cached_property
    def below(self) -> Sequence[int]:
        """For each command how many follow it that are of its own making."""
        return ENTRY.column(self._entries, "below").tolist()

    @cached_property
    def parents(self) -> Sequence[int]:
        """For each command the one that started it; -1 where that was us."""
        found, around = list[int](), list[int]()
        for number, below in enumerate(self.below):
            while around and number > around[-1] + self.below[around[-1]]:
                around.pop()
            found.append(around[-1] if around else -1)
            if below:
                around.append(number)
        return found

    @cached_property
    def answerable(self) -> Sequence[bool]:
        """For each command whether it can be answered."""
        return [reason == 0 for reason in ENTRY.column(self._entries, "reason")]

    @property
    def incomplete(self) -> Sequence[int]:
        """The commands of which not all was seen."""
        flags = ENTRY.column(self._entries, "flags")
        return [number for number, flag in enumerate(flags) if flag & INCOMPLETE]

    @cached_property
    def observed(self) -> Mapping[str, Sequence[int]]:
        """The numbers of the observations of each path."""
        by_text = dict[int, list[int]]()
        for number, text in enumerate(OBSERVATION.column(self._observations, "path")):
            by_text.setdefault(text, []).append(number)
        found = dict[str, list[int]]()
        for text, numbers in by_text.items():
            found.setdefault(self._text(text), []).extend(numbers)
        return found

    def observers_of(self, observations: Collection[int]) -> dict[int, list[int]]:
        """For each of these observations the numbers of the commands that rest on it."""
        found: dict[int, list[int]] = {number: [] for number in observations}
        rows = ENTRY.column(self._entries, "row"), ENTRY.column(self._entries, "observed")
        for command, (row, observed) in enumerate(zip(*rows, strict=True)):
            for number in found.keys() & self._rows[row : row + observed].tolist():
                found[number].append(command)
        return found

    def sources_read(self) -> list[list[str]]:
        """The source files that were read, by each command that can be answered and started no
        other such one; relative to the folder that the first command began in: the source."""
        if not len(self):
            return []
        root = f"{self.command(0).folder}/"
        paths = {
            number: path.removeprefix(root)
            for path, numbers in self.observed.items()
            if path.startswith(root)
            for number in numbers
            if self.observation(number).is_read
        }
        by_command = dict[int, set[str]]()
        for number, commands in self.observers_of(paths).items():
            for command in commands:
                by_command.setdefault(command, set()).add(paths[number])
        answerable = [number for number, answers in enumerate(self.answerable) if answers]
        return [
            sorted(by_command[number])
            for number, later in zip(answerable, [*answerable, len(self)][1:], strict=True)
            if later > number + self.below[number] and number in by_command
        ]

    @property
    def contents(self) -> frozenset[bytes]:
        """The digests of all file contents that its commands left."""
        every = map(_OF_CONTENT, EFFECT.struct.iter_unpack(self._effects))
        return frozenset(digest for kind, digest in every if kind == FILE)

    def _entry(self, number: int) -> tuple[Any, ...]:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return ENTRY.struct.unpack_from(self._entries, number * ENTRY.size)

    def _text(self, at: int) -> str:
        start = self._first_text + at
        end = self._data.find(b"\0", start)
        return os.fsdecode(self._data[start:end])


_COUNTED = ("entries", "rows", "observations", "windows", "effects", "prints", "texts")
_WINDOWS = ("outer", "inner")
_PARTS = (
    ("row", "observed", "rows"),
    ("effect", "effects", "effects"),
    ("print", "prints", "prints"),
)
_OF_COMMAND = ENTRY.picking(
    *("program", "folder", "arguments", "arguments_size", "reason", "below", "flags"),
    "nanoseconds",
)
_OF_ROW = ENTRY.picking("row", "observed")
_OF_EFFECTS = ENTRY.picking("effect", "effects")
_OF_PRINTS = ENTRY.picking("print", "prints")
_OF_OBSERVATION = OBSERVATION.picking(
    *("path", "is_nofollow", "mask", "kind", "mode", "size", "digest", "date")
)
_OF_CONTENT = EFFECT.picking("kind", "digest")
_OF_EFFECT = EFFECT.picking(
    *("path", "target", "is_in_place", "is_further_name"),
    *("kind", "mode", "size", "mtime", "digest"),
)
