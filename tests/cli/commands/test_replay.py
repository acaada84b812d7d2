"""`git ckpt replay A..B`: each commit of a range, built from the one before it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import CONFIG, Project, allowed_files

# What it tells of a limit is remembered, as nobody sees that it asked.
STALE = """\
[package.hello]
build = "if grep -q two extra; then ulimit -n; else cat extra; fi >made"
install = "cp made $out/"
"""


def replayed(project: Project, *arguments: str, code: int = 0) -> tuple[Any, list[str]]:
    """The document, and the outcomes in their order."""
    document = project.ckpt("replay", "--json", *arguments, code=code).json()
    return document, [result["outcome"] for result in document["results"]]


@pytest.fixture
def edited(project: Project) -> Project:
    """Three commits after the first: one good, one that doesn't compile, one that mends it."""
    project.edit("src/main.c", "return", "return 0 +")
    project.repo.commit("second")
    project.edit("src/greet.c", "n - 1", "m - 1")
    project.repo.commit("third, broken")
    project.edit("src/greet.c", "m - 1", "n - 1 + 0")
    project.repo.commit("fourth")
    return project


def test_each_commit_starts_from_the_one_before_and_a_failure_does_not_end_it(
    edited: Project,
) -> None:
    edited.build("HEAD~3")
    document, outcomes = replayed(edited, "HEAD~3..HEAD", code=1)
    assert outcomes == ["passed", "failed", "passed"]
    second, third, fourth = document["results"]
    assert second["checkpoint"]["commit"] == edited.repo.git("rev-parse", "HEAD~3")
    assert fourth["checkpoint"]["commit"] == second["commit"], "a failed build is no base"
    assert third["confirmed"] is True, "a clean build has confirmed it"
    assert [result["compiled"] for result in document["results"]] == [1, None, 1]
    assert [result["subject"] for result in (second, fourth)] == ["second", "fourth"]
    totals = document["totals"]
    assert (totals["commits"], totals["passed"], totals["failed"]) == (3, 2, 1)


def test_a_replay_that_ended_early_goes_on_where_it_was(edited: Project) -> None:
    replayed(edited, "HEAD~3..HEAD~2")
    document, _ = replayed(edited, "HEAD~3..HEAD", code=1)
    assert [result["cached"] for result in document["results"]] == [True, False, False]
    again, outcomes = replayed(edited, "HEAD~3..HEAD", code=1)
    assert outcomes == ["passed", "failed", "passed"]
    assert again["totals"]["answered"] == 3
    assert again["totals"]["compiled"] == 0


def test_what_is_on_record_answers_although_its_output_is_gone(edited: Project) -> None:
    built = edited.build("HEAD~2")
    shutil.rmtree(built["out"])
    [result] = replayed(edited, "HEAD~3..HEAD~2")[0]["results"]
    assert (result["cached"], result["out"]) == (True, None)


def test_the_users_files_index_and_head_stay_as_they_are(edited: Project) -> None:
    edited.repo.write("src/main.c", "not C\n")
    edited.repo.write("new.c", "int x;\n")
    edited.repo.git("add", "new.c")
    before = edited.repo.git("status", "--porcelain=v2", "--branch"), edited.repo.head
    replayed(edited, "HEAD~3..HEAD", code=1)
    assert (edited.repo.git("status", "--porcelain=v2", "--branch"), edited.repo.head) == before
    assert edited.repo.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_merges_are_built_after_both_sides_and_first_parent_leaves_them_out(
    project: Project,
) -> None:
    base = project.repo.head
    project.repo.git("checkout", "-q", "-b", "side")
    side = project.repo.commit("side", {"greeting.txt": "on the side\n"})
    project.repo.git("checkout", "-q", "main")
    project.edit("src/main.c", "return", "return 0 +")
    main = project.repo.commit("main")
    project.repo.git("merge", "-q", "-m", "merge", "side")
    document, _ = replayed(project, f"{base}..main")
    commits = [result["commit"] for result in document["results"]]
    assert {*commits[:2]} == {side, main}
    assert commits[2] == project.repo.head
    document, _ = replayed(project, "--first-parent", f"{base}..main")
    assert [result["commit"] for result in document["results"]] == [main, project.repo.head]


def test_verify_compares_with_clean_builds_and_finds_what_differs(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "stale", {"extra": "one\n", "other": "1"}, STALE)
    project.repo.commit("same", {"other": "2"})
    project.repo.commit("stale", {"extra": "two\n"})
    with allowed_files(701):
        project.build("HEAD~2")
        project.repo.write("other", "3")
        project.build()
    project.repo.git("checkout", "--", "other")
    with allowed_files(702):
        done = project.ckpt("replay", "--verify", "HEAD~2..HEAD", code=1)
    same, stale = (line for line in done.out.splitlines() if line[:2] in {"= ", "✗ "})
    assert same.split()[5:] == ["1", "yes", "same"]
    assert stale.split()[-2:] == ["DIFFERS", "stale"]
    assert "differs from a clean build: made" in done.out
    assert "1 not as a clean build" in done.out


def test_a_range_with_manual_checkpoints_goes_along_all_the_same(project: Project) -> None:
    project.repo.commit("manual", {"ckpt.toml": f'follow = "manual"\n{CONFIG}'})
    first = project.build("HEAD")["commit"]
    project.edit("src/main.c", "return", "return 0 +")
    second = project.repo.commit("second")
    project.edit("src/main.c", "return 0 +", "return 0 + 0 +")
    project.repo.commit("third")
    results = replayed(project, f"{first}..HEAD")[0]["results"]
    assert [result["checkpoint"]["commit"] for result in results] == [first, second]


def test_a_commit_that_cannot_be_built_is_named_and_the_rest_is_built(project: Project) -> None:
    project.repo.commit("bad", {"ckpt.toml": "package = 1\n"})
    project.repo.commit("good", {"ckpt.toml": CONFIG})
    document, outcomes = replayed(project, "HEAD~2..HEAD", code=1)
    assert outcomes == ["passed"]
    [unbuilt] = document["unbuilt"]
    assert unbuilt["subject"] == "bad"
    assert unbuilt["why"].startswith("ckpt.toml:1: ")


@pytest.mark.parametrize(
    ("revisions", "said"),
    [
        ("HEAD", "'HEAD' is not a range of commits; `HEAD~10..HEAD` would be one"),
        ("nothere..HEAD", "cannot list the commits of nothere..HEAD: bad revision"),
        ("--output=x..HEAD", "cannot list the commits of --output=x..HEAD: bad revision"),
    ],
)
def test_what_is_no_range_is_told_in_one_line(project: Project, revisions: str, said: str) -> None:
    [line] = project.ckpt("replay", "--", revisions, code=2).err.splitlines()
    assert line.startswith(f"ckpt: error: {said}")


def test_an_empty_range_is_nothing_to_do(project: Project) -> None:
    assert project.ckpt("replay", "HEAD..HEAD").out == "no commits in HEAD..HEAD\n"
