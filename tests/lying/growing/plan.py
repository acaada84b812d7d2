"""A build as a value: sources, and steps that read some of them and declare fewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.lying.tree import Entry, changed

TOOLS = ("make", "ninja", "sh", "python")
"""What carries out a stage."""

GUARDS = ("newer", "exists", "filled", "stamp", "digest", "always")
"""By what a script decides whether a step is to run again: by the dates of what is declared, by
its product's being there, or not empty, by a stamp, by a digest of what is declared. Make and
Ninja go by dates whatever the guard, but for ``always``."""


@dataclass(frozen=True)
class Step:
    """Makes ``made/NAME``. ``reads`` are paths that the action goes by, ``declared`` those that
    its rule says; ``word`` is a part of the command."""

    name: str
    action: str
    reads: tuple[str, ...]
    declared: tuple[str, ...]
    word: str
    guard: str

    @property
    def made(self) -> str:
        return f"made/{self.name}"

    def without(self, path: str) -> Step:
        """The same that neither reads nor declares ``path``."""
        reads = tuple(one for one in self.reads if one != path)
        declared = tuple(one for one in self.declared if one != path)
        return replace(self, reads=reads, declared=declared)


@dataclass(frozen=True)
class Stage:
    """Steps that one tool carries out, one after the other, or some at once if ``parallel``."""

    tool: str
    steps: tuple[Step, ...]
    parallel: bool = False


@dataclass(frozen=True)
class Plan:
    """``sources`` are the tracked files besides those that carry out the plan. ``configure``,
    ``check`` and ``install`` are names of ``rendering``; ``mode`` is exported to all stages."""

    sources: Mapping[str, Entry]
    stages: tuple[Stage, ...]
    configure: str = "none"
    check: str = "none"
    install: str = "all"
    mode: str = "one"

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for stage in self.stages for step in stage.steps)

    def with_steps(self, change: Callable[[Step], Step | None]) -> Plan:
        """Every step as ``change`` gives it back, less those for which it gives None."""
        stages = []
        for stage in self.stages:
            steps = tuple(made for step in stage.steps if (made := change(step)) is not None)
            if steps:
                stages.append(replace(stage, steps=steps))
        return replace(self, stages=tuple(stages))

    def with_sources(self, sources: Mapping[str, Entry | None]) -> Plan:
        """Other contents of sources; None for one that goes."""
        return replace(self, sources=changed(self.sources, sources))
