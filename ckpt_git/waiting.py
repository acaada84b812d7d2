"""Wait for some seconds, or until something is true, without a clock that can be set.

``time.sleep`` asks the kernel to be woken at a moment of its clock, and is refused where what it
takes for that clock has jumped. Here the length alone counts.
"""

from __future__ import annotations

import select
from collections.abc import Iterator


def pause(seconds: float) -> None:
    """Wait so long; a signal that raises ends it."""
    select.poll().poll(seconds * 1000)


def turns(seconds: float, each: float) -> Iterator[None]:
    """Look now, and again every ``each`` seconds, as often as goes into ``seconds``."""
    yield
    for _ in range(round(seconds / each)):
        pause(each)
        yield
