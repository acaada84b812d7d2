"""What a command looks at: where that is as it was, the command is answered, and else executed.

Each command here is one of two; the other one never has a reason to be executed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.watch.project import Project

Edit = Callable[[Project], None]
OTHER = "cp other copy"


def try_out(project: Project, command: str, *edits: Edit) -> None:
    """``command`` is answered when nothing changed, executed after each of ``edits``, and answered
    when another command's input changed."""
    project.write("other", "one\n")
    project.command = f"{command} > result; {OTHER}"
    project.record()
    assert project.again() == []
    for number, edit in enumerate(edits):
        edit(project)
        executed = project.again()
        assert OTHER not in executed
        assert project.again() == [], f"edit {number} was not remembered"
        assert project.whole() is None
    project.write("other", "two\n")
    assert project.again() == [OTHER]


def writes(path: str, content: str, mode: int = 0o644) -> Edit:
    return lambda project: project.write(path, content, mode)


def links(path: str, target: str) -> Edit:
    return lambda project: project.link(path, target)


def removes(path: str) -> Edit:
    return lambda project: project.remove(path)


@pytest.mark.parametrize(
    "command",
    [
        "$probe read a",
        "$probe read ./x/../a",
        "$probe openat2 a",
        "$probe at x ../a",
        "$probe fchdir x ../a",
        "$probe mmap a",
        "$probe stdin < a",
        "$probe fork-read a",
        "$probe fork-both x/b a",
        "$probe fork-both a x/b",
        "$probe socketpair a",
        "$probe threads a x/b",
        "$probe threads x/b a",
        "$probe close-all a",
        "$probe exec $probe read a",
        "$probe run-fork $probe read a",
        "$probe run-vfork $probe read a",
        "$probe run-spawn $probe read a",
        "$probe run-system 'exec $probe read a'",
        "$probe run-popen '$probe read a'",
    ],
)
def test_a_content(probing: Project, command: str) -> None:
    probing.write("a", "first\n")
    probing.write("x/b", "another\n")
    try_out(probing, command, writes("a", "other\n"), writes("a", "longer than before\n"))


@pytest.mark.parametrize("command", ["$probe stat a", "$probe fstat a"])
def test_a_size_and_a_mode(probing: Project, command: str) -> None:
    tries_sizes(probing, command)


@pytest.mark.parametrize("probing", ["dynamic", "static"], indirect=True)
def test_a_size_and_a_mode_by_statx(probing: Project) -> None:
    """musl has no statx(2)."""
    tries_sizes(probing, "$probe statx a")


def tries_sizes(probing: Project, command: str) -> None:
    probing.write("a", "first\n")
    try_out(probing, command, writes("a", "longer\n"), writes("a", "longer\n", 0o755))


def test_what_is_asked_about_is_not_read(probing: Project) -> None:
    probing.write("a", "first\n")
    probing.command = "$probe stat a > size; $probe access a > there"
    probing.record()
    probing.write("a", "other\n")
    assert probing.again() == []


@pytest.mark.parametrize("call", ["access", "eaccess"])
def test_an_executable_bit(probing: Project, call: str) -> None:
    probing.write("a", "first\n")
    try_out(probing, f"$probe {call} a", writes("a", "first\n", 0o755))


@pytest.mark.parametrize(
    "command",
    [
        "$probe stat a",
        "$probe access a",
        "$probe eaccess a",
        "$probe read a || :",
        "$probe stat x/a",
    ],
)
def test_what_is_missing(probing: Project, command: str) -> None:
    path = "x/a" if "x/a" in command else "a"
    try_out(probing, command, writes(path, "there\n"))


def test_what_goes_away(probing: Project) -> None:
    probing.write("a", "first\n")
    try_out(probing, "$probe stat a", removes("a"))


def test_a_folder_for_a_file(probing: Project) -> None:
    probing.write("a", "first\n")
    try_out(probing, "$probe stat a", writes("a/b", "in a folder\n"))


def test_a_file_for_a_folder_above(probing: Project) -> None:
    probing.write("x/a", "first\n")
    try_out(probing, "$probe stat x/a", writes("x", "a file\n"))


def test_a_target_of_a_link(probing: Project) -> None:
    probing.link("a", "b")
    try_out(probing, "$probe readlink a", links("a", "c"))


def test_a_link_that_is_followed(probing: Project) -> None:
    for name in "bcd":
        probing.write(name, f"{name}\n")
    probing.link("a", "b")
    try_out(
        probing, "$probe read a", links("a", "c"), writes("c", "other\n"), writes("a", "file\n")
    )


def test_links_in_a_row(probing: Project) -> None:
    for name in ("one/x", "two/x"):
        probing.write(name, f"{name}\n")
    probing.link("first", "second")
    probing.link("second", "one")
    try_out(
        probing,
        "$probe read first/x",
        links("second", "two"),
        links("first", "one"),
        writes("one/x", "other\n"),
    )


def test_a_link_for_a_folder_above(probing: Project) -> None:
    probing.write("x/a", "first\n")
    probing.write("y/a", "other\n")
    try_out(probing, "$probe read x/a", links("x", "y"))


def test_names_in_a_folder(project: Project) -> None:
    project.write("x/a", "first\n")
    try_out(
        project,
        "ls x",
        writes("x/b", ""),
        removes("x/a"),
        writes("x/b/c", ""),  # a folder for a file: `find` would see
    )


def test_names_alone(project: Project) -> None:
    project.write("x/a", "first\n")
    project.command = "ls x > names; cp x/a copy"
    project.record()
    project.write("x/a", "another\n")
    assert project.again() == ["cp x/a copy"]


def test_names_in_folders_below(project: Project) -> None:
    project.write("x/y/a", "first\n")
    try_out(project, "find x", writes("x/y/z/b", ""), removes("x/y/a"))


def test_a_glob(project: Project) -> None:
    project.write("a.c", "first\n")
    try_out(project, "sh -c 'cat *.c'", writes("b.c", "other\n"), removes("a.c"))


def test_an_unnamed_folder_has_any_name(project: Project) -> None:
    for name in ("a\nb", 'quo"te', "back\\slash", "tab\there", "*", " "):
        project.write(f"x/{name}", "first\n")
    project.top.joinpath("sources/x").joinpath("f").write_text("")
    wild = os.fsdecode(b"invalid \xff\xfe utf")
    project.write(f"x/{wild}", "first\n")
    project.write("run", 'for f in x/*; do cp "$f" "out$(basename "$f")"; done\n')
    project.command = "sh run"
    project.record()
    assert project.again() == []
    project.write(f"x/{wild}", "other\n")
    executed = project.again()
    assert [one for one in executed if one.startswith("cp")] == [f"cp x/{wild} out{wild}"]


def test_a_program_of_the_project(project: Project) -> None:
    project.write("tool", "#!/bin/sh\necho first\n", 0o755)
    try_out(project, "./tool", writes("tool", "#!/bin/sh\necho other\n", 0o755))


def test_programs_that_run_programs(project: Project) -> None:
    """A script's program may be a script."""
    project.write("tool", "#!./shell\necho one\n", 0o755)
    project.write("shell", "#!/bin/sh\necho shell; . ./$1\n", 0o755)
    try_out(
        project,
        "./tool",
        writes("shell", "#!/bin/sh\necho other; . ./$1\n", 0o755),
        writes("tool", "#!./shell\necho two\n", 0o755),
    )


def test_a_program_that_comes_earlier_on_the_path(project: Project) -> None:
    project.write("late/tool", "#!/bin/sh\necho late\n", 0o755)
    project.environment["PATH"] = "early:late:/usr/bin:/bin"
    try_out(
        project,
        "tool",
        writes("early/tool", "#!/bin/sh\necho early\n", 0o755),
        writes("early/tool", "#!/bin/sh\necho early\n"),  # it can't be executed
        removes("early"),
    )


def test_a_library_on_the_library_path(project: Project) -> None:
    project.write("one.c", "int number(void) { return 1; }\n")
    project.write("main.c", "int number(void);\nint main(void) { return number() == 1 ? 0 : 3; }\n")
    project.write(
        "build",
        "cc -shared -fPIC -o libnumber.so one.c\n"
        "cc -o main main.c -L. -lnumber\n"
        "if LD_LIBRARY_PATH=first:. ./main; then echo one; else echo another; fi > result\n"
        "cp one.c copy\n",
    )
    project.command = "sh build"
    project.record()
    assert project.again() == []
    project.write("one.c", "int number(void) { return 2; }\n")
    assert "./main" in [f"./{one}" for one in project.again()]
    project.write("first/libnumber.so", "no library\n")
    assert "main" in project.again()


@pytest.mark.parametrize(
    "command",
    ["sh -c 'echo 2 >> d/x'; cat e/x > $out/e", "cat d/../b > $out/b", "rm d/x; ls e > $out/e"],
)
def test_a_folder_that_becomes_a_link(project: Project, command: str) -> None:
    for path, content in {"d/x": "1\n", "e/x": "1\n", "b": "1\n", "k/b": "2\n"}.items():
        project.write(path, content)
    project.write("k/e/x", "1\n")
    project.command = command
    project.record()
    project.remove("d")
    project.link("d", "k/e" if ".." in command else "e")
    project.again()


def test_an_open_file_that_is_only_a_path(project: Project) -> None:
    """open(2), O_PATH: fstat(2) of it is as good as stat(2)."""
    project.write("a", "first\n")
    project.write("s.py", "import os\nprint(os.fstat(os.open('a', os.O_PATH)).st_size)\n")
    project.command = "/usr/bin/python3 -IS s.py > $out/size"
    project.record()
    project.write("a", "longer than before\n")
    project.again()


def test_libraries_that_the_loader_lists_are_not_ours(project: Project) -> None:
    """ldd(1): what bundles the libraries of a program bundles those that it has without us."""
    project.command = "ldd /bin/true | sed 's/ (.*//' > $out/libraries"
    project.record()
    project.again()
