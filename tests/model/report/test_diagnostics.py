"""The few lines of a failed build's log that say why, for the tools that people use."""

from __future__ import annotations

import pytest

from ckpt_git.model.report.diagnostics import SHOWN_LINES, error_lines, headline
from ckpt_git.model.report.relocation import Relocation

FILES = {"src/x.c", "src/x.h", "lib.rs", "main.go"}

UNDEFINED = """\
src/x.c:1:1: warning: unused
/usr/bin/ld: x.o: in function `main':
x.c:(.text+0x9): undefined reference to `f'
collect2: error: ld returned 1 exit status"""


def shown(log: str) -> list[str]:
    relocation = Relocation("/build/source", "/own", FILES.__contains__, lambda: FILES)
    return list(error_lines(log, relocation))


def test_from_the_message_that_leads_to_the_error_on() -> None:
    log = """\
=== build
cc -c -o src/ok.o src/ok.c
In file included from src/x.c:1:
src/x.h: In function ‘f’:
src/x.h:3:5: error: expected ‘;’
    3 | x
      |  ^
make: *** [Makefile:3: src/x.o] Error 1
make: *** Waiting for unfinished jobs....
"""  # noqa: RUF001
    assert shown(log) == [
        "In file included from /own/src/x.c:1:",
        "/own/src/x.h: In function ‘f’:",  # noqa: RUF001
        "/own/src/x.h:3:5: error: expected ‘;’",  # noqa: RUF001
        "    3 | x",
        "      |  ^",
    ]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("warning: x\nerror[E0425]: no value `y`\n --> lib.rs:3:5", "error[E0425]: no value"),
        ("Compiling it\n./main.go:4:2: undefined: x", "/own/main.go:4:2: undefined: x"),
        (UNDEFINED, "/usr/bin/ld: x.o: in function"),
        ("-- ok\nCMake Error at CMakeLists.txt:3 (find_package):\n  no such", "CMake Error at"),
        ("meson.build:3:0: ERROR: Dependency \"x\" not found", "meson.build:3:0: ERROR"),
        ("checking for cc... no\nconfigure: error: no acceptable C compiler", "configure: error"),
        ("app.ts(3,5): error TS2304: Cannot find name", "app.ts(3,5): error TS2304"),
        ("ok 1\nnot ok 2 - adds\nok 3", "not ok 2"),
        ("FAILED: x.o \ncc -c x.c\nsrc/x.c:1:1: error: no\nninja: bu", "/own/src/x.c:1:1"),
        ("[1/2] false\nFAILED: all \nninja: build stopped: subcommand failed.", "FAILED: all"),
        ("FAILED tests/test_x.py::test_y - assert 0", "FAILED tests/test_x.py"),
        ("PASS: a\nFAIL: b\nPASS: c", "FAIL: b"),
        ("make: *** No rule to make target 'y', needed by 'x'.  Stop.", "make: *** No rule"),
        ("Makefile:5: *** missing separator.  Stop.", "Makefile:5: *** missing"),
        ("/bin/bash: line 1: foo: command not found", "/bin/bash: line 1: foo"),
        ("it: it.c:3: main: Assertion `x' failed.\nAborted", "it: it.c:3: main: Assertion"),
        ("thread 'main' panicked at lib.rs:3:5:\nno", "thread 'main' panicked at /own/lib.rs"),
        ("Traceback (most recent call last):\n  File \"x\"\nKeyError: 1", "Traceback"),
    ],
)  # fmt: skip
def test_the_first_line_is_the_one_that_says_why(said: str, first: str) -> None:
    assert shown(f"=== configure\nfine\n=== build\n{said}\n")[0].startswith(first)


@pytest.mark.parametrize(
    "harmless",
    [
        "cc -c -o error.o error.c",
        "  CC      error.o",
        "cc -Werror -c x.c",
        "checking for error.h... yes",
        "ls: cannot access 'x': No such file or directory",
        "grep: config: No such file or directory",
        "0 errors",
    ],
)
def test_what_only_looks_like_an_error_is_passed_over(harmless: str) -> None:
    log = f"=== build\n{harmless}\nsrc/x.c:3:1: error: no\n"
    assert shown(log) == ["/own/src/x.c:3:1: error: no"]


def test_only_the_phase_that_failed_counts() -> None:
    log = "=== build\nsrc/x.c:3:1: error: not fatal\n=== install\ncp: no room\n"
    assert shown(log) == ["cp: no room"]
    assert shown("=== build\nsrc/x.c:3:1: error: not fatal\n=== install\n") == []


def test_only_the_last_attempt_counts() -> None:
    log = "=== build\nsrc/x.c:1:1: error: one\n=== confirming with a clean build\n"
    assert shown(log + "=== build\nsrc/x.c:2:1: error: two\n") == ["/own/src/x.c:2:1: error: two"]


def test_a_test_suites_own_marks_are_no_phases() -> None:
    log = "=== check\n=== RUN   TestA\n--- FAIL: TestA (0.00s)\n=== RUN   TestB\nok\n"
    assert shown(log)[0] == "--- FAIL: TestA (0.00s)"


def test_where_nothing_looks_like_an_error_the_end_is_shown() -> None:
    log = "=== build\n" + "".join(f"line {number}\n" for number in range(50)) + "\n\n"
    assert shown(log)[-1] == "line 49"
    assert len(shown(log)) <= SHOWN_LINES


def test_what_make_gave_up_is_shown_where_nobody_said_more() -> None:
    assert shown("=== build\nfalse\nmake: *** [Makefile:2: all] Error 1\n") != []


def test_never_more_than_fits_a_screen() -> None:
    log = "=== build\n" + "".join(f"src/x.c:{n}:1: error: no\n" for n in range(1, 99))
    assert len(shown(log)) == SHOWN_LINES


def test_the_headline_is_the_line_that_says_what_is_wrong() -> None:
    lines = ["src/x.c: In function ‘f’:", "src/x.c:3:1: error: no", "    3 | x"]  # noqa: RUF001
    assert headline(lines) == "src/x.c:3:1: error: no"
    assert headline(["  plain words"]) == "plain words"
    cmake = ["CMake Error at CMakeLists.txt:9 (add_subdirectory):", "", "  no such folder.", "", ""]
    assert headline(cmake) == "CMake Error at CMakeLists.txt:9 (add_subdirectory): no such folder."
    assert headline([]) is None
