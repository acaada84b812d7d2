"""``git ckpt why``: which commands a file matters to, and why the newest build ran what it ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.project import Project

FILES = {
    "Makefile": """\
all: program table.txt list.txt
program: main.o
	$(CC) -o $@ $<
main.o: main.c
	$(CC) -Inowhere -Iinclude -c -o $@ $<
table.txt: table.sh
	sh table.sh > $@
list.txt: Makefile
	ls data > $@
install: all
	mkdir -p $(out) && cp program table.txt list.txt $(out)/
""",
    "include/value.h": "#define VALUE 0\n",
    "main.c": '#include "value.h"\nint main(void) { return VALUE; }\n',
    "table.sh": """\
for name in table more; do
    env -i /bin/cat $name.in | grep -v '#'
done
""",
    "table.in": "one\n",
    "more.in": "two\n",
    "data/first": "",
}
"""Headers, what a script reads by names that it makes, and what is listed: none of it is a
prerequisite."""

CONFIG = """\
[package.it]
build = "make"
install = "make install"
"""

COMPILES = "cc -Inowhere -Iinclude -c -o main.o main.c"
LINKS = "cc -o program main.o"
INSTALLED = ["$out/list.txt", "$out/program", "$out/table.txt"]


def _project(path: Path, config: str = CONFIG) -> Project:
    return Project.make(path / "project", FILES, config)


def _why(project: Project, *arguments: str) -> dict[str, Any]:
    [answer] = project.ckpt("why", "--json", *arguments).json()["results"]
    assert isinstance(answer, dict)
    return answer


def _readers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reader["command"], reader["how"]) for reader in answer["readers"]]


def test_the_memory_tells_who_reads_a_file_and_what_comes_of_it(tmp_path: Path) -> None:
    project = _project(tmp_path)
    assert _why(project, "main.c")["goes_by"] == "nothing"
    project.build()
    answer = _why(project, "include/value.h")
    assert answer["goes_by"] == "trace"
    assert _readers(answer) == [(COMPILES, "read")]
    assert answer["readers"][0]["outputs"] == ["main.o"]
    assert answer["rebuilt"] == [*INSTALLED, "main.o", "program"]
    # A recipe that cleans its environment is seen all the same.
    more = _why(project, "more.in")
    assert _readers(more) == [("sh table.sh > table.txt", "read")]
    assert (more["readers"][0]["step"], more["rebuilt"]) == ("cat", [*INSTALLED, "table.txt"])
    # What isn't there: looked for in vain, also in a folder that isn't there; or a name listed.
    assert (COMPILES, "missed") in _readers(_why(project, "value.h"))
    assert (COMPILES, "missed") in _readers(_why(project, "nowhere/value.h"))
    assert _readers(_why(project, "data/second")) == [("ls data > list.txt", "listed")]
    assert "make itself" in _why(project, "Makefile")["notes"][0]
    said = project.ckpt("why", "more.in").out
    assert "it: 1 command reads it, going by the trace in the checkpoint of " in said
    assert "  sh table.sh > table.txt (cat reads it) -> table.txt\n" in said
    assert f"  would be made again: {', '.join(INSTALLED)}, table.txt\n" in said


def test_what_was_answered_is_known_still(tmp_path: Path) -> None:
    project = _project(tmp_path)
    project.build()
    project.repo.commit(
        "other",
        {
            "main.c": '#include "value.h"\n#include "other.h"\nint main(void) { return OTHER; }\n',
            "include/other.h": "#define OTHER VALUE\n",
        },
    )
    assert project.build()["commands"]["answered"] > 0
    assert _readers(_why(project, "include/other.h")) == [(COMPILES, "read")]
    assert _readers(_why(project, "include/value.h")) == [(COMPILES, "read")]
    assert _readers(_why(project, "table.in")) == [("sh table.sh > table.txt", "read")]


def test_a_path_that_is_no_file_of_the_package_is_one_line(tmp_path: Path) -> None:
    project = _project(tmp_path, CONFIG + 'source = "data"\nignore = ["*.md"]\n')
    error = project.ckpt("why", "../elsewhere", code=2)
    assert error.line("../elsewhere", "is not a file of", str(project.path))
    assert "outside of data" in project.ckpt("why", "main.c").out
    assert "`ignore`" in project.ckpt("why", "data/read.md").out


def test_it_wants_either_a_file_or_the_last_build(tmp_path: Path) -> None:
    project = _project(tmp_path)
    for arguments in ((), ("main.c", "--last")):
        assert project.ckpt("why", *arguments, code=2).line("a FILE, or --last")


def test_the_last_build_tells_what_kept_each_command_from_being_answered(tmp_path: Path) -> None:
    project = _project(tmp_path)
    assert "nothing was built yet" in project.ckpt("why", "--last").out
    project.build()
    first = _why(project, "--last")
    assert {one["command"] for one in first["ran"]} >= {COMPILES, LINKS, "ls data > list.txt"}
    assert not any(one["changed"] for one in first["ran"])
    project.repo.commit("two", {"include/value.h": "#define VALUE 1\n", "data/second": ""})
    project.build()
    last = _why(project, "--last")
    assert (last["build"]["commit"], last["since"]["depth"]) == (project.repo.head, 0)
    found = {one["command"]: one for one in last["ran"]}
    missed = {name: (one["missed_by"], one["changed"]) for name, one in found.items()}
    [installs] = set(found) - {COMPILES, LINKS, "ls data > list.txt"}
    assert missed == {
        COMPILES: ("include/value.h", True),
        LINKS: ("main.o", False),
        "ls data > list.txt": ("data (its names)", True),
        installs: ("program", False),
    }
    assert [name for name, one in found.items() if one["remade"]] == [LINKS, installs]
    assert found["ls data > list.txt"]["made"] == ["list.txt"]
    said = project.ckpt("why", "--last").out
    assert said.startswith(f"it: 4 commands ran in the build of {project.repo.head[:10]}, ")
    assert said.endswith(
        f"  main.o, made anew:\n    {LINKS}\n"
        f"  program, made anew:\n    {installs}\n"
        f"  data (its names), changed in this commit:\n    ls data > list.txt\n"
        f"  include/value.h, changed in this commit:\n    {COMPILES}\n"
    )


def test_what_looked_in_vain_for_a_new_file_ran_as_the_commit_brought_it(tmp_path: Path) -> None:
    project = _project(tmp_path)
    project.build()
    project.repo.commit("shadows", {"nowhere/value.h": "#define VALUE 2\n"})
    project.build()
    [compiles] = [one for one in _why(project, "--last")["ran"] if one["command"] == COMPILES]
    assert compiles["missed_by"] == "nowhere (it was not there)"
    assert compiles["changed"]


def test_many_commands_are_cut_short_but_not_in_json(tmp_path: Path) -> None:
    makefile = "all: $(addprefix made-,$(shell seq 30))\nmade-%:\n\tcp Makefile $@\n"
    config = '[package.it]\nbuild = "make"\n'
    project = Project.make(tmp_path / "project", {"Makefile": makefile}, config)
    project.build()
    assert len(_why(project, "--last")["ran"]) == 31  # and `seq`
    said = project.ckpt("why", "--last").out
    assert said.count("\n    ") == 20
    assert said.endswith("  … and 11 more commands\n")


def test_a_build_that_failed_left_nothing_to_tell(tmp_path: Path) -> None:
    project = _project(tmp_path)
    project.repo.commit("broken", {"main.c": "#error\n"})
    project.build(code=1)
    assert "it failed" in project.ckpt("why", "--last").out
