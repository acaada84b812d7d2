"""``git ckpt why``: which commands a file matters to, and by what that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import Project
from tests.trace.project import CONFIG, make

COMPILES = "cc -Inowhere -Iinclude -c -o main.o main.c"


def _why(project: Project, path: str) -> dict[str, Any]:
    [answer] = project.ckpt("why", "--json", path).json()["results"]
    assert isinstance(answer, dict)
    return answer


def _readers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reader["command"], reader["how"]) for reader in answer["readers"]]


def test_the_trace_tells_who_reads_a_file_and_what_comes_of_it(tmp_path: Path) -> None:
    project = make(tmp_path)
    project.build()
    answer = _why(project, "include/value.h")
    assert answer["goes_by"] == "trace"
    assert _readers(answer) == [(COMPILES, "read")]
    assert answer["rebuilt"] == ["main.o", "program"]
    # A recipe that cleans its environment is seen all the same.
    assert _readers(_why(project, "more.in")) == [("sh table.sh > table.txt", "read")]
    # What isn't there: looked for in vain, also in a folder that isn't there; or a name listed.
    assert (COMPILES, "missed") in _readers(_why(project, "value.h"))
    assert (COMPILES, "missed") in _readers(_why(project, "nowhere/value.h"))
    assert _readers(_why(project, "data/second")) == [("ls data > list.txt", "listed")]
    assert "make itself" in _why(project, "Makefile")["notes"][0]
    said = project.ckpt("why", "value.h", cwd=project.path / "include").out
    assert f"  {COMPILES} (cc1 reads it) -> main.o\n" in said
    assert "  would be made again: main.o, program\n" in said


def test_what_a_checkpointed_build_ran_again_counts_as_it_ran_last(tmp_path: Path) -> None:
    project = make(tmp_path)
    project.build()
    project.edit("main.c", "VALUE; }", "VALUE + OTHER; }\n")
    project.edit("main.c", '#include "value.h"', '#include "value.h"\n#include "other.h"')
    project.repo.write("include/other.h", "#define OTHER 0\n")
    project.repo.git("add", "-A")
    assert project.build()["checkpoint"] is not None
    assert _readers(_why(project, "include/other.h")) == [(COMPILES, "read")]
    assert _readers(_why(project, "include/value.h")) == [(COMPILES, "read")]
    assert _readers(_why(project, "table.in")) == [("sh table.sh > table.txt", "read")]


DEPFILES = {
    "make": {
        "Makefile": """\
program: main.o
	$(CC) -o $@ $<
main.o: src/main.c
	$(CC) -Iinclude -MMD -MF deps/main.d -c -o $@ $<
""",
        "deps/README": "",
    },
    "ninja": {
        "build.ninja": """\
rule cc
  command = cc -Iinclude -MMD -MF $out.d -c -o $out $in
  depfile = $out.d
  deps = gcc
rule link
  command = cc -o $out $in
build main.o: cc src/main.c
build program: link main.o
""",
    },
}


@pytest.mark.parametrize("tool", DEPFILES)
def test_without_a_trace_it_goes_by_depfiles(tool: str, tmp_path: Path) -> None:
    source = '#include "value.h"\nint main(void) { return VALUE; }\n'
    files = {"include/value.h": "#define VALUE 0\n", "src/main.c": source, **DEPFILES[tool]}
    project = make(tmp_path, files, f'[package.it]\nbuild = "{tool}"\n')
    assert _why(project, "src/main.c")["goes_by"] == "nothing"
    project.build()
    answer = _why(project, "include/value.h")
    assert answer["goes_by"] == "depfiles"
    assert answer["rebuilt"] == ["main.o"]
    said = project.ckpt("why", "include/value.h").out
    assert "1 file depends on it, going by the depfiles" in said
    assert "trace = true" in said


def test_a_path_that_is_no_file_of_the_package_is_one_line(tmp_path: Path) -> None:
    project = make(tmp_path, config=CONFIG + 'source = "data"\nignore = ["*.md"]\n')
    error = project.ckpt("why", "../elsewhere", code=2)
    assert error.line("../elsewhere", "is not a file of", str(project.path))
    assert "outside of data" in project.ckpt("why", "main.c").out
    assert "`ignore`" in project.ckpt("why", "data/read.md").out
