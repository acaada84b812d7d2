"""Which of several checkpoints a build takes: what has least compiled anew; and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.project import CONFIG, Project

_SOURCES = 12
_MAKEFILE = """\
OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))
all: $(OBJECTS)
	cat *.o >all
%.o: %.c
	cat $^ >$@
-include deps
install: all
	mkdir -p $(out) && cp all $(out)/
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sources that all include one header; each compiles into a copy of what it reads."""
    files = {f"s{n}.c": f'#include "all.h"\nint s{n};\n' for n in range(_SOURCES)}
    deps = "".join(f"s{n}.o: all.h\n" for n in range(_SOURCES))
    files |= {"all.h": "int all;\n", "deps": deps, "Makefile": _MAKEFILE, "ckpt.toml": CONFIG}
    project = Project.make(tmp_path / "project", files, CONFIG)
    project.ckpt("build", "--quiet")
    return project


def test_three_sources_are_nearer_than_one_header_that_all_include(project: Project) -> None:
    base = project.repo.head
    project.repo.git("switch", "-q", "-c", "header")
    project.repo.commit("header", {"all.h": "int everything;\n"})
    project.ckpt("build", "--quiet")
    project.repo.git("switch", "-q", "-c", "sources", base)
    project.repo.commit("three", {f"s{n}.c": f"int new{n};\n" for n in range(3)})
    said = project.ckpt("build", "--quiet", "--explain").err
    assert f"starts from the checkpoint of {base[:10]}" in said
    assert "3 files modified, about 3 files to compile" in said
    assert "4 files away, about 12 files to compile" in said


def test_what_cannot_matter_is_no_distance(project: Project) -> None:
    ignoring = CONFIG.replace("[package.hello]", '[package.hello]\nignore = ["docs/**"]')
    project.repo.commit("ignore", {"ckpt.toml": ignoring})
    project.ckpt("build", "--quiet")
    first = project.repo.head
    project.repo.commit("one", {"s0.c": "int one;\n"})
    project.ckpt("build", "--quiet")
    many = {f"docs/{n}": "" for n in range(9)}
    project.repo.git("switch", "-q", "-c", "docs", first)
    project.repo.commit("docs", {**many, "s1.c": "int two;\n"})
    assert project.build()["checkpoint"]["commit"] == first


@pytest.mark.slow
def test_switching_between_branches_compiles_what_the_new_line_touches(tmp_path: Path) -> None:
    """Criterion: two branches many files apart, ten switches, a one-line commit at each."""
    files = {f"s{n}.c": f"int s{n};\n" for n in range(220)}
    files |= {"Makefile": _MAKEFILE, "deps": ""}
    project = Project.make(tmp_path / "project", files)
    project.ckpt("build", "--quiet")
    project.repo.git("branch", "side")
    project.repo.commit("far", {f"s{n}.c": f"int far{n};\n" for n in range(200)})
    project.ckpt("build", "--quiet")
    compiled = []
    for number in range(10):
        project.repo.git("switch", "-q", "side" if number % 2 == 0 else "main")
        project.repo.commit(f"line {number}", {f"s{number + 200}.c": f"int line{number};\n"})
        compiled.append(project.build()["compiled"])
    assert compiled == [1] * 10
