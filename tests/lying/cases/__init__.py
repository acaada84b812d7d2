"""Builds that lie, written by hand: a module for each sort of tool."""

from __future__ import annotations

from tests.lying.cases import (
    by_init,
    checks,
    configured,
    languages,
    links,
    makefiles,
    ninja,
    processes,
    remembered,
    scripts,
)
from tests.lying.cases.case import Case

_BY_TOOL: tuple[tuple[Case, ...], ...] = (
    makefiles.CASES,
    ninja.CASES,
    configured.CASES,
    scripts.CASES,
    processes.CASES,
    languages.CASES,
    remembered.CASES,
    links.CASES,
    checks.CASES,
    by_init.CASES,
)

CASES: tuple[Case, ...] = tuple(case for cases in _BY_TOOL for case in cases)


def _one_of_each_kind(cases: tuple[Case, ...]) -> list[Case]:
    return list({case.kind: case for case in reversed(cases)}.values())


FEW: frozenset[Case] = frozenset(case for cases in _BY_TOOL for case in _one_of_each_kind(cases))
"""What is built each time: all of them take minutes."""
