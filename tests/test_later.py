"""A value that is worked out meanwhile: several threads may wait for it at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import pytest

from ckpt_git.deferred import Deferred


@pytest.fixture
def slow_joins() -> Iterator[None]:
    """Threads that are started from now on give way to others at each line of a join."""
    chance = random.Random(0)

    def trace(frame: FrameType, event: str, _: object) -> object:
        if frame.f_code.co_filename != threading.__file__:
            return None
        if event == "line" and frame.f_code.co_name in ("_wait_for_tstate_lock", "_stop"):
            time.sleep(chance.choice((0, 0.0005, 0.001)))
        return trace

    threading.settrace(trace)  # type: ignore[arg-type] # a function that gives itself has no type
    yield
    threading.settrace(None)


@pytest.mark.usefixtures("slow_joins")
def test_several_wait_for_one() -> None:
    """Python up to 3.12 fails by an assertion of its own where two threads join a third."""
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            later = Deferred(lambda: time.sleep(0.002))
            waiting = [pool.submit(later.value) for _ in range(4)]
            assert [one.result() for one in waiting] == [None] * 4


def test_what_was_raised_is_raised_to_each() -> None:
    later: Deferred[float] = Deferred(lambda: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            later.value()
