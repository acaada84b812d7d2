"""Builds histories of plans, several in one repository, and finds those that come out wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.lying.company import package, together
from tests.lying.growing.edits import history
from tests.lying.growing.rendering import rendered
from tests.lying.growing.shrinking import History, shrunk
from tests.lying.outputs import Built, differences
from tests.lying.script import script
from tests.lying.site import Comparison, Packages, Site, assert_right_or_refused, remembers


@dataclass(frozen=True)
class Examined:
    """What some histories' builds came to: the first difference of each that has one, by place;
    and how many builds there were, how many of them failed, and how many commands were answered."""

    wrong: Mapping[int, str]
    builds: int
    failed: int
    answered: int


def examine(histories: Sequence[History]) -> Examined:
    trees = together([[rendered(plan) for plan in plans] for plans in histories])
    with tempfile.TemporaryDirectory(prefix="ckpt-lying-") as folder, Site.at(Path(folder)) as site:
        site.base(trees[0])
        commits = site.commits(trees[1:])
        wrong = {}
        for place, plans in enumerate(histories):
            for number in range(1, len(plans)):
                one = commits[number - 1][package(place)]
                assert_right_or_refused(one.result)
                if one.differences and place not in wrong:
                    told = _told(one, site.clean(number)[package(place)])
                    wrong[place] = f"commit {number}: {told}"
        return Examined(wrong, *_numbers(histories, commits))


def found(seed: str, count: int) -> list[History]:
    """``count`` histories that come of ``seed``."""
    random = Random(seed)
    return [history(random) for _ in range(count)]


def reproduced(plans: History, told: str, seconds: float) -> str:
    """A script that shows what went wrong, of as small a history as ``seconds`` allow for."""
    small = shrunk(plans, lambda smaller: bool(examine([smaller]).wrong), seconds)
    said = examine([small]).wrong.get(0, f"wrong only beside others: {told}")
    return script([rendered(plan) for plan in small], said)


def _told(one: Comparison, again: Built) -> str:
    if differences(one.clean, again):
        return "no two clean builds are the same: " + "; ".join(differences(one.clean, again))
    return "; ".join(one.differences)


def _numbers(histories: Sequence[History], commits: Sequence[Packages]) -> tuple[int, int, int]:
    compared = [
        commits[number - 1][package(place)]
        for place, plans in enumerate(histories)
        for number in range(1, len(plans))
    ]
    answered = sum(one.result["commands"]["answered"] for one in compared if remembers(one.result))
    failed = sum(one.clean.outcome == "failed" for one in compared)
    return len(compared), failed, answered
