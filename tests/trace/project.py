"""A project whose makefile forgets things, traced."""

from __future__ import annotations

from pathlib import Path

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
trace = true
[package.it]
build = "make"
install = "make install"
"""


def make(path: Path, files: dict[str, str] | None = None, config: str = CONFIG) -> Project:
    """The project at ``path``, committed, not yet built."""
    return Project.make(path / "project", FILES if files is None else files, config)


def contents(result: dict[str, object]) -> dict[str, bytes]:
    """What a build installed, by path."""
    out = Path(str(result["out"]))
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }
