"""A build that somebody killed says nothing of the checkpoint that it started from."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_git.builds.build import build
from ckpt_git.builds.checks.verify import verify
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.model.errors import MissingError
from tests.cli.project import Project

_CONFIG = """\
[package.p]
build = '''
if [ "$(cat word)" = two ] && [ -e "{held}/now" ]; then {end}; fi
cp word made
'''
install = "cp made $out/"
inputs = ["{held}"]
"""


@pytest.mark.parametrize(("end", "stays"), [("kill -KILL $$", True), ("exit 3", False)])
def test_only_a_failure_of_its_own_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, stays: bool
) -> None:
    """The clean build passes, as what had the first one fail is gone by then."""
    held = tmp_path / "held"
    held.mkdir()
    (held / "now").touch()
    config = _CONFIG.format(held=held, end=end)
    project = Project.make(tmp_path / "project", {"word": "one"}, config)
    base = project.build("HEAD")
    project.repo.commit("second", {"word": "two"})
    monkeypatch.chdir(project.path)
    context = Context.open()
    [done] = build(
        context,
        context.repo.target("HEAD"),
        BuildOptions(),
        lambda _, event: (held / "now").unlink() if event.kind == "failed" else None,
    )
    assert done.outcome == "passed"
    assert done.made == "clean"
    project.repo.git("checkout", "-q", "HEAD~1")
    again = project.build("HEAD")
    assert again["tree"] == base["tree"]
    assert again["cached"] == stays, "its record goes with it"


def test_a_verification_that_was_killed_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clean build of the two is killed."""
    held = tmp_path / "held"
    held.mkdir()
    config = _CONFIG.format(held=held, end="kill -KILL $$")
    project = Project.make(tmp_path / "project", {"word": "one"}, config)
    project.build("HEAD")
    second = project.repo.commit("second", {"word": "two"})
    project.build("HEAD")
    monkeypatch.chdir(project.path)
    context = Context.open()
    with pytest.raises(MissingError, match="killed by signal 9, so there is nothing to compare"):
        verify(
            context,
            context.repo.target("HEAD"),
            BuildOptions(),
            lambda _, event: (held / "now").touch() if "to compare" in event.text else None,
        )
    (held / "now").unlink()
    assert project.build("HEAD")["outcome"] == "passed", "it is tried again"
    project.repo.commit("third", {"word": "three"})
    assert project.build("HEAD")["checkpoint"]["commit"] == second, "it is a base still"
