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

CASES: tuple[Case, ...] = (
    *makefiles.CASES,
    *ninja.CASES,
    *configured.CASES,
    *scripts.CASES,
    *processes.CASES,
    *languages.CASES,
    *remembered.CASES,
    *links.CASES,
    *checks.CASES,
    *by_init.CASES,
)
