"""Where a bare incremental build is wrong by itself, ours is what a clean build gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builds.wrong_by_itself import ARCHIVE, CASES, MAKE, WILDCARD, Case
from tests.cli.project import Project


def _build(project: Project, *options: str) -> dict[str, object]:
    document = project.ckpt("build", "--json", *options).json()
    result: dict[str, object] = document["results"][0]
    return result


def _contents(result: dict[str, object]) -> dict[str, bytes]:
    out = Path(str(result["out"]))
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_a_clean_build_and_says_why_it_was_not_trusted(case: Case, tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", case.files, case.config)
    _build(project)
    for path, content in case.change.items():
        if content is None:
            project.repo.remove(path)
        else:
            project.repo.write(path, content)
    project.repo.git("add", "-A")
    ours = _build(project)
    if case.why is None:
        assert ours["checkpoint"] is not None, ours["why_clean"]
    else:
        assert case.why in str(ours["why_clean"])
    assert _contents(ours) == _contents(_build(project, "--clean"))


def test_an_edit_of_a_source_is_not_rehearsed(tmp_path: Path) -> None:
    """The common change must not pay for the rare one: where make refuses a dry run, an edit
    does not care, and a new name leads to a clean build that says why."""
    refuses = "ifneq (,$(findstring n,$(MAKEFLAGS)))\n$(error not here)\nendif\n"
    files = {**WILDCARD, "Makefile": refuses + WILDCARD["Makefile"]}
    project = Project.make(tmp_path / "project", files, MAKE)
    _build(project)
    project.repo.write("other.c", 'const char *other(void) { return "new"; }\n')
    assert _build(project)["checkpoint"] is not None
    project.repo.write("added.c", "int added;\n")
    project.repo.git("add", "-A")
    assert "dry run" in str(_build(project)["why_clean"])


def test_the_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", ARCHIVE, MAKE)
    _build(project)
    project.repo.remove("parts/m.c")
    project.repo.git("add", "-A")
    _build(project)
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
