"""The store's limit, and what it keeps for repositories: with real builds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.builds.checkpoints.prune import all_old, forget_all_old
from ckpt_git.builds.checkpoints.store_budget import collect, limit
from ckpt_git.engines.local.store import eviction
from ckpt_git.model.errors import UsageError
from ckpt_git.records import checkpoints
from tests.cli.project import Project
from tests.engines import project as builds
from tests.support import GitRepo

_BUILDS = 100
_CONFIG = '[package.p]\nbuild = "cat s >t"\ninstall = "cp t $out/"\n'


@pytest.fixture
def project(tmp_path: Path) -> builds.Project:
    """A build of one small file, of which each change takes some 50 KB."""
    project = builds.Project(GitRepo.init(tmp_path / "repository"))
    project.toml("cat s >t", install="cp t $out/")
    return project


@pytest.mark.slow
def test_a_store_at_its_limit_never_exceeds_it_by_more_than_one_build(
    project: builds.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never lacks what a kept checkpoint needs: each build starts from one that is whole."""
    monkeypatch.setattr("ckpt_git.engines.local.store.eviction._YOUNG", 0.0)
    most = 600_000
    project.repo.git("config", "ckpt.storeLimit", str(most))
    whole, largest = 0, 0
    for number in range(_BUILDS):
        project.repo.commit(f"{number}", {"s": f"{number} " * 100})
        before = eviction.size(project.store)
        record = project.build()
        assert record.passed
        largest = max(largest, eviction.size(project.store) - before)
        assert eviction.size(project.store) <= most + largest
        context = project.context()
        engine = context.engine()
        in_force = checkpoints.in_force(context.state, "it")
        assert in_force is not None
        assert engine.artifacts.damage(in_force) is None
        for checkpoint in checkpoints.listed(context.state, "it"):
            whole += 1
            assert engine.artifacts.unusable(checkpoint) is None
        assert number == 0 or record.checkpoint is not None, record.why_clean
    assert whole > _BUILDS  # more than one is kept


def test_where_nothing_fits_what_is_in_force_stays(project: builds.Project) -> None:
    for number in range(5):
        project.repo.commit(f"{number}", {"s": f"{number}"})
        project.passes()
    project.repo.git("config", "ckpt.storeLimit", "1")
    last = project.repo.commit("last", {"s": "last"})
    output = project.passes().output
    assert [checkpoint.commit for checkpoint in project.checkpoints()] == [last]
    assert (output / "t").read_text() == "last"
    project.repo.commit("next", {"s": "next"})
    assert (project.from_checkpoint().output / "t").read_text() == "next"
    assert set(project.engine_damage()) == {None}


def test_the_limit_is_what_git_says_or_the_file_or_a_share_of_the_disk(
    project: builds.Project,
) -> None:
    free = shutil.disk_usage(project.repo.path).free
    assert limit(project.context()) <= min(10 << 30, free)
    config = (project.repo.path / "ckpt.toml").read_text()
    project.repo.commit("limit", {"ckpt.toml": 'store_limit = "2G"\n' + config})
    assert limit(project.context(), project.repo.tree()) == 2 << 30
    for said, bytes_ in (("3G", 3 << 30), ("1000", 1000)):
        project.repo.git("config", "ckpt.storeLimit", said)
        assert limit(project.context(), project.repo.tree()) == bytes_
    project.repo.git("config", "ckpt.storeLimit", "much")
    with pytest.raises(UsageError, match=r"ckpt\.storeLimit is `much`"):
        limit(project.context())


def test_a_branch_that_rests_keeps_the_checkpoint_of_its_tip(
    project: builds.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_git.builds.checkpoints.prune.KEPT_CHECKPOINTS", {"local": 1})
    monkeypatch.setattr("ckpt_git.builds.checkpoints.prune._SLACK", 1)
    project.repo.commit("first", {"s": "0"})
    project.repo.git("branch", "resting")
    project.passes()
    for number in range(1, 4):
        project.repo.commit(f"{number}", {"s": f"{number}"})
        project.passes()
    tips = {project.repo.git("rev-parse", "resting"), project.repo.head}
    assert {checkpoint.commit for checkpoint in project.checkpoints()} == tips


# --- gc ------------------------------------------------------------------------------------


def _gc(project: Project, *options: str) -> dict[str, Any]:
    found = project.ckpt("gc", "--json", *options).json()
    assert isinstance(found, dict)
    return found


def test_gc_lets_go_of_what_no_repository_wants_and_of_those_that_are_gone(
    tmp_path: Path,
) -> None:
    projects = [
        Project.make(tmp_path / name, {"s": "0\n"}, _CONFIG) for name in ("one", "two", "three")
    ]
    for project in projects:
        project.ckpt("build")
    one, two, three = projects
    for left in (one, two):  # as a build leaves it that is killed before it made itself known
        shutil.rmtree(left.path / ".git/ckpt")
    shutil.rmtree(three.path)
    planned = _gc(one, "--dry-run")
    assert _gc(one, "--dry-run") == planned
    assert planned["gone"] == [str(three.path / ".git")]
    assert {entry["repository"] for entry in planned["removed"]} == {
        str(project.path / ".git") for project in (one, three)
    }
    done = _gc(one)
    assert done["after"] < done["before"]
    # How much is left depends on what the rest shares with what goes.
    assert {**done, "after": 0} == {**planned, "after": 0, "dry_run": False}
    assert "removed nothing" in one.ckpt("gc").out
    removed = _gc(one, "--all")["removed"]
    assert {entry["repository"] for entry in removed} == {str(two.path / ".git")}


def test_a_dry_run_of_gc_counts_the_checkpoints_that_are_too_many(
    project: builds.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_git.builds.checkpoints.prune.KEPT_CHECKPOINTS", {"local": 1})
    for number in range(3):
        project.repo.commit(f"{number}", {"s": f"{number}"})
        project.passes()
    context = project.context()
    assert len(all_old(context)) == 2
    planned = collect(context, 1 << 40, dry_run=True, forgotten=all_old(context))
    assert len(project.checkpoints()) == 3
    forget_all_old(context)
    assert collect(context, 1 << 40).sweep.removed == planned.sweep.removed


def test_gc_says_what_it_did_and_what_is_left(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", {"s": "0\n"}, _CONFIG)
    assert "removed nothing" in project.ckpt("gc").out
    for number in (1, 2):
        project.repo.commit("edit", {"s": f"{number}\n"})
        project.ckpt("build", "--clean")
    project.repo.git("config", "ckpt.storeLimit", "1")
    assert "would remove 1 output, 1 checkpoint, " in project.ckpt("gc", "-n").out
    done = project.ckpt("gc")
    assert done.out.startswith("removed 1 output, 1 checkpoint, ")
    assert " of 1 bytes used" in done.out
    assert "need more room than store_limit allows" in done.err
    assert project.build()["cached"]
