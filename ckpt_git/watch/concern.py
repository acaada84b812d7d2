"""What a memory says about files: which commands a file concerns, and what those made. No IO.

What a command saw takes in what those that it started saw: whose own it is, is taken for that of
the innermost of them.
"""

from __future__ import annotations

import posixpath
import shlex
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from ckpt_git.watch.commands import ABSENT, FILE, LINK, STAT

if TYPE_CHECKING:
    from ckpt_git.watch.commands import Effect, Observation
    from ckpt_git.watch.memory_file import MemoryFile

Kind = Literal["read", "seen", "missed", "listed"]
"""What a file is to a command: ``seen`` is to have asked for its state, ``missed`` to have looked
for it in vain, ``listed`` to have read the names in its folder."""

_TOOLS = frozenset({"make", "gmake", "gnumake", "ninja", "samu", "ninja-build"})
"""Programs that decide by themselves what of their work is to be done again."""
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_SHOWN = 100  # characters of a command


class Place(NamedTuple):
    """Where a build's sources and its output lay, as it saw them. ``out`` is None where that isn't
    known."""

    source: str
    out: str | None

    def contains(self, path: str) -> bool:
        """Whether what is at ``path`` outlives the build."""
        top = self.source.rpartition("/")[0]
        return path.startswith((f"{top}/", *(() if self.out is None else (f"{self.out}/",))))

    def shown(self, path: str) -> str:
        """A path as the user knows it."""
        for root, name in ((self.source, ""), (self.out, "$out/")):
            if root is not None and path.startswith(f"{root}/"):
                return name + path.removeprefix(f"{root}/")
        return "." if path == self.source else path


class Concerned(NamedTuple):
    """A command that a file matters to, and in which way; ``is_sure`` unless a change of the file
    may well make no difference to it."""

    number: int
    kind: Kind
    is_sure: bool = True


class Account:
    """What a memory tells of the files of a build."""

    def __init__(self, memory: MemoryFile, place: Place) -> None:
        self.memory = memory
        self.place = place

    # --- who looks at a file --------------------------------------------------------------

    def concerned(self, path: str) -> list[Concerned]:
        """The commands that look at the file ``path``, which is there."""
        readers = self._who(path, lambda seen: seen.is_read)
        commands = {self.command_of(number) for number in readers}
        asking = self._who(path, lambda seen: seen.is_file and bool(seen.mask))
        dates = set(self._who(path, lambda seen: seen.is_file and bool(seen.mask & STAT)))
        return [
            *(Concerned(number, "read") for number in readers),
            *(
                Concerned(number, "seen", number in dates)
                for number in asking
                if self.command_of(number) not in commands and not self.decides(number)
            ),
        ]

    def concerned_if_added(self, path: str, folders: Container[str]) -> list[Concerned]:
        """The commands to which it would matter if the file ``path`` came to be: those that looked
        in vain for it, or for a folder around it that isn't one of ``folders``, or that listed the
        folder that it would be new in."""
        above = list(_folders(path, self.place.source))
        new = [folder for folder in above if folder not in folders]
        beside = (new[-1] if new else path).rpartition("/")[0]
        found = dict[int, Concerned]()
        for name in (path, *new):
            for number in self._who(name, lambda seen: seen.kind == ABSENT):
                found.setdefault(number, Concerned(number, "missed"))
        for number in self._who(beside, lambda seen: seen.is_listing):
            found.setdefault(number, Concerned(number, "listed"))
        return list(found.values())

    def _who(self, path: str, is_so: Callable[[Observation], bool]) -> list[int]:
        """The innermost commands of which one observation of ``path`` is so."""
        numbers = self.memory.observed.get(path, ())
        if not self._observers.keys() >= set(numbers):
            self._observers.update(self.memory.observers_of(numbers))
        wanted = [one for one in numbers if is_so(self.memory.observation(one))]
        return self._innermost(number for one in wanted for number in self._observers[one])

    @cached_property
    def _observers(self) -> dict[int, list[int]]:
        """The commands by what they rest on, of what was made: one look for all of it. Of other
        files they are added when those are asked for."""
        observed = self.memory.observed
        return self.memory.observers_of(
            {one for path in self._made_at for one in observed.get(path, ())}
        )

    def _innermost(self, numbers: Iterable[int]) -> list[int]:
        """The commands in ``numbers`` that didn't start another one of them."""
        found = list[int]()
        for number in sorted(set(numbers)):
            if found and number <= found[-1] + self.memory.below[found[-1]]:
                found[-1] = number
            else:
                found.append(number)
        return found

    # --- whose work it is -----------------------------------------------------------------

    def decides(self, number: int) -> bool:
        """Whether a command is a build tool, or what we started ourselves."""
        return self.memory.parents[number] < 0 or is_tool(self.memory.command(number).name)

    def command_of(self, number: int) -> int:
        """The command that another one is a part of: the outermost below a build tool."""
        while (above := self.memory.parents[number]) >= 0 and not self.decides(above):
            number = above
        return number

    # --- what came of it ------------------------------------------------------------------

    def outputs(self, number: int) -> list[str]:
        """The files that a command left; where it left none (it printed, or wrote to a temporary
        file), those of the command that it is a part of."""
        while True:
            found = sorted(self._left_by(number))
            above = self.memory.parents[number]
            if found or above < 0 or self.decides(above):
                return found
            number = above

    def rebuilt(self, first: Iterable[Concerned]) -> list[str]:
        """All that would be made anew after what ``first`` makes, sorted."""
        found = set[str]()
        pending = [path for one in first if one.is_sure for path in self._made(one.number)]
        while pending:
            path = pending.pop()
            if path not in found:
                found.add(path)
                pending += (p for number in self._made_of(path) for p in self._made(number))
        return sorted(found)

    def _made(self, number: int) -> list[str]:
        return [] if self.decides(number) else self.outputs(number)

    def _made_of(self, path: str) -> list[int]:
        """The commands that read ``path`` as one of its makers left it."""
        digests = {effect.digest for effect in self._made_at[path]}
        return self._who(
            path,
            lambda seen: seen.is_read and (seen.kind != FILE or seen.digest in digests),
        )

    def _left_by(self, number: int) -> Iterator[str]:
        last = number + self.memory.below[number]
        for one in self._outermost(number, last):
            for effect in self._effects[one]:
                if effect.path in self._kept:
                    yield effect.path

    def _outermost(self, first: int, last: int) -> Iterator[int]:
        """Of these commands the outermost whose effects are known: they have those of all that they
        started."""
        while first <= last:
            yield first
            first += 1 if not self._has_effects(first) else self.memory.below[first] + 1

    def _has_effects(self, number: int) -> bool:
        return self.memory.answerable[number] or self.memory.command(number).varies

    @cached_property
    def _effects(self) -> Sequence[Sequence[Effect]]:
        return [self.memory.effects(number) for number in range(len(self.memory))]

    @cached_property
    def _kept(self) -> frozenset[str]:
        """The files that were there in the end."""
        kinds = dict[str, int]()
        for number in self._outermost(0, len(self.memory) - 1):
            kinds.update((effect.path, effect.kind) for effect in self._effects[number])
        return frozenset(
            path
            for path, kind in kinds.items()
            if kind in {FILE, LINK} and self.place.contains(path)
        )

    @cached_property
    def _made_at(self) -> Mapping[str, Sequence[Effect]]:
        """What was made at each path that was there in the end."""
        found: defaultdict[str, list[Effect]] = defaultdict(list)
        for effects in self._effects:
            for effect in effects:
                if effect.path in self._kept:
                    found[effect.path].append(effect)
        return found


def is_phase(arguments: Sequence[str]) -> bool:
    """Whether it is a shell that runs one of our phases, where no build tool started it."""
    return _is_shell(arguments) and arguments[1] == "-e" and "-c" in arguments[:-1]


def is_tool(name: str) -> bool:
    """Whether a program decides by itself what of its work is to be done again."""
    return posixpath.basename(name) in _TOOLS


def shown_command(arguments: Sequence[str]) -> str:
    """A command as a makefile has it, in one short line."""
    text = shlex.join(arguments)
    if is_phase(arguments):
        text = arguments[arguments.index("-c") + 1]
    elif _is_shell(arguments) and arguments[1].startswith("-") and "c" in arguments[1]:
        text = arguments[2]
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _is_shell(arguments: Sequence[str]) -> bool:
    return len(arguments) > 2 and posixpath.basename(arguments[0]) in _SHELLS  # noqa: PLR2004


def _folders(path: str, top: str) -> Iterator[str]:
    """All folders around a path below ``top``, the nearest first."""
    while (path := path.rpartition("/")[0]).startswith(f"{top}/"):
        yield path
