"""Builds that lie, grown and edited at random: each result and verdict is a clean build's.

The same each time, so that a failure is news; ``CKPT_LYING=N`` draws N others, and so does
``python -m tests.lying`` for as long as it is asked to.
"""

from __future__ import annotations

from random import SystemRandom

import pytest

from tests.lying.growing.examining import examine, found, reproduced
from tests.lying.site import LONG

pytestmark = pytest.mark.slow

TOGETHER = 6
"""So many are built in one repository."""


def _assert_as_clean(seed: str) -> None:
    histories = found(seed, TOGETHER)
    examined = examine(histories)
    for place, told in examined.wrong.items():
        script = reproduced(histories[place], told, 120)
        pytest.fail(f"of {seed}: {told}\n{script}", pytrace=False)
    assert examined.failed < examined.builds


@pytest.mark.parametrize("batch", range(3))
def test_grown_at_random(batch: int) -> None:
    _assert_as_clean(f"0:{batch}")


@pytest.mark.skipif(not LONG, reason="CKPT_LYING=N asks for it")
@pytest.mark.parametrize("batch", range(-(-LONG // TOGETHER)))
def test_others_grown_at_random(batch: int) -> None:
    _assert_as_clean(f"{SystemRandom().getrandbits(32)}:{batch}")
