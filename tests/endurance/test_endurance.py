"""Edits, commands and faults at random, round upon round: what is kept stays right.

The same ones each time but for their moments; ``CKPT_ENDURANCE=N`` plays N rounds of another seed,
and so does ``python -m tests.endurance --seed S --rounds N`` of any.
"""

from __future__ import annotations

import os
from random import SystemRandom

import pytest

from tests.endurance.playing import assert_all_holds

pytestmark = pytest.mark.slow

ROUNDS = 15
LONG = int(os.environ.get("CKPT_ENDURANCE") or 0)
"""How many rounds are to be played besides, where not just a few are asked for."""


@pytest.mark.parametrize("seed", [0, 1])
def test_whatever_happens(seed: int) -> None:
    assert_all_holds(seed, ROUNDS)


if LONG:

    def test_whatever_happens_for_long() -> None:
        assert_all_holds(SystemRandom().getrandbits(32), LONG, large=True)
