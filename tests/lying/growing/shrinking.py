"""Makes a history of plans small, as long as what it shows is still to be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tests.lying.growing.plan import Plan, Step

History = Sequence[Plan]

_PLAIN: Mapping[str, Any] = {"configure": "none", "check": "none", "install": "all", "mode": "one"}


def shrunk(history: History, shows: Callable[[History], bool], seconds: float) -> History:
    """The smallest that was found in ``seconds`` and that ``shows`` holds of."""
    deadline = time.monotonic() + seconds
    found = True
    while found:
        found = False
        for smaller in _smaller(history):
            if time.monotonic() > deadline:
                return history
            if shows(smaller):
                history, found = smaller, True
                break
    return history


def _smaller(history: History) -> Iterator[History]:
    """What is smaller by one thing, that which helps most first."""
    for at in range(len(history) - 1 if len(history) > 2 else 0):
        yield [*history[:at], *history[at + 1 :]]
    yield from _without_a_step(history)
    for at in range(1, len(history)):
        yield from _nearer(history, at)
    yield from _without_a_source(history)
    for name, value in _PLAIN.items():
        if any(getattr(plan, name) != value for plan in history):
            yield [replace(plan, **{name: value}) for plan in history]


def _without_a_step(history: History) -> Iterator[History]:
    for name in sorted({step.name for plan in history for step in plan.steps}):
        less = partial(_less, name=name)
        without = [plan.with_steps(less) for plan in history]
        if all(plan.steps for plan in without):
            yield without


def _without_a_source(history: History) -> Iterator[History]:
    read = {path for plan in history for step in plan.steps for path in step.reads}
    for path in sorted(read):
        less = partial(_reads_less, path=path)
        yield [plan.with_steps(less) for plan in history]
    for path in sorted({path for plan in history for path in plan.sources} - read):
        yield [plan.with_sources({path: None}) for plan in history]


def _less(step: Step, name: str) -> Step | None:
    """None for the step itself, and what reads its product without that."""
    if step.name == name:
        return None
    return _reads_less(step, f"made/{name}")


def _reads_less(step: Step, path: str) -> Step:
    less = step.without(path)
    return less if less.reads or not step.reads else step


def _nearer(history: History, at: int) -> Iterator[History]:
    """Commit ``at`` with less of a difference to the one before."""
    before, plan = history[at - 1], history[at]
    every = {**before.sources, **plan.sources}
    for path in sorted(every):
        if before.sources.get(path) != plan.sources.get(path):
            yield _with(history, at, plan.with_sources({path: before.sources.get(path)}))
    for name in ("stages", *_PLAIN):
        if getattr(plan, name) != getattr(before, name):
            yield _with(history, at, replace(plan, **{name: getattr(before, name)}))


def _with(history: History, at: int, plan: Plan) -> History:
    return [*history[:at], plan, *history[at + 1 :]]
