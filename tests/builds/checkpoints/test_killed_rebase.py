"""``rebase-checkpoint``, killed at any moment while builds run: one is always in force."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from ckpt_git.builds.context import Context
from ckpt_git.engines.local.store import eviction
from ckpt_git.engines.local.store.store import Store
from ckpt_git.records import checkpoints
from tests.cli.project import Project
from tests.support import eventually

_KILLS = int(os.environ.get("CKPT_KILLS", "8"))
"""How often; ``CKPT_KILLS=50`` for the whole of it."""

_CONFIG = '[package.p]\nbuild = "cat s >t; mkdir -p d; cp s d/"\ninstall = "cp -R t d $out/"\n'


def _in_force(project: Project) -> str | None:
    """The commit whose checkpoint is in force; it must be whole."""
    context = Context.open(project.path, project.environment())
    found = checkpoints.in_force(context.state, "p")
    assert found is not None
    assert context.engine().artifacts.damage(found) is None
    return found.commit


def _end(process: object) -> None:
    process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
    process.communicate()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_killed_at_any_moment_the_old_one_or_the_new_one_is_in_force(tmp_path: Path) -> None:
    chance = random.Random(11)
    project = Project.make(tmp_path / "project", {"s": "0\n"}, _CONFIG)
    project.ckpt("rebase-checkpoint")
    old = project.repo.commit("measured", {"s": "1\n"})
    began = time.monotonic()
    project.ckpt("rebase-checkpoint")
    whole = time.monotonic() - began
    moved = 0
    for number in range(1, _KILLS + 1):
        new = project.repo.commit(f"{number}", {"s": f"commit {number}\n"})
        project.repo.write("s", f"edit {number}\n")
        build = project.start("build")
        move = project.start("rebase-checkpoint", *chance.choice([[new], [new, "--clean"]]))
        time.sleep(chance.uniform(0.1, 1.1) * whole)
        _end(move)
        if chance.random() < 0.5:
            _end(build)
        build.communicate()
        found = _in_force(project)
        assert found in {old, new}
        moved += found == new
        old = found
    assert moved < _KILLS  # some were killed before they came to an end
    # What was killed ends a moment later, and its workspace is held until then.
    left = Context.open(project.path, project.environment()).store / "tmp"
    eventually(lambda: project.ckpt("gc").code == 0 and not any(left.iterdir()), "all is swept")
    _nothing_is_orphaned(project)
    project.repo.git("checkout", "-q", "s")
    assert project.build("--rebuild")["checkpoint"] is not None


def _nothing_is_orphaned(project: Project) -> None:
    context = Context.open(project.path, project.environment())
    mine = [
        entry.id
        for entry in eviction.entries(Store(context.store))
        if entry.is_checkpoint and entry.owner == str(project.path / ".git")
    ]
    assert set(mine) == set(checkpoints.all_ids(context.state))
