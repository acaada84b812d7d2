"""The checkpoint in force: what moves it, and what builds start from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ckpt_git.records import checkpoints
from tests.engines.project import Project
from tests.support import GitRepo


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty repository."""
    return Project(GitRepo.init(tmp_path / "repository"))


def _follows(project: Project, how: str) -> None:
    project.toml("cat file >made", follow=f'"{how}"')


def _commit(project: Project, content: str) -> str:
    return project.repo.commit(content, {"file": content})


def _in_force(project: Project) -> str | None:
    found = checkpoints.in_force(project.context().state, "it")
    return None if found is None else found.commit


def _base(project: Project, target: str = "worktree") -> str | None:
    record = project.from_checkpoint(target)
    return record.checkpoint.commit if record.checkpoint else None


def test_builds_of_head_move_it_and_those_of_edits_and_of_old_commits_do_not(
    project: Project,
) -> None:
    _follows(project, "builds")
    first = _commit(project, "1")
    project.passes()
    second = _commit(project, "2")
    assert _base(project) == first
    assert _in_force(project) == second
    project.repo.write("file", "3")
    assert _base(project) == second
    project.passes(first)
    assert _in_force(project) == second


def test_with_manual_it_stays_until_prepare_moves_it_and_all_builds_start_from_it(
    project: Project,
) -> None:
    _follows(project, "manual")
    first = _commit(project, "1")
    project.passes()
    second = _commit(project, "2")
    assert _base(project) == first
    assert _in_force(project) == first
    assert project.run("prepare")[0] == 0
    assert _in_force(project) == second
    _commit(project, "3")
    assert _base(project) == second


_SOURCES = ("a", "b", "c", "d")


def _edit(project: Project, name: str) -> str:
    return project.repo.commit(name, {f"{name}.c": "edited\n"})


@pytest.fixture
def drifting(project: Project) -> list[str]:
    """Built once, with four sources, and then three commits that edit one each. From the first each
    build compiles what the ones before had edited again: none, 1/4 and 2/4 of all."""
    project.toml("cat *.c >made", follow='"auto"')
    files = {f"{name}.c": "" for name in _SOURCES}
    commits = [project.repo.commit("all", files)]
    project.passes()
    for name in _SOURCES[:3]:
        commits.append(_edit(project, name))
        assert _base(project, "HEAD") == commits[0]
        assert _in_force(project) == commits[0]
    return commits


@pytest.mark.usefixtures("drifting")
def test_with_auto_it_moves_once_to_stay_would_have_cost_more_than_a_clean_build(
    project: Project,
) -> None:
    commit = _edit(project, _SOURCES[3])
    record = project.build("HEAD")
    assert record.passed
    assert record.checkpoint is None
    assert "the checkpoint moves here" in (record.why_clean or "")
    assert _in_force(project) == commit
    project.repo.commit("a again", {"a.c": "1\n"})
    assert _base(project, "HEAD") == commit
    status = json.loads(project.run("status", "--json")[1])["packages"][0]["staying"]
    assert (status["builds"], status["seconds"]) == (1, 0.0), "it begins anew"


def test_the_numbers_are_in_status_and_a_rebase_goes_by_them(
    project: Project, drifting: list[str]
) -> None:
    status = json.loads(project.run("status", "--json")[1])["packages"][0]["staying"]
    assert status["builds"] == 3
    assert status["seconds"] == pytest.approx(0.75 * status["price"], abs=0.02)
    assert "s in 3 builds, a clean build takes" in project.run("status")[1]

    code, said, _ = project.run("rebase-checkpoint", "--auto", drifting[1])
    assert (code, _in_force(project)) == (0, drifting[0])
    assert said.startswith(f"it: the checkpoint of {drifting[0][:10]} stays: ")
    commit = _edit(project, _SOURCES[3])
    planned = json.loads(project.run("rebase-checkpoint", "--auto", "-n", "--json")[1])
    assert planned["planned"][0]["how"] == "clean"
    assert planned["stayed"] == []
    assert _in_force(project) == drifting[0]
    code, said, _ = project.run("rebase-checkpoint", "--auto")
    assert (code, _in_force(project)) == (0, commit)
    assert "built clean" in said


def test_with_auto_a_build_of_an_old_commit_or_of_edits_moves_nothing(
    project: Project, drifting: list[str]
) -> None:
    commit = _edit(project, _SOURCES[3])
    project.repo.git("switch", "-q", "--detach", drifting[0])
    assert _base(project, commit) == drifting[0]
    assert _in_force(project) == drifting[0]


def test_where_the_one_in_force_is_gone_another_takes_its_place(project: Project) -> None:
    _follows(project, "manual")
    first = _commit(project, "1")
    project.passes()
    second = _commit(project, "2")
    project.passes()
    state = project.context().state
    in_force = checkpoints.in_force(state, "it")
    assert in_force is not None
    checkpoints.drop(state, in_force)
    assert (first, _in_force(project)) == (in_force.commit, second)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"id": 5}'])
def test_a_damaged_note_of_what_is_in_force_counts_as_none(project: Project, content: str) -> None:
    _follows(project, "builds")
    first = _commit(project, "1")
    project.passes()
    (project.context().state.path / "in-force" / "it.json").write_text(content)
    assert _in_force(project) == first
