"""The rule by which a checkpoint moves, against the best that could have been done in hindsight."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ckpt_git.model.follow_policy import CostOfStaying, Drift

PRICE = 10.0


def _rent(base: int, build: int, files: Sequence[float]) -> float:
    """What ``build`` compiles again from ``base``: all since, but for what is new in it. At most
    all there is."""
    return min(PRICE, sum(files[base + 1 : build]))


def _spent(files: Sequence[float]) -> float:
    """By the rule: rents, and the price wherever it says to move."""
    base, drift, spent = -1, Drift(), 0.0
    for build in range(len(files)):
        rent = _rent(base, build, files)
        if CostOfStaying(drift, rent, PRICE).pays_to_move:
            base, drift, spent = build, Drift(), spent + PRICE
        else:
            drift, spent = drift.after(rent), spent + rent
    return spent


def _best(files: Sequence[float]) -> float:
    """The least that any choice of moves costs."""
    costs = {-1: 0.0}
    for build in range(len(files)):
        moved = min(costs.values()) + PRICE
        costs = {base: cost + _rent(base, build, files) for base, cost in costs.items()}
        costs[build] = moved
    return min(costs.values())


@given(st.lists(st.floats(0, PRICE), max_size=40))
def test_it_never_spends_more_than_twice_the_best(files: list[float]) -> None:
    assert _spent(files) <= 2 * _best(files) + 1e-6


def test_it_moves_as_soon_as_the_next_rent_is_too_much() -> None:
    drift = Drift().after(3.0).after(4.0)
    assert drift == Drift(builds=2, seconds=7.0)
    assert not CostOfStaying(drift, 3.0, PRICE).pays_to_move
    assert CostOfStaying(drift, 3.1, PRICE).pays_to_move


def test_without_a_price_it_stays() -> None:
    assert not CostOfStaying(Drift(9, 1e6), 1e6, None).pays_to_move
