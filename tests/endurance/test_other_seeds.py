"""The same for other seeds: in a file of its own, as CI gives each file to one of its workers."""

from __future__ import annotations

import pytest

from tests.endurance.playing import assert_all_holds
from tests.endurance.test_endurance import ROUNDS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [2, 3])
def test_whatever_happens(seed: int) -> None:
    assert_all_holds(seed, ROUNDS)
