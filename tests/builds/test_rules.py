"""The list of what build tools miss: each entry has its cases, and people read the same."""

from __future__ import annotations

from pathlib import Path

from ckpt_git.engines.local.freshness.missed import RULES
from tests.builds.wrong_by_itself import CASES

_PAGE = Path(__file__).parents[2] / "docs" / "missed.md"


def test_each_rule_has_cases_that_are_tests() -> None:
    names = {case.name for case in CASES}
    assert [case for rule in RULES for case in rule.cases if case not in names] == []
    assert all(rule.cases for rule in RULES)


def test_the_page_has_a_line_for_each_rule() -> None:
    lines = [line for line in _PAGE.read_text().splitlines() if line.startswith("| ")][2:]
    assert lines == [
        f"| {rule.tool} | {rule.misses} | {rule.done} | {'; '.join(rule.cases)} |" for rule in RULES
    ]
