"""``git ckpt build`` without the library that reads command lines does what it does with it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ckpt_git.cli.short_build import is_short
from tests.cli.project import Done, Project

FLAGS: list[tuple[str, ...]] = [
    (),
    ("-q",),
    ("--json",),
    ("--quiet", "--json", "--clean"),
    ("--rebuild", "--rebuild"),
]
TARGETS = ("index", "HEAD", "HEAD^{tree}", "nowhere", "")

_LONG = ("--", "worktree")


@pytest.mark.parametrize("flags", FLAGS)
def test_both_ways_build_and_say_the_same(tmp_path: Path, flags: tuple[str, ...]) -> None:
    said = [
        _after_an_edit(tmp_path / name, flags, more) for name, more in (("a", ()), ("b", _LONG))
    ]
    assert is_short(["build", *flags])
    assert not is_short(["build", *flags, *_LONG])
    assert _plain(said[0], tmp_path / "a") == _plain(said[1], tmp_path / "b")


def _after_an_edit(folder: Path, flags: tuple[str, ...], more: tuple[str, ...]) -> Done:
    project = Project.make(folder / "project")
    project.build()
    project.edit("src/main.c", "main(", "main (")
    return project.ckpt("build", *flags, *more)


def _plain(done: Done, folder: Path) -> tuple[int, str, str]:
    """What differs from one build to the next is taken out."""

    def plain(text: str) -> str:
        text = text.replace(os.fspath(folder), "FOLDER")
        return re.sub(r"[0-9a-f]{10,64}|\d+\.\d+|\d{4}-\d\d-\d\d\S*", "#", text)

    return done.code, plain(done.out), plain(done.err)


@pytest.mark.parametrize("target", TARGETS)
def test_both_ways_build_the_same_target(project: Project, target: str) -> None:
    project.build()
    ways = ([target, "--json"], ["--json", "--", target])
    short, long = (project.ckpt("build", *way, code=None) for way in ways)
    assert (short.code, short.err) == (long.code, long.err)
    assert short.code or short.json()["results"] == long.json()["results"]


def test_both_ways_tell_the_same_of_a_conflict(project: Project) -> None:
    repo = project.repo
    repo.git("switch", "-q", "-c", "other")
    repo.commit("one", {"src/main.c": "int main(void) { return 1; }\n"})
    repo.git("switch", "-q", "-")
    repo.commit("two", {"src/main.c": "int main(void) { return 2; }\n"})
    repo.git("merge", "-q", "other", ok=(1,))
    short, long = (project.ckpt("build", *more, code=None) for more in ((), _LONG))
    assert "src/main.c" in short.line("unresolved conflicts")
    assert short == long


def test_both_ways_tell_the_same_where_there_is_no_repository(
    project: Project, tmp_path: Path
) -> None:
    short, long = (project.ckpt("build", *more, code=2, cwd=tmp_path) for more in ((), _LONG))
    assert "is not in a git repository" in short.line("error")
    assert short == long
