"""The second tier: from nothing, with a compiler cache, where no checkpoint can be trusted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import Project

pytestmark = pytest.mark.skipif(shutil.which("ccache") is None, reason="there is no ccache")

_MAKEFILE = """\
program: main.o part.o
\t$(CC) -o $@ main.o part.o
%.o: %.c
\t$(CC) -g -Ifirst -Isecond -c -o $@ $<
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
"""
_FILES = {
    "Makefile": _MAKEFILE,
    "main.c": '#include "def.h"\nint main(void) { return DEF; }\n',
    "part.c": "int part(void) { return 1; }\n",
    "second/def.h": "#define DEF 1\n",
    "first/other.h": "\n",
}
_MAKE = '[package.p]\nbuild = "make"\ninstall = "make install"\n'
# make refuses to tell, so each change of names needs a build from nothing.
_UNFIT = "ifneq (,$(findstring n,$(MAKEFLAGS)))\n$(error not here)\nendif\n"
_ASSEMBLER = {
    "main.c": '__asm__(".pushsection .data\\n.include \\"value.inc\\"\\n.popsection");\n'
    "extern int value;\nint main(void) { return value; }\n",
    "value.inc": ".globl value\nvalue: .long 1\n",
}


def _project(
    folder: Path, changed: Mapping[str, str] | None = None, config: str = _MAKE
) -> Project:
    files = {**_FILES, "Makefile": _UNFIT + _MAKEFILE, **(changed or {})}
    return Project.make(folder / "project", files, config)


def _add(project: Project, path: str, text: str) -> None:
    project.repo.write(path, text)
    project.repo.git("add", "-A")


def _program(result: Mapping[str, Any]) -> bytes:
    return (Path(result["out"]) / "bin/program").read_bytes()


def test_what_cannot_start_from_a_checkpoint_takes_its_objects_from_the_cache(
    tmp_path: Path,
) -> None:
    project = _project(tmp_path)
    assert project.build()["made"] == "clean"
    _add(project, "new.c", "int unused;\n")
    ours = project.build()
    assert ours["made"] == "cached clean"
    assert "dry run" in ours["why_clean"]
    assert "2 of 2 objects came from the compiler cache" in Path(ours["log"]).read_text()
    assert project.ckpt("log").out.startswith("◐")
    project.edit("part.c", "1", "2")
    after = project.build()  # what the cached build left is a checkpoint like any other
    assert (after["made"], after["checkpoint"]["depth"]) == ("checkpointed", 0)
    assert " main.c" not in Path(after["log"]).read_text()
    clean = project.build("--clean")
    assert clean["made"] == "clean"
    assert _program(clean) == _program(after)


def test_a_header_that_shadows_another_is_seen_through_the_cache(tmp_path: Path) -> None:
    """ccache's direct mode would not look for it."""
    project = _project(tmp_path)
    project.build()
    _add(project, "first/def.h", "#define DEF 2\n")
    ours = project.build()
    assert ours["made"] == "cached clean"  # part.c at least
    assert _program(ours) == _program(project.build("--clean"))


@pytest.mark.parametrize(
    ("files", "path", "new"),
    [(_ASSEMBLER, "value.inc", ".globl value\nvalue: .long 2\n")],
    ids=["a file that the assembler includes"],
)
def test_what_ccache_does_not_look_at_is_compiled_anew(
    tmp_path: Path, files: Mapping[str, str], path: str, new: str
) -> None:
    project = _project(tmp_path, files)
    project.build()
    project.repo.write(path, new)
    _add(project, "new.c", "int unused;\n")
    ours = project.build()
    assert ours["made"] == "clean"
    log = Path(ours["log"]).read_text()
    assert "no compiler cache: main.c has the assembler include a file" in log
    assert _program(ours) == _program(project.build("--clean"))


def test_a_failure_that_is_the_checkpoint_s_is_reported_as_that(tmp_path: Path) -> None:
    config = '[package.p]\nbuild = "mkdir made && cc -c part.c"\ninstall = "cp part.o $out"\n'
    project = Project.make(tmp_path / "project", _FILES, config)
    project.build()
    project.edit("main.c", "return", "return 1 +")
    done = project.ckpt("build", "-q", "--json")
    [result] = done.json()["results"]
    assert (result["outcome"], result["made"]) == ("passed", "cached clean")
    assert "the clean one passed: the checkpoint is let go" in result["why_clean"]
    at = done.err.index("failed from the checkpoint: build ended with 1")
    assert "File exists" in done.err[at : done.err.index("confirming")]
    assert project.ckpt("status", "--json").json()["packages"][0]["checkpoint"]["depth"] == 0
    [base] = (project.path / ".git/ckpt/checkpoints/p").iterdir()
    assert json.loads(base.read_text())["tree"] == result["tree"]


def test_without_it_a_build_finds_the_compilers_where_they_are(tmp_path: Path) -> None:
    makefile = _UNFIT + _MAKEFILE + "\tcommand -v cc >$(out)/cc\n"
    project = _project(tmp_path, {"Makefile": makefile}, 'compile_cache = "none"\n' + _MAKE)
    result = project.build()
    assert (Path(result["out"]) / "cc").read_text() == "/usr/bin/cc\n"
    _add(project, "new.c", "int unused;\n")
    assert project.build()["made"] == "clean"
    assert not (tmp_path / "store" / "caches").exists()


def test_a_script_that_stands_before_a_compiler_stays_there(tmp_path: Path) -> None:
    """One of the compiler's name in an input: with the cache, and from a checkpoint."""
    wrapper = tmp_path / "tools/bin/cc"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("cc")} -DPART=7 "$@"\n')
    wrapper.chmod(0o755)
    config = f'{_MAKE}inputs = ["{tmp_path}/tools"]\n'
    part = "int part(void) { return PART; }\n"
    project = _project(tmp_path, {"part.c": part}, config)
    assert project.build()["made"] == "clean"
    project.edit("part.c", part, f"{part}int more = PART;\n")
    assert project.build()["made"] == "checkpointed"
    _add(project, "new.c", "int unused;\n")
    assert project.build()["made"] == "clean", "the wrapper hides it from the cache"


def test_a_ccache_that_the_build_calls_by_itself_gives_nothing_old(tmp_path: Path) -> None:
    makefile = f"CC = ccache cc\n{_MAKEFILE}-include main.d\n".replace("-c ", "-MMD -c ")
    project = Project.make(tmp_path / "project", {**_FILES, "Makefile": makefile}, _MAKE)
    project.build()
    _add(project, "first/def.h", "#define DEF 2\n")
    ours = project.build()
    assert ours["made"] == "checkpointed"
    assert _program(ours) == _program(project.build("--clean"))
