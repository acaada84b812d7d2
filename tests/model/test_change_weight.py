"""What a change is taken to have compiled anew, by the names of its files."""

from __future__ import annotations

import pytest

from ckpt_git.model.change_weight import Weights, learn_from
from ckpt_git.watch.commands import EXISTS
from tests.watch.memories import SOURCE, Ran, Saw, memory


@pytest.fixture
def weights() -> Weights:
    return Weights(3, {"inc/all.h": 3, "inc/deep.h": 3}, 6.0)


@pytest.mark.parametrize(
    ("paths", "compiled"),
    [
        ([], 0),
        (["a.c"], 1),
        (["a.c", "b.c"], 2),
        (["inc/own.h"], 1),
        (["inc/all.h"], 3),
        (["inc/deep.h"], 3),
        (["new.h"], 1),
        (["Makefile"], 1),
        (["inc/all.h", "a.c", "Makefile"], 3),
        (["README"], 0.1),
    ],
)
def test_a_header_counts_as_many_as_include_it_and_nothing_counts_more_than_all(
    weights: Weights, paths: list[str], compiled: float
) -> None:
    assert weights.compiled(paths) == pytest.approx(compiled)


def test_seconds_are_those_of_the_clean_build_in_proportion(weights: Weights) -> None:
    assert weights.takes(1) == pytest.approx(2.0)
    assert Weights().takes(1) is None


def test_before_anything_is_known_a_header_counts_as_a_few() -> None:
    assert Weights().compiled(["a.h"]) > Weights().compiled(["a.c", "b.c"])


def test_it_comes_back_as_it_was(weights: Weights) -> None:
    assert Weights.from_json(weights.to_json()) == weights


def test_a_header_weighs_as_many_as_read_it() -> None:
    header = f"{SOURCE}/all.h"
    compiles = [
        Ran(
            f"cc -c {name}",
            [Saw(f"{SOURCE}/{name}"), Saw(header), Saw("/usr/include/stdio.h")],
            below=[Ran("as", [Saw(f"{SOURCE}/{name}")])] if name == "b.c" else (),
        )
        for name in ("a.c", "b.c", "c.c")
    ]
    failed = Ran("cc -c d.c", [Saw(f"{SOURCE}/d.c"), Saw(header)], reason="it failed", flags=0)
    asks = Ran("cc -c e.c", [Saw(f"{SOURCE}/e.c"), Saw(header, EXISTS)])
    weights = learn_from(memory(Ran("make", below=[*compiles, failed, asks])), 6.0)
    assert (weights.sources, weights.dependants, weights.seconds) == (4, {"all.h": 2}, 6.0)


def test_of_nothing_nothing_is_learnt() -> None:
    assert learn_from(memory(), 1.0) == Weights(0, {}, 1.0)
