"""Edits, commands and faults at random, round upon round: what is kept stays right.

The same ones each time but for their moments; ``CKPT_ENDURANCE=N`` plays N rounds of another seed,
and so does ``python -m tests.endurance --seed S --rounds N`` of any.
"""

from __future__ import annotations

import os
from random import SystemRandom

import pytest

from tests.endurance.rounds import play
from tests.endurance.site import a_site

pytestmark = pytest.mark.slow

ROUNDS = 15
LONG = int(os.environ.get("CKPT_ENDURANCE") or 0)
"""How many rounds are to be played besides, where not just a few are asked for."""


def _assert_all_holds(seed: int, rounds: int, *, large: bool) -> None:
    """``pytest -s`` shows the rounds as they are played."""
    wrong = []
    with a_site(seed, large=large) as site:
        for number in range(1, rounds + 1):
            done = play(site, seed, number)
            print(done)  # noqa: T201 - pytest shows it where something is wrong
            if done.wrong:
                wrong.append(str(done))
    small = "" if large else " --small"
    again = f"python -m tests.endurance --seed {seed} --rounds {rounds}{small}"
    assert not wrong, "\n".join([again, *wrong])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens(seed: int) -> None:
    _assert_all_holds(seed, ROUNDS, large=False)


@pytest.mark.skipif(not LONG, reason="CKPT_ENDURANCE=N asks for it")
def test_whatever_happens_for_long() -> None:
    _assert_all_holds(SystemRandom().getrandbits(32), LONG, large=True)
