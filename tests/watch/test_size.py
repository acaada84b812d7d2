"""Much of everything."""

from __future__ import annotations

import pytest

from tests.watch.project import Project


@pytest.mark.slow
def test_four_thousand_commands(project: Project) -> None:
    for number in range(4000):
        project.write(f"{number}.in", f"{number}\n")
    project.write(
        "Makefile", "all: $(patsubst %.in,%.out,$(wildcard *.in))\n%.out: %.in\n\tcp $< $@\n"
    )
    project.command = "make -s -j4"
    project.record()
    assert project.again() == []
    project.write("17.in", "other\n")
    assert project.again() == ["make -s -j4", "cp 17.in 17.out"]


@pytest.mark.slow
def test_many_files_that_are_opened(probing: Project) -> None:
    for number in range(0, 20_000, 100):
        probing.write(f"x/{number}", "")
    probing.write("other", "one\n")
    probing.command = (
        "mkdir y; for i in 1 2 3 4 5; do $probe count-opens 20000 x; done; cp other copy; "
        "$probe count-opens 100000 x > count"
    )
    probing.record()
    assert probing.again() == []
    probing.write("x/77", "")
    assert "cp other copy" not in probing.again()


@pytest.mark.slow
def test_shells_in_each_other(project: Project) -> None:
    project.write("run", "if [ $1 -gt 0 ]; then sh run $(($1 - 1)); else cp a b; fi\n")
    project.write("a", "first\n")
    project.command = "sh run 1000"
    project.record()
    assert project.again() == []
    project.write("a", "other\n")
    assert "cp a b" in project.again()
