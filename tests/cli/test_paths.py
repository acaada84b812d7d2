"""The errors of real build tools name the user's own files, so that an editor can jump there."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.project import Project

BAD = "int f(void)\n{\n    return nowhere;\n}\n"
FINE = "int main(void) { return 0; }\n"


@dataclass(frozen=True)
class Case:
    """A project, the line of the file in which its error stands, and what it takes."""

    files: Mapping[str, str]
    config: str
    place: str
    needs: tuple[str, ...] = ("make",)
    also: tuple[str, ...] = field(default=())


CMAKE = (
    "cmake_minimum_required(VERSION 3.13)\nproject(it C)\nadd_executable(it src/main.c src/x.c)\n"
)
MESON = "project('it', 'c')\nexecutable('it', 'src/main.c', 'src/x.c')\n"
CASES = {
    "make in a folder below": Case(
        {"Makefile": "all:\n\t$(MAKE) -C lib\n", "lib/Makefile": "x.o: x.c\n", "lib/x.c": BAD},
        'build = "make"',
        "lib/x.c:3",
    ),
    "make, folders in parallel": Case(
        {
            "Makefile": ".PHONY: one two\nall: one two\none two: ; $(MAKE) -C $@\n",
            "one/Makefile": "y.o: y.c\n",
            "one/y.c": FINE,
            "two/Makefile": "x.o: x.c\n",
            "two/x.c": BAD,
        },
        'build = "make -j4"',
        "two/x.c:3",
    ),
    "cd without a word about it": Case(
        {"deep/er/x.c": BAD}, 'build = "cd deep/er && cc -c x.c"', "deep/er/x.c:3"
    ),
    "a chain of relative includes": Case(
        {
            "Makefile": "all:\n\tcd src && $(CC) -c x.c\n",
            "src/x.c": '#include "../include/a.h"\n',
            "include/a.h": '\n#include "b.h"\n',
            "include/b.h": BAD,
        },
        'build = "make"',
        "include/b.h:3",
        also=("In file included from {}/include/a.h:2", "from {}/src/x.c:1"),
    ),
    "spaces in names": Case(
        {"my lib/the x.c": BAD}, "build = \"cc -c 'my lib/the x.c'\"", "my lib/the x.c:3"
    ),
    "a source folder": Case(
        {"part/src/x.c": BAD, "other": ""},
        'source = "part"\nbuild = "cc -c src/x.c"',
        "part/src/x.c:3",
    ),
    "CMake, Makefiles": Case(
        {"CMakeLists.txt": CMAKE, "src/main.c": FINE, "src/x.c": BAD},
        'configure = "cmake -B build"\nbuild = "cmake --build build"',
        "src/x.c:3",
        ("cmake",),
    ),
    "CMake, Ninja": Case(
        {"CMakeLists.txt": CMAKE, "src/main.c": FINE, "src/x.c": BAD},
        'configure = "cmake -G Ninja -B out"\nbuild = "ninja -C out"',
        "src/x.c:3",
        ("cmake", "ninja"),
    ),
    "CMake's own": Case(
        {"CMakeLists.txt": CMAKE + "no_such_function()\n", "src/main.c": FINE, "src/x.c": FINE},
        'build = "cmake -B build"',
        "CMakeLists.txt:4",
        ("cmake",),
    ),
    "Meson": Case(
        {"meson.build": MESON, "src/main.c": FINE, "src/x.c": BAD},
        'configure = "meson setup out"\nbuild = "meson compile -C out"',
        "src/x.c:3",
        ("meson", "ninja"),
    ),
    "Meson's own": Case(
        {"meson.build": MESON + "no_such_function()\n", "src/main.c": FINE, "src/x.c": FINE},
        'build = "meson setup out"',
        "meson.build:3",
        ("meson", "ninja"),
    ),
    "go": Case(
        {
            "go.mod": "module example.com/it\n\ngo 1.19\n",
            "cmd/it/main.go": "package main\n\nfunc main() { nowhere() }\n",
        },
        'build = "go build ./..."',
        "cmd/it/main.go:3",
        ("go",),
    ),
    "Python": Case(
        {"tools/gen.py": "def f():\n    pass\nnowhere\n"},
        'build = "cd tools && python3 gen.py"',
        'tools/gen.py", line 3',
        ("python3",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_editor_can_jump_to_the_error(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    for tool in case.needs:
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    project = Project.make(tmp_path / "own", case.files, f"[package.it]\n{case.config}\n")
    done = project.ckpt("build", "-q", code=1)
    assert f"{project.path}/{case.place}" in done.err
    for words in case.also:
        assert words.format(project.path) in done.err
    [record] = project.ckpt("log", "--json").json()["records"]
    assert any(f"{project.path}/{case.place}" in line for line in record["error"])
    named = re.findall(rf"{re.escape(str(project.path))}/([^:\"\n]+)[:\"]", done.err)
    assert all((project.path / path).exists() for path in named), "what is named is there"


def test_rustc(tmp_path: Path) -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("needs cargo")
    config = '[package.it]\nbuild = "cargo build"\n'
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    if home in Path(cargo).parents:
        rustup = os.environ.get("RUSTUP_HOME", f"{home}/.rustup")
        config += f'inputs = ["{Path(cargo).parent}", "{rustup}"]\n'
        config += f'env = {{ RUSTUP_HOME = "{rustup}" }}\n'
    files = {
        "Cargo.toml": '[package]\nname = "it"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/main.rs": "mod deep;\nfn main() {}\n",
        "src/deep.rs": "pub fn f() -> i32 {\n    nowhere\n}\n",
    }
    done = Project.make(tmp_path / "own", files, config).ckpt("build", "-q", code=1)
    assert f" --> {tmp_path}/own/src/deep.rs:2:5" in done.err


def test_in_a_linked_work_tree_its_own_files_are_named(tmp_path: Path) -> None:
    case = CASES["make in a folder below"]
    project = Project.make(tmp_path / "own", case.files, f"[package.it]\n{case.config}\n")
    project.repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    done = project.ckpt("build", "-q", code=1, cwd=tmp_path / "linked")
    assert f"{tmp_path}/linked/{case.place}" in done.err


def test_without_a_sandbox_too(tmp_path: Path) -> None:
    case = CASES["a chain of relative includes"]
    project = Project.make(tmp_path / "own", case.files, f"[package.it]\n{case.config}\n")
    done = project.with_env(CKPT_SANDBOX="none").ckpt("build", "-q", code=1)
    assert f"{project.path}/{case.place}" in done.err
    done.line("built without a sandbox (as CKPT_SANDBOX=none asks)")
