"""How much is compiled: nothing without a change, and what depends on it with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.nix.project import CC, MAKE, Pair
from tests.nix.store import Built, NixStore

_SOURCES = {name: text for name, text in MAKE.items() if name.endswith((".c", ".h"))}

_CMAKE_LISTS = """
cmake_minimum_required(VERSION 3.13)
project(sample C)
set_property(GLOBAL PROPERTY RULE_LAUNCH_COMPILE "sh ${CMAKE_SOURCE_DIR}/cc.sh")
add_executable(prog one.c two.c main.c)
install(TARGETS prog DESTINATION bin)
"""

# nixpkgs' hook of cmake makes a folder, goes into it and stays there for the phases that follow.
_CMAKE_PHASE = (
    "runHook preConfigure; mkdir build; cd build; "
    'cmake .. -DCMAKE_INSTALL_PREFIX="$out" {}; runHook postConfigure'
)

_LAUNCHER = """#!/bin/sh
for last; do case $last in *.c) source=$last;; esac; done
echo "COMPILE $source"
exec "$@"
"""


@dataclass(frozen=True)
class _Kind:
    """A build system, with the files and the phases of a program of three sources."""

    name: str
    files: dict[str, str]
    recipe: dict[str, str]


_AUTOTOOLS = {
    **_SOURCES,
    "cc.sh": CC,
    "configure.ac": """AC_INIT([sample], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_DEFINE_UNQUOTED([WHERE], ["$prefix"], [where it goes])
AC_CONFIG_HEADERS([config.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
""",
    "Makefile.am": "bin_PROGRAMS = prog\nprog_SOURCES = one.c two.c main.c one.h\n",
    "two.c": '#include "config.h"\nconst char *where = WHERE;\nint two(void) { return 2; }\n',
}

_MESON = {
    **_SOURCES,
    "meson.build": "project('sample', 'c')\n"
    "executable('prog', 'one.c', 'two.c', 'main.c', install: true)\n",
}

_KINDS = (
    _Kind("make", MAKE, {}),
    _Kind(
        "cmake-makefiles",
        {**_SOURCES, "cc.sh": _LAUNCHER, "CMakeLists.txt": _CMAKE_LISTS},
        {"configurePhase": _CMAKE_PHASE.format("")},
    ),
    _Kind(
        "cmake-ninja",
        {**_SOURCES, "cc.sh": _LAUNCHER, "CMakeLists.txt": _CMAKE_LISTS},
        {
            "configurePhase": _CMAKE_PHASE.format("-G Ninja"),
            "buildPhase": "runHook preBuild; ninja -v; runHook postBuild",
            "installPhase": "ninja install",
        },
    ),
    _Kind(
        "meson",
        {**_MESON, "cc.sh": CC},
        {
            "configurePhase": 'CC="sh $PWD/cc.sh" meson setup build --prefix="$out"; cd build',
            "buildPhase": "runHook preBuild; ninja -v; runHook postBuild",
            "installPhase": "ninja install",
        },
    ),
    _Kind(
        "autotools",
        _AUTOTOOLS,
        {
            "preConfigure": "autoreconf --install 2>/dev/null",
            "preBuild": 'makeFlags="CC=$PWD/cc.sh"; chmod +x cc.sh',
        },
    ),
)


@pytest.fixture(params=_KINDS, ids=lambda kind: kind.name)
def project(request: pytest.FixtureRequest, pair: Callable[..., Pair]) -> Pair:
    kind: _Kind = request.param
    return pair(kind.files, kind.recipe)


def _sources_compiled(built: Built) -> set[str]:
    lines = [line for line in built.log.splitlines() if line.startswith("COMPILE ")]
    names = {line.split("/")[-1].removeprefix("COMPILE ") for line in lines}
    return {name for name in names if name in ("one.c", "two.c", "main.c")}


def test_no_change(project: Pair, nix: NixStore) -> None:
    project.changed.write("notes.txt", "no build tool looks at this\n")
    built = project.checkpointed(nix)
    assert built.used
    assert not _sources_compiled(built)
    assert (built.path / "bin/prog").exists()


def test_one_source(project: Pair, nix: NixStore) -> None:
    project.changed.write("main.c", MAKE["main.c"].replace("return 0", "return 3"))
    built = project.checkpointed(nix)
    assert built.used
    assert _sources_compiled(built) == {"main.c"}


def test_one_header(project: Pair, nix: NixStore) -> None:
    project.changed.write("one.h", "#define ONE 111\n")
    built = project.checkpointed(nix)
    assert built.used
    assert _sources_compiled(built) == {"one.c"}


def test_dates_to_the_nanosecond(pair: Callable[..., Pair], nix: NixStore) -> None:
    """An object keeps the date that it had when it was compiled; a clean build's has another."""
    show = 'stat --format="%n %.9Y" *.o *.h .dot/*'
    made = pair(
        {**MAKE, ".dot/file": "a dotfile\n"},
        {"postBuild": f"echo BEGIN; {show}; echo END"},
    )
    made.changed.write("one.c", '#include "one.h"\nint one(void) { return ONE + 40; }\n')

    def dates(built: Built) -> dict[str, str]:
        lines = built.log.split("BEGIN\n", 1)[1].split("END\n", 1)[0].splitlines()
        return dict(line.split(" ") for line in lines)

    before = dates(nix.build(made.expression("checkpoint")))
    built = dates(nix.build(made.expression("mkCheckpointedBuild changed checkpoint")))
    kept = {"two.o", "main.o", "one.h", ".dot/file"}
    assert {name for name in before if before[name] == built[name]} == kept
    assert not before["two.o"].endswith(".000000000")
    assert built["one.o"] > max(before.values())


def test_modes_and_dates_of_all_kinds(pair: Callable[..., Pair], nix: NixStore) -> None:
    """Sources with dates and modes of their own, and what the build made once."""
    once = "[ -e once ] || { mkdir shut; touch -d @7.5 shut/file once; chmod 440 shut/file two.o; "
    once += "touch -d @8.25 shut; chmod 550 shut; }"
    names = "two.c two.o shut shut/file main.c once"
    made = pair(
        MAKE,
        {
            "postPatch": "touch -d @1000.75 two.c main.c; chmod 444 two.c",
            "postBuild": f'{once}; stat --format="AT %n %a %.9Y" {names}',
        },
    )
    made.changed.write("one.c", '#include "one.h"\nint one(void) { return ONE + 40; }\n')

    def seen(built: Built) -> list[str]:
        return [line for line in built.log.splitlines() if line.startswith("AT ")][
            : len(names.split())
        ]

    before = seen(nix.build(made.expression("checkpoint")))
    built = made.checkpointed(nix)
    assert built.compiled == 1
    assert seen(built) == before
    assert before[0] == "AT two.c 444 1000.750000000"
    assert before[2:4] == ["AT shut 550 8.250000000", "AT shut/file 440 7.500000000"]
