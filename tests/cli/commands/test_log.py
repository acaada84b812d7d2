"""`git ckpt log`: what was built, along the commits of a history."""

from __future__ import annotations

import pytest

from tests.cli.project import CONFIG, Project

EDIT = ("src/main.c", "return", "return 0 +")


@pytest.fixture
def branched(project: Project) -> Project:
    """A built commit; on `topic` one that was built from it and one that fails; on `main` one
    that wasn't built, and the merge of both."""
    project.build("HEAD")
    project.repo.git("checkout", "-q", "-b", "topic")
    project.edit(*EDIT)
    project.repo.commit("on topic")
    project.build("HEAD")
    project.edit("src/greet.c", "n - 1", "m - 1")
    project.repo.commit("broken")
    project.build("HEAD", code=1)
    project.repo.git("checkout", "-q", "main")
    project.repo.commit("words", {"greeting.txt": "good day\n"})
    project.repo.git("merge", "-q", "-m", "merged", "topic")
    return project


def test_a_line_has_result_commit_seconds_files_compiled_base_and_subject(
    branched: Project,
) -> None:
    base, topic = branched.repo.git("rev-parse", "topic~2", "topic~1").split("\n")
    failed, why, built, first = branched.ckpt("log").out.splitlines()
    assert failed.startswith("✗ ")
    assert "greet.c" in why
    assert first.split()[:2] == ["●", base[:10]]
    assert first.split()[3:] == ["s", "2", "clean", "first"]
    assert built.split()[:2] == ["○", topic[:10]]
    assert built.split()[3:] == ["s", "1", base[:10], "on", "topic"]


def test_the_graph_is_gits_with_what_was_built_beside_each_commit(branched: Project) -> None:
    drawn = branched.ckpt("log", "--graph").out.splitlines()
    gits = branched.repo.git("log", "--graph", "--format=%h").splitlines()
    own = [line for line in drawn if "error:" not in line]
    assert [line.rstrip("*|\\/ ") == "" for line in own] == ["*" not in line for line in gits]
    for ours, theirs in zip(own, gits, strict=True):
        assert ours.startswith(theirs.rstrip("0123456789abcdef").rstrip())
    by_subject = {line.split()[-1]: line for line in own}
    assert "· " in by_subject["merged"]
    assert "not built" in by_subject["words"]
    assert "○ " in by_subject["topic"]
    assert "| ✗ " in by_subject["broken"] or "* ✗ " in by_subject["broken"]


def test_a_range_shows_its_commits_alone_and_all_shows_all_branches(branched: Project) -> None:
    shown = branched.ckpt("log", "main~1..topic").out
    assert "on topic" in shown
    assert [line.split()[-1] for line in shown.splitlines()] == ["broken", "function)", "topic"]
    branched.repo.git("checkout", "-q", "main~1")
    assert "on topic" not in branched.ckpt("log", "--graph").out
    assert "on topic" in branched.ckpt("log", "--all", "--graph").out
    assert len(branched.ckpt("log", "--all", "-n", "2", "--json").json()["commits"]) == 2


def test_commits_in_json_carry_their_records(branched: Project) -> None:
    commits = branched.ckpt("log", "--json", "topic").json()["commits"]
    assert [commit["subject"] for commit in commits] == ["broken", "on topic", "first"]
    assert [[r["outcome"] for r in commit["records"]] for commit in commits] == [
        ["failed"],
        ["passed"],
        ["passed"],
    ]
    assert [commit["records"][0]["compiled"] for commit in commits] == [None, 1, 2]


def test_a_commit_that_needed_no_build_names_the_one_that_answers(project: Project) -> None:
    project.repo.commit("ignore", {"ckpt.toml": f'{CONFIG}ignore = ["*.md"]\n'})
    base = project.build("HEAD")["commit"]
    project.repo.commit("words", {"README.md": "words"})
    words, built, _ = project.ckpt("log", "--graph").out.splitlines()
    assert f"as {base[:7]}" in words
    assert " s " in built


@pytest.mark.parametrize("revision", ["nothere", "HEAD..nothere", "--output=file"])
def test_revisions_that_are_none_are_told_in_one_line(project: Project, revision: str) -> None:
    [line] = project.ckpt("log", "--", revision, code=2).err.splitlines()
    assert line.startswith("ckpt: error: cannot list the commits of ")
    assert not (project.path / "file").exists()


def test_why_names_the_checkpoints_that_a_build_did_not_start_from(project: Project) -> None:
    project.build("HEAD")
    for number in ("1", "2"):
        project.edit("src/greet.h", "(", f"(/* {number} */")
        project.repo.commit(f"edit {number}")
        project.build("HEAD")
    oldest, old, new = project.repo.git("rev-list", "--reverse", "HEAD").split()
    first, passed_over, *rest = project.ckpt("log", "--why", "-n", "1").out.splitlines()
    assert new[:10] in first
    assert old[:10] in first
    assert passed_over == f"    not {oldest[:10]}: 1 file away, about 2 files to compile"
    assert rest == []
    assert passed_over.strip() in project.ckpt("log", "--graph", "--why", "-n", "1").out
    [record] = project.ckpt("log", "--json", "-n", "1").json()["records"]
    assert [one["commit"] for one in record["passed_over"]] == [oldest]
    assert "clean, for there is no checkpoint yet" in project.ckpt("log", "--why").out
