"""`git ckpt bisect GOOD BAD [-- CMD]`: the first bad commit, with nothing of the user's written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import Project

CONFIG = """\
[package.tool]
build = "sh ./check"
install = "mkdir -p $out/bin && cp tool $out/bin/"
"""
GOOD, BAD, ABORTS = "#!/bin/sh\n", "#!/bin/sh\nexit 3\n", "#!/bin/sh\nexit 130\n"


def made(path: Path, tools: str, unbuildable: str = "") -> Project:
    """A commit for each letter of ``tools``: ``g`` for a good program, ``b`` for a bad one, ``a``
    for one that ends the bisection. Those whose number is in ``unbuildable`` don't build."""
    project = Project.make(path / "project", {"number": "none"}, CONFIG)
    kinds = {"g": GOOD, "b": BAD, "a": ABORTS}
    for number, kind in enumerate(tools):
        check = "exit 1\n" if str(number) in unbuildable.split() else ":\n"
        project.repo.write("tool", kinds[kind], executable=True)
        project.repo.commit(f"commit {number}", {"check": check, "number": str(number)})
    return project


def bisected(project: Project, *arguments: str, code: int = 0) -> Any:
    return project.ckpt("bisect", "--json", *arguments, code=code).json()


def test_where_the_neighbour_cannot_be_tested_both_may_be_the_first_bad_one(tmp_path: Path) -> None:
    project = made(tmp_path, "ggggggbbbbb", unbuildable="5")
    document = bisected(project, "HEAD~10", "HEAD", "--", "tool", code=1)
    assert document["first_bad"] is None
    assert {c["subject"] for c in document["candidates"]} == {"commit 5", "commit 6"}


def test_a_command_tells_good_from_bad(tmp_path: Path) -> None:
    project = made(tmp_path, "ggggggggbbb", unbuildable="5")
    done = project.ckpt("bisect", "HEAD~10", "HEAD", "--", "tool")
    first = project.repo.git("rev-parse", "HEAD~2")
    assert f"{first} is the first bad commit" in done.out.splitlines()
    assert "    commit 8" in done.out.splitlines()
    assert " number | 2 +-" in done.out.splitlines()
    verdicts = {line.split()[0] for line in done.out.splitlines()[1:4]}
    assert verdicts <= {"good", "bad", "skip"}


def test_without_a_command_a_commit_is_good_that_builds(tmp_path: Path) -> None:
    project = made(tmp_path, "ggggggg", unbuildable="4 5 6")
    document = bisected(project, "HEAD~6", "HEAD")
    assert document["first_bad"]["subject"] == "commit 4"
    failed = [test for test in document["tests"] if test["verdict"] == "bad"]
    assert all(test["results"][0]["checkpoint"] is None for test in failed), "confirmed clean"
    assert document["tests"][1]["results"][0]["why_clean"].startswith("the build from the check")


def test_nothing_of_the_users_is_written_and_their_own_bisection_goes_on(tmp_path: Path) -> None:
    project = made(tmp_path, "ggggbb")
    project.repo.git("bisect", "start", "HEAD~1", "HEAD~4")
    project.repo.write("number", "an edit")
    state = ("status", "--porcelain=v2", "--branch"), ("for-each-ref",), ("bisect", "log")
    before = [project.repo.git(*words) for words in state]
    document = bisected(project, "main~5", "main", "--", "tool")
    assert document["first_bad"]["subject"] == "commit 4"
    assert [project.repo.git(*words) for words in state] == before


def test_the_command_is_told_the_commit_and_prints_no_result_of_ours(tmp_path: Path) -> None:
    project = made(tmp_path, "gb")
    tell = "echo told $CKPT_COMMIT; test -x $CKPT_OUT/bin/tool && tool"
    done = project.ckpt("bisect", "--json", "HEAD~1", "HEAD", "--", "sh", "-c", tell)
    assert f"told {project.repo.head}" in done.err
    assert done.json()["first_bad"]["commit"] == project.repo.head


def test_records_answer_when_it_is_run_again(tmp_path: Path) -> None:
    project = made(tmp_path, "gggbb")
    bisected(project, "HEAD~4", "HEAD", "--", "tool")
    again = bisected(project, "HEAD~4", "HEAD", "--", "tool")
    assert all(result["cached"] for test in again["tests"] for result in test["results"])


def test_ends_on_two_branches_part_at_a_commit_that_is_tested(tmp_path: Path) -> None:
    project = made(tmp_path, "ggb")
    project.repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    project.repo.commit("side", {"number": "side"})
    document = bisected(project, "side", "main", "--", "tool")
    assert document["first_bad"]["subject"] == "commit 2"
    assert "commit 1" in [test["subject"] for test in document["tests"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["HEAD", "HEAD~1"], 2, "HEAD~1 is before HEAD; name the good one first"),
        (["HEAD", "HEAD"], 2, "HEAD is the same commit; name the good one first"),
        (["nothere", "HEAD"], 2, "there is no commit 'nothere'"),
        (["HEAD~2..HEAD~1", "HEAD"], 2, "there is no commit 'HEAD~2..HEAD~1'"),
        (["HEAD~1", "HEAD", "--", "tool"], 1, "HEAD~1 (*) is not good: `tool` ended with 3"),
        (["HEAD~2", "HEAD", "--", "true"], 1, "HEAD (*) is not bad: `true` ended with 0"),
        (
            ["HEAD~2", "HEAD", "--", "nothere"],
            1,
            "HEAD~2 (*) is not good: `nothere` ended with 127",
        ),
    ],
)
def test_what_cannot_be_bisected_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    project = made(tmp_path, "gbb")
    line = project.ckpt("bisect", *arguments, code=code).err.splitlines()[-1]
    start, _, rest = said.partition("(*)")
    assert line.startswith(f"ckpt: error: {start}")
    assert rest in line


def test_a_command_that_ends_with_128_or_more_ends_the_bisection(tmp_path: Path) -> None:
    project = made(tmp_path, "gaab")
    line = project.ckpt("bisect", "HEAD~3", "HEAD", "--", "tool", code=1).err.splitlines()[-1]
    assert "`tool` ended with 130 at " in line
    assert "the bisection ends here" in line
