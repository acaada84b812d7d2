"""Odd repositories in odd surroundings: each round is right, or refused in a line.

``CKPT_ODD=N`` plays N rounds of another seed, and so does ``python -m tests.hostile --seed S
--rounds N`` of any.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import SystemRandom

import pytest

from tests.endurance.site import CKPT, ROOT
from tests.hostile.repositories import play

pytestmark = pytest.mark.slow

ROUNDS = 2
LONG = int(os.environ.get("CKPT_ODD") or 0)


def _assert_all_right(seed: int, rounds: int, folder: Path) -> None:
    wrong = []
    for number in range(1, rounds + 1):
        told, found = play(seed, number, folder, tuple(CKPT))
        again = f"python -m tests.hostile --seed {seed} --only {number}: {told}"
        wrong += [again, *found] if found else []
    assert not wrong, "\n".join(wrong)


@pytest.fixture(autouse=True)
def from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_in_any_repository_and_surroundings(tmp_path: Path) -> None:
    _assert_all_right(2, ROUNDS, tmp_path)


if LONG:

    def test_in_any_repository_for_long(tmp_path: Path) -> None:
        _assert_all_right(SystemRandom().getrandbits(32), LONG, tmp_path)
