"""What was seen of a build: its steps, and what each read, looked for in vain, listed and wrote.

Pure values. A step is one program that ran. Paths are relative to the build's folder, so that a
source file is ``source/…``; they are kept by path, as they are asked for by path.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from ckpt_git.model.packing import packed, unpacked

Kind = Literal["read", "seen", "missed", "listed", "wrote"]
KINDS: tuple[Kind, ...] = ("read", "seen", "missed", "listed", "wrote")
"""What a step may have done to a path: ``seen`` is to have asked whether it is there, ``missed``
to have looked for it in vain, ``listed`` to have read the names in a folder; ``wrote`` takes in
making, renaming and removing."""

SOURCE = "source/"

_COORDINATORS = frozenset({"make", "gmake", "gnumake", "ninja", "samu", "ninja-build"})
"""Programs that decide by themselves what of their work is to be done again."""

_FORM = b"ckpt-trace 1\n"
_STEPS = "I"  # array's code for the numbers of steps


class Step(NamedTuple):
    """One program that ran. ``folder`` is where it started, ``parent`` the number of the step
    that started it; -1 where that was us."""

    program: str
    arguments: tuple[str, ...]
    folder: str
    parent: int

    @property
    def name(self) -> str:
        """The program's own name."""
        return (self.arguments[0] if self.arguments else self.program).rpartition("/")[2]

    @property
    def coordinates(self) -> bool:
        return self.name in _COORDINATORS or self.parent < 0


class Blind(NamedTuple):
    """A program that couldn't be seen: the step that ran it, its path, and why not."""

    step: int
    program: str
    why: str


@dataclass(frozen=True)
class Trace:
    """What was seen of one build. ``by_path`` has, for each kind and path, the numbers of steps.

    ``clean`` says that all was built, so that there are no other steps than these. ``lost``
    counts what could not be noted.
    """

    steps: Sequence[Step]
    by_path: Mapping[Kind, Mapping[str, Sequence[int]]]
    blind: tuple[Blind, ...] = ()
    clean: bool = False
    lost: int = 0

    def of(self, kind: Kind, path: str) -> Sequence[int]:
        """The steps that did this to ``path``."""
        return self.by_path[kind].get(path, ())

    @cached_property
    def keys(self) -> list[int]:
        """For each step what tells it from others: what was run, where, and by which command.

        Steps of two builds with one key are the same work. What ran them counts up to a
        coordinator: two commands may both run ``cat data.txt``.
        """
        keys: list[int] = []
        for step in self.steps:
            above = step.parent
            by = 0 if above < 0 or self.steps[above].coordinates else keys[above]
            keys.append(hash((step.arguments, step.folder, by)))
        return keys

    @cached_property
    def written_by(self) -> Mapping[int, list[str]]:
        """What each step wrote."""
        found: dict[int, list[str]] = {}
        for path, steps in self.by_path["wrote"].items():
            for step in steps:
                found.setdefault(step, []).append(path)
        return found

    @cached_property
    def children(self) -> Mapping[int, list[int]]:
        """The steps that each step started."""
        found: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            found.setdefault(step.parent, []).append(number)
        return found

    def command(self, number: int) -> int:
        """The command that a step is a part of: what a coordinator, or we, started."""
        while (above := self.steps[number].parent) >= 0 and not self.steps[above].coordinates:
            number = above
        return number

    def wrote_below(self, number: int) -> list[str]:
        """What a step and all that it started wrote."""
        found, pending = list[str](), [number]
        while pending:
            at = pending.pop()
            found += self.written_by.get(at, ())
            pending += self.children.get(at, ())
        return found

    def encode(self) -> bytes:
        """As kept on disk."""
        by_path = {
            kind: {path: array(_STEPS, steps).tobytes() for path, steps in paths.items()}
            for kind, paths in self.by_path.items()
        }
        value = (
            [tuple(step) for step in self.steps],
            by_path,
            [tuple(blind) for blind in self.blind],
            self.clean,
            self.lost,
        )
        return packed(_FORM, value)

    @classmethod
    def decode(cls, data: bytes) -> Trace:
        """Raises ``ValueError`` for what is no trace, or a damaged one."""
        steps, by_path, blind, clean, lost = unpacked(_FORM, data)
        return cls(
            [Step(*fields) for fields in steps],
            {
                kind: {path: array(_STEPS, numbers) for path, numbers in paths.items()}
                for kind, paths in by_path.items()
            },
            tuple(Blind(*fields) for fields in blind),
            clean,
            lost,
        )


@dataclass(frozen=True)
class Knowledge:
    """What is known of the state that a checkpoint holds: the traces of the builds that made it,
    oldest first. A step that ran again later counts as it ran last."""

    traces: tuple[Trace, ...] = ()
    _last: dict[int, int] = field(default_factory=dict, repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.traces)

    @property
    def whole(self) -> bool:
        """Whether all steps are known: none ran before the first trace, all could be seen."""
        return bool(self.traces) and self.traces[0].clean and not self.blind and not self.lost

    @property
    def lost(self) -> int:
        return sum(trace.lost for trace in self.traces)

    @property
    def blind(self) -> tuple[Blind, ...]:
        """The programs that couldn't be seen, each once."""
        found = {b.program: b for trace in self.traces for b in trace.blind}
        return tuple(found.values())

    def with_build(self, trace: Trace) -> Knowledge:
        """What is known after one more build; a clean one makes all anew."""
        return Knowledge((trace,) if trace.clean else (*self.traces, trace))

    def is_last(self, at: int, number: int) -> bool:
        """Whether step ``number`` of trace ``at`` is how that work was done last."""
        if not self._last:
            for index, trace in enumerate(self.traces):
                self._last.update(dict.fromkeys(trace.keys, index))
        return self._last[self.traces[at].keys[number]] == at

    def of(self, kind: Kind, path: str) -> list[tuple[Trace, int]]:
        """The steps that did this to ``path``, as they ran last."""
        return [
            (trace, number)
            for at, trace in enumerate(self.traces)
            for number in trace.of(kind, path)
            if self.is_last(at, number)
        ]

    def merged(self) -> Knowledge:
        """The same in one trace, less the steps that ran again."""
        steps: list[Step] = []
        by_path: dict[Kind, dict[str, list[int]]] = {kind: {} for kind in KINDS}
        blind: list[Blind] = []
        for at, trace in enumerate(self.traces):
            moved: dict[int, int] = {}
            for number, step in enumerate(trace.steps):
                if self.is_last(at, number):
                    moved[number] = len(steps)
                    steps.append(step._replace(parent=moved.get(step.parent, -1)))
            for kind in KINDS:
                for path, numbers in trace.by_path[kind].items():
                    kept = [moved[number] for number in numbers if number in moved]
                    if kept:
                        by_path[kind].setdefault(path, []).extend(kept)
            blind += [b._replace(step=moved[b.step]) for b in trace.blind if b.step in moved]
        clean = bool(self.traces) and self.traces[0].clean
        return Knowledge((Trace(steps, by_path, tuple(blind), clean, self.lost),))


def folder_of(path: str) -> str:
    """The folder that a path lies in, below the build's."""
    return path.rpartition("/")[0]


def folders_of(path: str) -> Iterable[str]:
    """All folders around a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path
