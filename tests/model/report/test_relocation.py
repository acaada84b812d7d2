"""Messages in the user's own paths, as build tools word them."""

from __future__ import annotations

import pytest

from ckpt_git.model.report.relocation import Relocation

BUILT, OWN = "/build/source", "/home/me/it"
FILES = (
    "main.c",
    "src/x.c",
    "src/util/deep.h",
    "sub/x.h",
    "sub/only.c",
    "my dir/a b.c",
    "crates/one/src/lib.rs",
    "app/a.ts",
    "gen.py",
    "CMakeLists.txt",
)


def relocation(built: str = BUILT, own: str = OWN) -> Relocation:
    folders = {"/".join(path.split("/")[:n]) for path in FILES for n in range(path.count("/") + 1)}
    there = {*FILES, *folders, "."}
    return Relocation(built, own, there.__contains__, lambda: FILES)


def moved(*lines: str) -> str:
    """The last of ``lines``, after those above it were seen."""
    relocate = relocation()
    return [relocate.line(line) for line in lines][-1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("src/x.c:3:5: error: no", "{}/src/x.c:3:5: error: no"),
        ("./src/x.c:3:5: error: no", "{}/src/x.c:3:5: error: no"),
        ("src/x.c:3: warning: no", "{}/src/x.c:3: warning: no"),
        ("src/x.c: In function ‘f’:", "{}/src/x.c: In function ‘f’:"),  # noqa: RUF001
        ("/build/source/src/x.c:3:5: error: no", "{}/src/x.c:3:5: error: no"),
        ("In file included from src/util/deep.h:3,", "In file included from {}/src/util/deep.h:3,"),
        ("                 from src/x.c:1:", "                 from {}/src/x.c:1:"),
        ("my dir/a b.c:1:2: error: no", "{}/my dir/a b.c:1:2: error: no"),
        ("/build/source/my dir/a b.c:1:2: error: no", "{}/my dir/a b.c:1:2: error: no"),
        ("  --> crates/one/src/lib.rs:3:5", "  --> {}/crates/one/src/lib.rs:3:5"),
        ("thread 'main' panicked at src/x.c:4:5:", "thread 'main' panicked at {}/src/x.c:4:5:"),
        ("CMake Error at CMakeLists.txt:5 (m):", "CMake Error at {}/CMakeLists.txt:5 (m):"),
        ("app/a.ts(3,5): error TS2304: no", "{}/app/a.ts(3,5): error TS2304: no"),
        ('  File "gen.py", line 3, in <module>', '  File "{}/gen.py", line 3, in <module>'),
        ('  File "/build/source/gen.py", line 3', '  File "{}/gen.py", line 3'),
        ("/usr/bin/ld: /build/source/main.c:3: undefined reference to `f'",
         "/usr/bin/ld: {}/main.c:3: undefined reference to `f'"),
        ("cc -I/build/source/src -c /build/source/main.c", "cc -I{}/src -c {}/main.c"),
        ("make[1]: Entering directory '/build/source/sub'",
         "make[1]: Entering directory '{}/sub'"),
        ("make: Entering directory '/build/source'", "make: Entering directory '{}'"),
    ],
)  # fmt: skip
def test_a_file_of_the_users(line: str, expected: str) -> None:
    assert moved(line) == expected.format(*[OWN] * expected.count("{}"))


@pytest.mark.parametrize(
    "line",
    [
        "/usr/include/stdio.h:258:14: note: declared here",
        "/build/source/generated.c:3:1: error: no",  # the build made it, the user has none
        "generated.c:3:1: error: no",
        "/build/sources/main.c:3",
        "12:30:05 finished",
        "x.c:3:1: error: no",  # no such file where the compiler ran, as far as anyone said
        "note: see main.c",
        "{standard input}:12: Error: no such instruction",
    ],
)
def test_everything_else_stays(line: str) -> None:
    there = {"main.c"}
    relocate = Relocation(BUILT, OWN, there.__contains__, lambda: ("main.c",))
    assert relocate.line(line) == line


def test_relative_to_the_folder_that_make_is_in() -> None:
    entering = "make[1]: Entering directory '/build/source/sub'"
    leaving = "make[1]: Leaving directory '/build/source/sub'"
    assert moved(entering, "x.h:3:1: error: no") == f"{OWN}/sub/x.h:3:1: error: no"
    assert moved(entering, "../src/x.c:3:1: error: no") == f"{OWN}/src/x.c:3:1: error: no"
    assert moved(entering, leaving, "main.c:3:1: error: no") == f"{OWN}/main.c:3:1: error: no"


def test_relative_to_the_folder_that_ninja_is_in() -> None:
    entering = "ninja: Entering directory `out'"
    assert moved(entering, "../src/x.c:3:1: error: no") == f"{OWN}/src/x.c:3:1: error: no"


def test_relative_to_a_folder_named_build_that_nobody_named() -> None:
    assert moved("../src/x.c:3:1: error: no") == f"{OWN}/src/x.c:3:1: error: no"


def test_jobs_in_parallel_enter_and_leave_in_any_order() -> None:
    lines = [
        "make[1]: Entering directory '/build/source/sub'",
        "make[1]: Entering directory '/build/source/src'",
        "make[1]: Leaving directory '/build/source/sub'",
        "x.c:3:1: error: no",
    ]
    assert moved(*lines) == f"{OWN}/src/x.c:3:1: error: no"


def test_the_only_file_of_that_name_where_nobody_said_where() -> None:
    assert moved("only.c:3:1: error: no") == f"{OWN}/sub/only.c:3:1: error: no"
    assert moved("util/deep.h:3:1: error: no") == f"{OWN}/src/util/deep.h:3:1: error: no"


def test_colours_that_a_build_forces_are_taken_out() -> None:
    line = "\x1b[01m\x1b[Ksrc/x.c:3:5:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kno"
    assert moved(line) == f"{OWN}/src/x.c:3:5: error: no"
    assert moved("\x1b]8;;https://example.com\x1b\\-Wall\x1b]8;;\x1b\\") == "-Wall"


def test_without_a_folder_of_the_users_nothing_is_moved() -> None:
    relocate = relocation(own="")
    assert relocate.line("/build/source/main.c:3: error") == "/build/source/main.c:3: error"


def test_the_disk_is_asked_once_for_each_path() -> None:
    asked: list[str] = []

    def exists(path: str) -> bool:
        asked.append(path)
        return path == "main.c"

    relocate = Relocation(BUILT, OWN, exists)
    for _ in range(3):
        relocate.line("main.c:3:1: error: no")
        relocate.line("/build/source/gone.c:3:1: error: no")
    assert len(asked) == len(set(asked))
