"""Configuring is left out where it would come to the same, and never where that isn't certain."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.nix.project import Pair
from tests.nix.store import Built, NixStore

_MAIN = '#include "config.h"\n#include <stdio.h>\nint main(void) { puts(TEXT); return 0; }\n'
_EDITED = _MAIN.replace("return 0", 'puts("edited"); return 0')

_CMAKE = """cmake_minimum_required(VERSION 3.13)
project(sample C)
{}
file(WRITE ${{CMAKE_BINARY_DIR}}/config.h "#define TEXT \\"${{TEXT}}\\"\\n")
include_directories(${{CMAKE_BINARY_DIR}})
add_executable(prog main.c)
install(TARGETS prog DESTINATION bin)
"""
_CMAKE_PHASE = (
    'runHook preConfigure; cmake -S . -B build -DCMAKE_INSTALL_PREFIX="$out" {}; cd build; '
    "runHook postConfigure"
)
_MESON = """project('sample', 'c')
{}
configure_file(output: 'config.h', configuration: {{'TEXT': '"' + text + '"'}})
executable('prog', 'main.c', install: true)
"""
_CONFIGURE = """#!/bin/sh
{}
echo "#define TEXT \\"$text\\"" >config.h
echo "prefix = ${{1#--prefix=}}" >config.mk
"""
_MAKEFILE = """include config.mk
prog: main.c config.h
\tcc -o $@ main.c
install: prog
\tmkdir -p $(prefix)/bin && cp prog $(prefix)/bin
"""
_NINJA = {
    "buildPhase": "runHook preBuild; ninja; runHook postBuild",
    "installPhase": "ninja install",
}


@dataclass(frozen=True)
class _Case:
    """A project and a change after which configuring again comes to something else."""

    files: dict[str, str]
    recipe: dict[str, str]
    change: dict[str, str]
    says: str
    attributes: str = ""


def _cmake(text: str, change: dict[str, str], says: str, **more: str) -> _Case:
    return _Case(
        {"CMakeLists.txt": _CMAKE.format(text), "main.c": _MAIN, **more},
        {"configurePhase": _CMAKE_PHASE.format("")},
        change,
        says,
    )


def _configure(
    text: str,
    change: dict[str, str],
    says: str,
    recipe: dict[str, str] | None = None,
    more: dict[str, str] | None = None,
) -> _Case:
    files = {"configure": _CONFIGURE.format(text), "Makefile": _MAKEFILE, "main.c": _MAIN}
    return _Case({**files, **(more or {})}, recipe or {}, change, says)


_VERSION = "#define VERSION one\n"
_TWO = "#define VERSION two\n"
_CASES: dict[str, _Case] = {
    "CMakeLists.txt": _cmake(
        "set(TEXT one)", {"CMakeLists.txt": _CMAKE.format("set(TEXT two)")}, "two"
    ),
    "cmake reads a header": _cmake(
        "file(STRINGS version.h TEXT)", {"version.h": _TWO}, _TWO.strip(), **{"version.h": _VERSION}
    ),
    "cmake reads a header, in several lines": _cmake(
        "file(\n  STRINGS\n  version.h\n  TEXT\n)",
        {"version.h": _TWO},
        _TWO.strip(),
        **{"version.h": _VERSION},
    ),
    "cmake reads a header by way of a variable": _cmake(
        "set(HEADER version.h)\nfile(STRINGS ${HEADER} TEXT)",
        {"version.h": _TWO},
        _TWO.strip(),
        **{"version.h": _VERSION},
    ),
    "cmake reads one of several changed headers, by way of two variables": _cmake(
        "set(HEADER version.h)\nset(WANTED ${HEADER})\nset(OTHER first.h)\n"
        "file(STRINGS ${WANTED} TEXT)",
        {"first.h": "int f;\n", "main.c": _EDITED, "version.h": _TWO, "z/last.h": "int z;\n"},
        f"{_TWO.strip()}\nedited",
        **{"first.h": "", "version.h": _VERSION, "z/last.h": ""},
    ),
    "cmake runs a script on a header": _cmake(
        "execute_process(COMMAND cut -d\\  -f3 version.h WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} "
        "OUTPUT_VARIABLE TEXT OUTPUT_STRIP_TRAILING_WHITESPACE)",
        {"version.h": _TWO},
        "two",
        **{"version.h": _VERSION},
    ),
    "cmake finds a file by a pattern": _cmake(
        "file(GLOB FOUND RELATIVE ${CMAKE_SOURCE_DIR} parts/*.c)\nlist(JOIN FOUND - TEXT)",
        {"parts/two.c": ""},
        "parts/one.c-parts/two.c",
        **{"parts/one.c": ""},
    ),
    **{
        f"cmake copies a header: {text}": _Case(
            {
                "CMakeLists.txt": _CMAKE.format(
                    f"set(TEXT one)\n{text}\ninclude_directories(${{CMAKE_BINARY_DIR}}/include)"
                ),
                "include/version.h": '#define WHICH "one"\n',
                "copy.sh": 'cp */*.h "$1"\n',
                "main.c": "#include <version.h>\n" + _MAIN.replace("TEXT", "WHICH"),
            },
            {"configurePhase": _CMAKE_PHASE.format("")},
            {"include/version.h": '#define WHICH "two"\n'},
            "two",
        )
        for text in (
            "file(COPY include/version.h DESTINATION ${CMAKE_BINARY_DIR})",
            "file(COPY include DESTINATION ${CMAKE_BINARY_DIR})",
            "file(COPY ${CMAKE_SOURCE_DIR}/include/ DESTINATION ${CMAKE_BINARY_DIR})",
            (
                "set(FOLDER ${CMAKE_SOURCE_DIR}/include)\n"
                "file(COPY ${FOLDER} DESTINATION ${CMAKE_BINARY_DIR})"
            ),
            "file(GLOB HEADERS include/*.h)\nfile(COPY ${HEADERS} DESTINATION ${CMAKE_BINARY_DIR})",
            (
                "execute_process(COMMAND sh copy.sh ${CMAKE_BINARY_DIR}"
                " WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})"
            ),
        )
    },
    "cmake tries to compile a file": _cmake(
        "try_compile(TEXT ${CMAKE_BINARY_DIR}/try ${CMAKE_SOURCE_DIR}/try.c)",
        {"try.c": "broken\n"},
        "FALSE",
        **{"try.c": "int main(void) { return 0; }\n"},
    ),
    "meson reads a header": _Case(
        {
            "meson.build": _MESON.format("text = import('fs').read('version.h').strip()"),
            "main.c": _MAIN,
            "version.h": _VERSION,
        },
        {"configurePhase": 'meson setup build --prefix="$out"; cd build', **_NINJA},
        {"version.h": _TWO},
        _TWO.strip(),
    ),
    "meson reads a header by way of a variable": _Case(
        {
            "meson.build": _MESON.format(
                "header = files('version.h')\n"
                "text = run_command('cat', header, check: true).stdout().strip()"
            ),
            "main.c": _MAIN,
            "version.h": _VERSION,
        },
        {"configurePhase": 'meson setup build --prefix="$out"; cd build', **_NINJA},
        {"version.h": _TWO},
        _TWO.strip(),
    ),
    "configure reads a header": _configure(
        "text=$(cat version.h)", {"version.h": _TWO}, _TWO.strip(), more={"version.h": _VERSION}
    ),
    "configure reads what no compiler does": _configure(
        "text=$(cat V*)", {"VERSION": "two"}, "two", more={"VERSION": "one"}
    ),
    "configure is given another flag": replace(
        _configure("text=$2", {"main.c": _EDITED}, "--two\nedited"),
        attributes='configureFlags = "--two";',
    ),
    "configure reads a variable": replace(
        _configure("text=$flavour", {"main.c": _EDITED}, "two\nedited", {"flavour": "one"}),
        attributes='flavour = "two";',
    ),
    "a hook writes to what configure made": _configure(
        "text=one",
        {"main.c": _EDITED},
        "one more\nedited",
        {"postConfigure": "sed -i 's/one/one more/' config.h"},
    ),
    "a hook removes what configure made": _configure(
        "text=one; touch stamp",
        {"main.c": _EDITED},
        "one\nedited",
        {"postConfigure": "test -e stamp; rm stamp"},
    ),
    "configure removes a source": _configure(
        "text=one; rm unused.c", {"main.c": _EDITED}, "one\nedited", more={"unused.c": "int u;\n"}
    ),
    "configure writes to a source": _configure(
        "text=one; sed -i 's/TEXT/\"written\"/' *.c",
        {"other.c": "int b;\n"},
        "written",
        more={"other.c": "int a;\n"},
    ),
}


def _said(built: Built) -> str:
    program = built.path / "bin/prog"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES)
def test_it_is_done_again_where_it_comes_to_something_else(
    case: _Case, pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(case.files, case.recipe)
    for path, text in case.change.items():
        made.changed.write(path, text, executable=text.startswith("#!"))
    made.checkpoint(nix)
    changed = f"(changed.overrideAttrs {{ {case.attributes} }})"
    built = nix.build(made.expression(f"mkCheckpointedBuild {changed} checkpoint"))
    assert built.used or built.why_clean
    assert built.configured
    assert _said(built) == case.says


_UNCHANGED: dict[str, _Case] = {
    "cmake": _cmake("set(TEXT one)\nset(SOURCES main.c)", {"main.c": _EDITED}, "one\nedited"),
    "cmake, ninja": _Case(
        {"CMakeLists.txt": _CMAKE.format("set(TEXT one)"), "main.c": _MAIN},
        {"configurePhase": _CMAKE_PHASE.format("-G Ninja"), **_NINJA},
        {"main.c": _EDITED},
        "one\nedited",
    ),
    "meson": _Case(
        {"meson.build": _MESON.format("text = 'one'"), "main.c": _MAIN},
        {"configurePhase": 'meson setup build --prefix="$out"; cd build', **_NINJA},
        {"main.c": _EDITED},
        "one\nedited",
    ),
    "configure": _configure("text=$1", {"main.c": _EDITED}, "--prefix=OUT\nedited"),
    "configure, with hooks": _configure(
        "text=one",
        {"main.c": _EDITED, "README.md": "# Read me\n"},
        "one\nedited",
        {"preConfigure": "export flavour=plain", "postConfigure": "echo more >>notes"},
        more={"README.md": "read me\n"},
    ),
}


@pytest.mark.parametrize("together", [False, True], ids=["checkpoint alone", "with checkpoint"])
@pytest.mark.parametrize("case", _UNCHANGED.values(), ids=_UNCHANGED)
def test_it_is_left_out_where_it_would_come_to_the_same(
    case: _Case, together: bool, pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(case.files, case.recipe)
    for path, text in case.change.items():
        made.changed.write(path, text)
    first = "(withCheckpoint base).checkpoint" if together else "checkpoint"
    nix.build(made.expression(first))
    second = f"mkCheckpointedBuild changed {first}"
    built = nix.build(made.expression(second))
    assert built.used
    assert not built.configured
    assert _said(built).replace(str(built.path), "OUT") == case.says
    back = nix.build(
        made.expression(f"mkCheckpointedBuild base (withCheckpoint ({second})).checkpoint")
    )
    assert back.used
    assert not back.configured
    assert _said(back).replace(str(back.path), "OUT") == case.says.removesuffix("\nedited")


_AUTOCONF = {
    "configure.ac": """AC_INIT([sample], [m4_esyscmd_s([sh build/version.sh])])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AM_MAINTAINER_MODE
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
""",
    "Makefile.am": "include flags.data\nbin_PROGRAMS = prog\nprog_SOURCES = main.c\n",
    "main.c": "#include <stdio.h>\nint main(void) { puts(PACKAGE_VERSION); return 0; }\n",
    "build/version.sh": "#!/bin/sh\nsh build/number.sh\n",
    "build/number.sh": "#!/bin/sh\ncat build/NUMBER parts/*.txt | tr -d '\\n'\n",
    "build/NUMBER": "1\n",
    "flags.data": "AM_CPPFLAGS =\n",
    "parts/one.txt": ".2\n",
    "tests/run.sh": "#!/bin/sh\n# See more.sh\n./prog\n",
    "tests/more.sh": "#!/bin/sh\n: version.sh\n",
}
_AUTORECONF = {"configurePhase": 'autoreconf -fi && ./configure --prefix="$out"'}


@pytest.mark.parametrize(
    "change",
    [
        {"main.c": _AUTOCONF["main.c"].replace("return", 'puts("edited"); return')},
        {"tests/more.sh": "#!/bin/sh\necho more\n", "README.md": "# Read me\n"},
        {
            "tests/more.sh": "#!/bin/sh\necho more\n",
            "main.c": _AUTOCONF["main.c"].replace("return", 'puts("edited"); return'),
        },
    ],
    ids=["source", "script of tests", "both"],
)
def test_autoreconf_is_left_out_as_well(
    change: dict[str, str], pair: Callable[..., Pair], nix: NixStore
) -> None:
    """What autoconf keeps in a folder of its own, each time in another order, is no reason."""
    number = "#!/bin/sh\ncat build/NUMBER parts/one.txt | tr -d '\\n'\n"
    more = {"README.md": "read me\n", "build/number.sh": number}
    made = pair({**_AUTOCONF, **more}, _AUTORECONF)
    for path, text in change.items():
        made.changed.write(path, text, executable=text.startswith("#!"))
    first = "(withCheckpoint base).checkpoint"
    nix.build(made.expression(first))
    second = f"mkCheckpointedBuild changed {first}"
    third = f"mkCheckpointedBuild base (withCheckpoint ({second})).checkpoint"
    for body, edited in ((second, "main.c" in change), (third, False)):
        built = nix.build(made.expression(body))
        assert built.used, built.why_clean
        assert "autoreconf was left out" in built.log
        assert "configure was left out" in built.log
        assert _said(built) == ("1.2\nedited" if edited else "1.2")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {
                "configure.ac": _AUTOCONF["configure.ac"].replace(
                    "m4_esyscmd_s([sh build/version.sh])", "3"
                )
            },
            "3",
        ),
        ({"build/number.sh": "#!/bin/sh\nprintf 3\n"}, "3"),
        ({"build/NUMBER": "3\n"}, "3.2"),
        ({"parts/one.txt": ".3\n"}, "1.3"),
        ({"parts/two.txt": ".3\n"}, "1.2.3"),
        ({"flags.data": 'AM_CPPFLAGS = -DPACKAGE_VERSION=\\"flag\\" -Wp,-w\n'}, "flag"),
    ],
    ids=[
        "configure.ac",
        "script that one calls",
        "file that one names",
        "pattern",
        "new file",
        "included",
    ],
)
def test_autoreconf_runs_where_it_comes_to_something_else(
    change: dict[str, str], says: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_AUTOCONF, _AUTORECONF)
    for path, text in change.items():
        made.changed.write(path, text, executable=text.startswith("#!"))
    built = made.checkpointed(nix)
    assert "was left out" not in built.log
    assert _said(built) == says


def test_the_first_call_of_autoreconf_alone_is_left_out(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Between the two its sources may change, and after configure it may undo what that made."""
    twice = 'autoreconf -fi; sed -i "s/prog_SOURCES/AM_CFLAGS = -DMORE\\n&/" Makefile.am; '
    twice += 'autoreconf -fi; ./configure --prefix="$out"'
    main = '#ifdef MORE\n#include <stdio.h>\nint main(void) { puts("more"); return 0; }\n#endif\n'
    made = pair({**_AUTOCONF, "main.c": main}, {"configurePhase": twice})
    made.changed.write("main.c", main.replace("return", 'puts("edited"); return'))
    built = made.checkpointed(nix)
    assert _said(built) == "more\nedited"


def test_a_clean_build_that_fails_after_it_was_left_out_is_begun_again(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """What it left out is the checkpoint's as well, so the failure may be the checkpoint's."""
    case = _UNCHANGED["configure"]
    made = pair({**case.files, "main.c": '#include "plain.h"\n' + _MAIN, "plain.h": ""}, {})
    made.changed.write("plain.h", "broken\n")
    made.checkpoint(nix)
    said = nix.fails(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert "plain.h changed, and no depfile or rule names it" in said
    assert "configure was left out" in said
    assert "building again from nothing" in said
    assert said.count("Running phase: configurePhase") == 2


@pytest.mark.parametrize("command", ["rm -f $(LOGS)", "cp $(LOGS) copy"])
def test_its_log_counts_where_a_command_reads_it(
    command: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Each run of autoconf's writes another one, which automake's makefiles only remove."""
    configure = _CONFIGURE.format('text=one; date +%N >config.log; : "config.log"')
    makefile = f"{_MAKEFILE}LOGS = config.log\nprog: logs\nlogs:\n\t{command}\n"
    made = pair({"configure": configure, "Makefile": makefile, "main.c": _MAIN}, {})
    made.changed.write("main.c", _EDITED)
    made.checkpoint(nix)
    changed = '(changed.overrideAttrs { configureFlags = "--again"; })'
    built = nix.build(made.expression(f"mkCheckpointedBuild {changed} checkpoint"))
    assert built.configured
    assert built.used == command.startswith("rm")
    assert built.used or "config.log changed, and a command names it" in built.why_clean
    assert _said(built) == "one\nedited"
