"""What a change is taken to have compiled anew, by the names of its files."""

from __future__ import annotations

import pytest

from ckpt_git.model.weight import Weights, learn

_PATHS = ["Makefile", "README", "a.c", "b.c", "c.c", "inc/all.h", "inc/own.h", "inc/deep.h"]
_INCLUDES = [
    ("a.c", '#include "all.h"'),
    ("b.c", "# include <inc/all.h>"),
    ("c.c", '#include "inc/../inc/all.h"'),
    ("c.c", '#include "inc/own.h"'),
    ("inc/all.h", '#include "deep.h"'),
    ("inc/deep.h", '#include "all.h"'),  # each other's: it must come to an end
    ("a.c", "/* include own.h */"),
    ("a.c", "#include <stdio.h>"),
]


@pytest.fixture
def weights() -> Weights:
    return learn(_PATHS, _INCLUDES, 6.0)


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
