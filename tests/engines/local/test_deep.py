"""Folders nested deeper than Python calls itself, and deeper than a path can name."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckpt_git.model.errors import StoreError
from tests.engines.project import Project, python

_NESTING = """
import os, sys
os.chdir(os.environ.get(sys.argv[2], sys.argv[2]))
for number in range(int(sys.argv[1])):
    os.mkdir('dd')
    os.chdir('dd')
open('file', 'w').write('deep')
"""


@pytest.fixture(autouse=True)
def removed(tmp_path: Path) -> Iterator[None]:
    """pytest can't remove them."""
    yield
    subprocess.run(["rm", "-rf", str(tmp_path)], check=True)


def _nest(project: Project, depth: int, *places: str) -> None:
    commands = "; ".join(f"{python(_NESTING)} {depth} {place}" for place in places)
    project.toml(commands, install="cp source $out/")


@pytest.mark.parametrize("depth", [1100, 2500])
def test_in_the_folders_of_a_build(in_each_sandbox: Project, depth: int) -> None:
    project = in_each_sandbox
    project.repo.commit(files={"source": "1\n"})
    _nest(project, depth, ".", "TMPDIR")
    for content in ("1\n", "2\n"):
        project.repo.write("source", content)
        assert (project.passes().output / "source").read_text() == content
    assert project.run("gc")[0] == 0
    assert list(project.store.tmp.iterdir()) == []


def test_in_what_is_installed(in_each_sandbox: Project) -> None:
    """As far as a path can name it, it is kept; beyond, it is said so, and nothing is left."""
    project = in_each_sandbox
    project.repo.commit(files={"source": "1\n"})
    _nest(project, 1100, "out")
    record = project.passes()
    assert (record.output / ("dd/" * 1100) / "file").read_text() == "deep"
    _nest(project, 2500, "out")
    with pytest.raises(StoreError, match="nested too deep"):
        project.build()
    code, _, said = project.run("build", "worktree")
    assert code not in {0, 1}
    assert "nested too deep" in said
    project.toml("true", install="cp source $out/")
    assert (project.passes().output / "source").read_text() == "1\n"
    assert project.run("gc")[0] == 0
    assert list(project.store.tmp.iterdir()) == []


def test_among_the_sources(project: Project) -> None:
    """git has each folder above a file open, and may have 1,024 files open."""
    path = "d/" * 960 + "file"
    for depth in range(1, 961):
        (project.repo.path / ("d/" * depth)).mkdir()
    (project.repo.path / path).write_text("deep")
    project.toml(f"cp {path} made", install="cp made $out/")
    project.repo.commit("deep")
    for target in ("HEAD", "worktree"):
        assert (project.passes(target).output / "made").read_text() == "deep"
