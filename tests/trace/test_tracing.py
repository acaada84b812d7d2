"""Tracing changes nothing about what is built, whatever is built; what it can't see it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trace.project import CONFIG, FILES, contents, make

PROGRAMS = {
    "Makefile": """\
all: said.txt
still: tool.c
	$(CC) -static -o $@ $<
checked: tool.c
	$(CC) -fsanitize=address -o $@ $<
said.txt: still checked table.in
	./still < table.in > $@
	./checked < table.in >> $@
	(echo one; cat table.in) | head -1 >> $@
	python3 -c 'import subprocess as s; s.run(["cat", "more.in"], env={}, cwd=".")' >> $@
	perl -e 'open(my $$f, "<", "table.in"); print <$$f>' >> $@
	sh -c 'exec cat more.in' >> $@
install: all
	mkdir -p $(out) && cp said.txt $(out)/
""",
    "tool.c": "#include <stdio.h>\nint main(void) { return getchar() == EOF; }\n",
    "table.in": "one\n",
    "more.in": "two\n",
}


@pytest.mark.parametrize("sandbox", ["bubblewrap", "namespaces", "none"])
def test_a_traced_build_gives_what_an_untraced_one_gives(sandbox: str, tmp_path: Path) -> None:
    project = make(tmp_path).with_env(CKPT_SANDBOX=sandbox)
    traced = project.build()
    project.repo.write("ckpt.toml", CONFIG.replace("true", "false"))
    plain = project.build("--clean")
    assert contents(traced) == contents(plain)
    logs = [Path(str(result["log"])).read_text() for result in (traced, plain)]
    assert logs[0] == logs[1]


def test_programs_of_every_kind_run_and_those_not_seen_are_named(tmp_path: Path) -> None:
    project = make(tmp_path, PROGRAMS)
    result = project.build()
    assert contents(result) == {"said.txt": b"one\ntwo\none\ntwo\n"}
    assert "==ERROR" not in Path(str(result["log"])).read_text()
    [answer] = project.ckpt("why", "--json", "more.in").json()["results"]
    assert [reader["outputs"] for reader in answer["readers"]] == [["said.txt"], ["said.txt"]]
    assert sorted(answer["blind"]) == [
        "./checked: it has a sanitizer, which has to be loaded first",
        "./still: it is linked statically",
    ]


def test_a_checkpoint_is_the_same_with_and_without(tmp_path: Path) -> None:
    """The switch is no part of the recipe: turning it on needs no clean build."""
    project = make(tmp_path, FILES, CONFIG.replace("true", "false"))
    project.build()
    project.repo.write("ckpt.toml", CONFIG)
    project.edit("main.c", "VALUE;", "VALUE + 0;")
    assert project.build()["checkpoint"] is not None
    [answer] = project.ckpt("why", "--json", "main.c").json()["results"]
    assert any("only the last builds" in note for note in answer["notes"])


def test_without_a_compiler_it_is_built_untraced_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "cp", "find", "sync", "rm"):
        found = next(p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists())
        (folder / name).symlink_to(found)
    project = make(tmp_path).with_env(
        PATH=str(folder), CKPT_SANDBOX="namespaces", CKPT_STORE=str(tmp_path / "other")
    )
    said = project.ckpt("build")
    assert said.line("not traced", "no C compiler")
    assert "tracer" in project.ckpt("doctor", code=None).out
