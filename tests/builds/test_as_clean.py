"""Where a bare incremental build is wrong by itself, ours is what a clean build gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.builds.wrong_by_itself import CASES, MAKE, Case, Link
from tests.cli.project import Project
from tests.engines.project import snapshot
from tests.support import GitRepo


def _write_all(repo: GitRepo, files: Mapping[str, str | None]) -> None:
    for path, content in files.items():
        if content is None:
            repo.remove(path)
        elif isinstance(content, Link):
            repo.link(path, content)
        else:
            repo.write(path, content)
    repo.git("add", "-A")


def assert_as_clean(project: Project) -> dict[str, Any]:
    """A build of the work tree with a memory, and that it gives what one from nothing gives."""
    ours = project.build()
    assert (ours["trace"], ours["why_clean"]) == ("complete", None)
    assert ours["checkpoint"] is not None
    clean = project.build("--clean")
    assert snapshot(Path(ours["out"])) == snapshot(Path(clean["out"]))
    return ours


# In an empty folder nothing is configured yet.
_OTHERS = [case for case in CASES if case.name != "flags in Makefile.am, configured once"]


@pytest.mark.parametrize("case", _OTHERS, ids=lambda case: case.name)
def test_equals_a_clean_build(case: Case, tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", {}, case.config)
    _write_all(project.repo, case.files)
    project.build()
    _write_all(project.repo, case.change)
    ours = assert_as_clean(project)
    if case.compiled is not None:
        assert ours["compiled"] == case.compiled


def test_a_recipe_that_failed_and_left_its_target_fails_again(tmp_path: Path) -> None:
    """A build tool would take the target for made: what failed isn't remembered."""
    makefile = "all: text\ntext: words.txt\n\tcp words.txt $@ && ! grep bad $@\n"
    makefile += "install: all\n\tmkdir -p $(out) && cp text $(out)\n"
    files = {"Makefile": makefile, "words.txt": "good\n", "beside.c": "\n"}
    project = Project.make(tmp_path / "project", files, MAKE)
    project.build()
    project.repo.write("words.txt", "bad\n")
    project.build(code=1)
    project.repo.write("beside.c", "int beside;\n")
    project.build(code=1)
