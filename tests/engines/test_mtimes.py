"""A rebuild compiles what changed and what depends on it, and nothing else, with each build tool.

The projects have the ``ckpt.toml`` that detection writes for them. Compiler runs are counted in
the log, by what each tool says when it compiles.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from ckpt_git.builds.detect import Listing, Machine, detect, render
from ckpt_git.model.record import Record
from tests.engines.project import Project, lines, log, snapshot
from tests.support import GitRepo

_C_FILES: Mapping[str, str] = {
    "main.c": '#include "one.h"\n#include "two.h"\n#include <stdio.h>\n'
    'int main(void) { printf("%d\\n", one() + two()); return 0; }\n',
    "one.c": '#include "one.h"\nint one(void) { return ONE; }\n',
    "two.c": '#include "two.h"\nint two(void) { return TWO; }\n',
    "one.h": "#define ONE 1\nint one(void);\n",
    "two.h": "#define TWO 2\nint two(void);\n",
}
_MAKEFILE = """\
CFLAGS = -O0 -MMD -MP
prog: main.o one.o two.o
\t$(CC) -o $@ $^
install: prog
\tmkdir -p $(PREFIX)/bin && cp prog $(PREFIX)/bin/
-include *.d
"""
_CMAKE = """\
cmake_minimum_required(VERSION 3.10)
project(it C)
set(CMAKE_VERBOSE_MAKEFILE ON)
add_executable(prog main.c one.c two.c)
install(TARGETS prog DESTINATION bin)
"""
_MESON = """\
project('it', 'c')
executable('prog', 'main.c', 'one.c', 'two.c', install: true)
"""
_CONFIGURE = """\
AC_INIT([it], [1])
AC_CONFIG_SRCDIR([main.c])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_CONFIG_HEADERS([config.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
"""
_AUTOMAKE = "bin_PROGRAMS = prog\nprog_SOURCES = main.c one.c two.c one.h two.h\n"
_CARGO_FILES: Mapping[str, str] = {
    "Cargo.toml": '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "one"\nversion = "0.1.0"\n\n'
    '[[package]]\nname = "two"\nversion = "0.1.0"\ndependencies = [\n "one",\n]\n',
    "one/Cargo.toml": '[package]\nname = "one"\nversion = "0.1.0"\nedition = "2021"\n',
    "one/src/lib.rs": "pub fn one() -> i32 { 1 }\n",
    "two/Cargo.toml": '[package]\nname = "two"\nversion = "0.1.0"\nedition = "2021"\n\n'
    '[dependencies]\none = { path = "../one" }\n',
    "two/src/main.rs": 'fn main() { println!("{}", one::one() + 2); }\n',
}
_GO_FILES: Mapping[str, str] = {
    "go.mod": "module example.com/it\n\ngo 1.18\n",
    "main.go": 'package main\n\nimport "example.com/it/one"\n'
    'import "example.com/it/two"\n\nfunc main() { println(one.One() + two.Two()) }\n',
    "three/three.go": "package three\n",
    "one/one.go": "package one\n\nfunc One() int { return 1 }\n",
    "two/two.go": "package two\n\nfunc Two() int { return 2 }\n",
}
_COMPILED_C = re.compile(r"(?:-c|-o) .*?(\w+)\.c\b|(?:Building|Compiling) C object .*?(\w+)\.c\.o")


@dataclass(frozen=True)
class Kind:
    """A project and the tool that builds it.

    ``compiled`` says what the log of a build compiled. ``edits`` are changes: files with their
    new content, and what they have to compile; None where the tool decides.
    """

    name: str
    needs: tuple[str, ...]
    files: Mapping[str, str]
    compiled: Callable[[Record], list[str]]
    edits: tuple[tuple[Mapping[str, str], list[str] | None], ...]
    hidden: tuple[str, ...] = ()
    generate: tuple[str, ...] = ()


def _c_files(record: Record) -> list[str]:
    found = set()
    for line in lines(record):
        if match := _COMPILED_C.search(line):
            found.add(match[1] or match[2])
    return sorted(found & {"main", "one", "two"})


def _crates(record: Record) -> list[str]:
    return sorted(re.findall(r"^ *Compiling (\w+)", log(record), re.MULTILINE))


def _packages(record: Record) -> list[str]:
    """What ``go build -v`` names: GOFLAGS asks for it."""
    return sorted(re.findall(r"^example\.com/(\S+)$", log(record), re.MULTILINE))


_C_EDITS: tuple[tuple[Mapping[str, str], list[str] | None], ...] = (
    ({"one.c": '#include "one.h"\nint one(void) { return ONE + 10; }\n'}, ["one"]),
    ({"two.h": "#define TWO 20\nint two(void);\n"}, ["main", "two"]),
)


def _with(description: str, text: str) -> tuple[tuple[Mapping[str, str], list[str] | None], ...]:
    """The edits of C files, and one of a description and a source at once."""
    mixed = {description: text, "one.c": '#include "one.h"\nint one(void) { return -ONE; }\n'}
    return (*_C_EDITS, (mixed, None))


_KINDS = (
    Kind("make", ("make", "cc"), {**_C_FILES, "Makefile": _MAKEFILE}, _c_files, _C_EDITS),
    Kind(
        "cmake-make",
        ("cmake", "make", "cc"),
        {**_C_FILES, "CMakeLists.txt": _CMAKE},
        _c_files,
        _with("CMakeLists.txt", _CMAKE + "target_compile_definitions(prog PRIVATE MORE)\n"),
        hidden=("ninja",),
    ),
    Kind(
        "cmake-ninja",
        ("cmake", "ninja", "cc"),
        {**_C_FILES, "CMakeLists.txt": _CMAKE},
        _c_files,
        _with("CMakeLists.txt", _CMAKE + "target_compile_definitions(prog PRIVATE MORE)\n"),
    ),
    Kind(
        "meson",
        ("meson", "ninja", "cc"),
        {**_C_FILES, "meson.build": _MESON},
        _c_files,
        _with("meson.build", _MESON.replace("install", "c_args: '-DMORE', install")),
    ),
    Kind(
        "autotools",
        ("autoreconf", "automake", "make", "cc"),
        {**_C_FILES, "configure.ac": _CONFIGURE, "Makefile.am": _AUTOMAKE},
        _c_files,
        _with("configure.ac", _CONFIGURE.replace("[1]", "[2]")),
    ),
    Kind(
        "autotools-generated-files-tracked",
        ("autoreconf", "automake", "make", "cc"),
        {**_C_FILES, "configure.ac": _CONFIGURE, "Makefile.am": _AUTOMAKE},
        _c_files,
        _C_EDITS,
        generate=("autoreconf", "-fi"),
    ),
    Kind(
        "cargo",
        ("cargo",),
        _CARGO_FILES,
        _crates,
        (
            ({"two/src/main.rs": 'fn main() { println!("{}", one::one()); }\n'}, ["two"]),
            ({"one/src/lib.rs": "pub fn one() -> i32 { 5 }\n"}, ["one", "two"]),
        ),
    ),
    Kind(
        "go",
        ("go",),
        _GO_FILES,
        _packages,
        (
            ({"two/two.go": "package two\n\nfunc Two() int { return 3 }\n"}, ["it", "it/two"]),
            ({"one/one.go": "package one\n\nfunc One() int { return 3 }\n"}, ["it", "it/one"]),
        ),
    ),
)


def _machine(kind: Kind, home: Path) -> Machine:
    def which(tool: str) -> Path | None:
        found = None if tool in kind.hidden else shutil.which(tool)
        return Path(found) if found else None

    return Machine(home, which)


def _prepared(project: Project, kind: Kind) -> Project:
    """The project's first commit, with the ``ckpt.toml`` that `init` would write here."""
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)  # where toolchains of one's own are
    repo = project.repo
    for path, text in kind.files.items():
        repo.write(path, text)
    if kind.generate:
        subprocess.run(kind.generate, cwd=repo.path, check=True, capture_output=True)
        shutil.rmtree(repo.path / "autom4te.cache", ignore_errors=True)
    repo.git("add", "-A")
    listing = Listing("it", frozenset(repo.git("ls-files", "-z").split("\0")), partial(_read, repo))
    text = render(detect(listing, _machine(kind, home)))
    if kind.name == "go":
        text = text.replace("\nbuild ", '\nenv = { GOFLAGS = "-v" }\nbuild ', 1)
    repo.write("ckpt.toml", text)
    repo.commit()
    return project.setting(HOME=str(home))


def _read(repo: GitRepo, path: str) -> bytes | None:
    file = repo.path / path
    return file.read_bytes() if file.is_file() else None


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.name)
def test_only_what_changed_is_compiled(project: Project, kind: Kind) -> None:
    missing = [tool for tool in kind.needs if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is missing")
    project = _prepared(project, kind)
    first = project.passes()
    everything = kind.compiled(first)
    assert everything, log(first)
    again = project.from_checkpoint()
    assert kind.compiled(again) == [], log(again)
    assert snapshot(again.output) == snapshot(first.output)
    for files, expected in kind.edits:
        project.repo.commit(files=files)
        record = project.from_checkpoint()
        if expected is not None:
            assert kind.compiled(record) == expected, log(record)
        settled = project.from_checkpoint()
        assert kind.compiled(settled) == [], log(settled)
        assert snapshot(settled.output) == snapshot(record.output)
    clean = project.passes(clean=True)
    assert kind.compiled(clean) == everything
    assert snapshot(record.output) == snapshot(clean.output)


@pytest.mark.parametrize("layers", ["overlay", "copy"])
@pytest.mark.parametrize("sandbox", ["bubblewrap", "namespaces"])
def test_dates_are_kept_to_the_nanosecond(project: Project, layers: str, sandbox: str) -> None:
    """Files that didn't change keep theirs, those that did get one newer than all; folders in
    which no name came or went keep theirs too."""
    project = project.setting(CKPT_LAYERS=layers, CKPT_SANDBOX=sandbox)
    show = "find . -path ./dates -prune -o -printf '%P %T@\\n' | sort >dates; touch made"
    project.toml(f"test -e made || {{ touch made; sleep 0.05; }}; {show}", install="cp dates $out/")
    project.repo.commit(files={"kept": "1", "folder/kept": "1", "folder/changed": "1"})
    first = _dates(project.passes())
    project.repo.commit(files={"folder/changed": "2", "other/new": "2"})
    second = _dates(project.from_checkpoint())
    for same in ("kept", "folder/kept", "folder", "ckpt.toml"):
        assert second[same] == first[same], same
    newest = max(first.values())
    assert second["folder/changed"] == second["other/new"] > newest


def _dates(record: Record) -> dict[str, str]:
    """Seconds since 1970 with nine decimals, of one length: as text they sort like numbers."""
    read = (line.rpartition(" ") for line in (record.output / "dates").read_text().splitlines())
    return {name: date for name, _, date in read if name}
