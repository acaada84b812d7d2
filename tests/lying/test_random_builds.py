"""Builds that lie, grown and edited at random: each result and verdict is a clean build's.

The same each time, so that a failure is news; ``CKPT_LYING=N`` draws N others, and so does
``python -m tests.lying`` for as long as it is asked to.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.lying.growing.edits import history
from tests.lying.growing.examining import examine, reproduced
from tests.lying.site import LONG, asked_for

pytestmark = [asked_for, pytest.mark.slow]

TOGETHER = 6
"""So many are built in one repository."""

# What is wrong is made small by steps and commits: an example takes seconds, and by what was drawn
# it would take hundreds.
_FEW = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def _as_clean(random: Random) -> None:
    histories = [history(random) for _ in range(TOGETHER)]
    examined = examine(histories)
    for place, told in examined.wrong.items():
        pytest.fail(f"{told}\n{reproduced(histories[place], told, 120)}", pytrace=False)
    assert examined.failed < examined.builds


@_FEW
@given(st.randoms(use_true_random=False))
def test_grown_at_random(random: Random) -> None:
    _as_clean(random)


@pytest.mark.skipif(not LONG, reason="CKPT_LYING=N asks for it")
@settings(_FEW, max_examples=max(1, LONG // TOGETHER), derandomize=False)
@given(st.randoms(use_true_random=False))
def test_others_grown_at_random(random: Random) -> None:
    _as_clean(random)
