"""A derivation is a value; its recipe tells what of it, beside the source, is another one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.model.derivation import Derivation, Limits, Recipe, Source

DRV = Derivation(
    name="hello",
    source=Source(Path("/repo"), "1" * 40),
    phases={"configure": "./configure", "build": "make"},
    env={"A": "1", "B": "2"},
    inputs=("/opt/gcc",),
    fetch="cargo fetch",
    locks=("Cargo.lock",),
)


def recipe(drv: Derivation) -> Recipe:
    return Recipe(drv.recipe_parts())


def test_override_attrs_gives_a_changed_copy() -> None:
    changed = DRV.override_attrs(name="other")
    assert (changed.name, DRV.name) == ("other", "hello")
    assert changed.override_attrs(name="hello") == DRV


def test_override_attrs_knows_what_a_derivation_has() -> None:
    with pytest.raises(TypeError, match="nmae"):
        DRV.override_attrs(nmae="x")


def test_a_derivation_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        DRV.name = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"phases": {"build": "make"}}, "commands"),
        ({"phases": {"build": "make", "configure": "./configure"}}, "commands"),
        ({"fetch": None}, "commands"),
        ({"locks": ()}, "commands"),
        ({"env": {"A": "1"}}, "environment"),
        ({"inputs": ()}, "inputs"),
        ({"source": Source(Path("/repo"), "1" * 40, "src")}, "source folder"),
    ],
)
def test_a_change_of_the_recipe_is_seen_in_its_part_alone(
    change: dict[str, Any], part: str
) -> None:
    changed = recipe(DRV.override_attrs(**change))
    assert changed.differing(recipe(DRV)) == (part,)
    assert changed.id != recipe(DRV).id


@pytest.mark.parametrize(
    "change",
    [
        {"source": Source(Path("/elsewhere"), "2" * 40)},
        {"limits": Limits(timeout=1)},
        {"env": {"B": "2", "A": "1"}},
    ],
)
def test_what_is_no_part_of_the_recipe_leaves_it_alone(change: dict[str, Any]) -> None:
    assert recipe(DRV.override_attrs(**change)).id == recipe(DRV).id


def test_parts_that_only_one_recipe_has_differ() -> None:
    assert Recipe({"a": "1", "b": "1"}).differing(Recipe({"a": "1", "c": "1"})) == ("b", "c")
