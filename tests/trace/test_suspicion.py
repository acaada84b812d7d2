"""A step that should have run again and didn't: found by the trace where bare make is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import Project
from tests.trace.project import FILES, contents, make

GENERATED = {
    "Makefile": """\
program: value.h main.o
	$(CC) -o $@ main.o
value.h: value.in
	cp $< $@
main.o: main.c
	$(CC) -c -o $@ $<
install: program
	mkdir -p $(out) && cp program $(out)/
""",
    "value.in": "#define VALUE 0\n",
    "main.c": '#include "value.h"\nint main(void) { return VALUE; }\n',
}
"""An object that doesn't name a header which is made."""

CASES = {
    "data": (FILES, ("more.in", "three\n"), "table.txt should depend on it"),
    "name": (FILES, ("data/second", ""), "list.txt should depend on it"),
    "generated": (GENERATED, ("value.in", "#define VALUE 3\n"), "main.o should depend on it"),
}


def _log(result: dict[str, Any]) -> str:
    return Path(str(result["log"])).read_text()


def _change(project: Project, path: str, text: str) -> None:
    project.repo.write(path, text)
    project.repo.git("add", "-A")


@pytest.mark.parametrize("case", CASES)
def test_what_make_misses_is_found_and_the_missing_edge_named(case: str, tmp_path: Path) -> None:
    files, (path, text), why = CASES[case]
    project = make(tmp_path, dict(files))
    project.build()
    _change(project, path, text)
    done = project.ckpt("build", "--json")
    [result] = done.json()["results"]
    assert why in result["why_clean"]
    assert "was another one than in a clean build" in result["why_clean"]
    assert why in done.err
    assert contents(result) == contents(project.build("--clean"))


def test_what_comes_to_nothing_is_remembered(tmp_path: Path) -> None:
    """The table is the same: one clean build finds that out, and no other is made for it."""
    project = make(tmp_path)
    project.build()
    _change(project, "more.in", "two\n# a comment\n")
    first = project.build()
    assert first["checkpoint"] is not None
    assert "compared with a clean build" in _log(first)
    _change(project, "more.in", "two\n# another comment\n")
    second = project.build()
    assert second["checkpoint"] is not None
    assert "compared with a clean build" not in _log(second)


def test_what_make_knows_of_is_not_suspected(tmp_path: Path) -> None:
    makefile = FILES["Makefile"].replace("main.o: main.c", "main.o: main.c include/value.h")
    makefile = makefile.replace("table.txt: table.sh", "table.txt: table.sh table.in more.in")
    project = make(tmp_path, {**FILES, "Makefile": makefile, "data/second": ""})
    project.build()
    for path, text in (
        ("include/value.h", "#define VALUE 4\n"),
        ("more.in", "four\n"),
        ("main.c", FILES["main.c"] + "\n"),
        ("README", "nobody reads it\n"),
    ):
        _change(project, path, text)
        result = project.build()
        assert result["checkpoint"] is not None, result["why_clean"]
        assert "===" in _log(result)
        assert "compared with a clean build" not in _log(result)
