"""The checkpoint in force: what moves it, and what builds start from."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    found = project.context().state.in_force("it")
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


def test_where_the_one_in_force_is_gone_another_takes_its_place(project: Project) -> None:
    _follows(project, "manual")
    first = _commit(project, "1")
    project.passes()
    second = _commit(project, "2")
    project.passes()
    state = project.context().state
    in_force = state.in_force("it")
    assert in_force is not None
    state.drop_checkpoint(in_force)
    assert (first, _in_force(project)) == (in_force.commit, second)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"id": 5}'])
def test_a_damaged_note_of_what_is_in_force_counts_as_none(project: Project, content: str) -> None:
    _follows(project, "builds")
    first = _commit(project, "1")
    project.passes()
    (project.context().state.path / "in-force" / "it.json").write_text(content)
    assert _in_force(project) == first
