"""Random bytes are made of the command: temporary names come again, and what is done below them."""

from __future__ import annotations

import pytest

from tests.watch.project import Project, need

_BELOW = {
    "Perl": (
        "perl -MFile::Temp=tempdir -e '$t = tempdir(CLEANUP => 1);"
        ' system("cp", "a", "$t/x"); system("cp", "$t/x", "made")\'\n'
    ),
    "mktemp": "t=$(mktemp -d)\ncp a $t/x\ncp $t/x made\nrm -r $t\n",
    "a file": "t=$(mktemp)\ncp a $t\ncp $t made\nrm $t\n",
    "Python": (
        "python3 -c 'import subprocess, tempfile\n"
        "with tempfile.TemporaryDirectory() as t:\n"
        ' for one in (["a", t + "/x"], [t + "/x", "made"]): subprocess.check_call(["cp", *one])\'\n'
    ),
}


@pytest.fixture
def seeded(project: Project) -> Project:
    project.seed = "a store's secret"
    project.write("a", "first\n")
    return project


@pytest.mark.parametrize("tool", _BELOW)
def test_what_is_done_below_a_temporary_name_is_answered(seeded: Project, tool: str) -> None:
    seeded.write("run", _BELOW[tool])
    seeded.command = "sh run; cp made $out/"
    seeded.record()
    assert seeded.again() == []
    seeded.write("run", f"{_BELOW[tool]}:\n")
    executed = seeded.again()
    assert not any(one.startswith("cp ") for one in executed), executed
    seeded.write("a", "other\n")
    executed = seeded.again()
    assert any(one.startswith("cp a ") for one in executed)


def test_checks_of_cmake_are_answered(seeded: Project) -> None:
    need("cmake")
    text = (
        "cmake_minimum_required(VERSION 3.10)\nproject(x C)\ninclude(CheckIncludeFile)\n"
        "check_include_file(stdlib.h HAS_IT)\nfile(WRITE ${CMAKE_BINARY_DIR}/made ${HAS_IT})\n"
    )
    seeded.write("CMakeLists.txt", text)
    seeded.command = "cmake -B build >/dev/null && cp build/made $out/ && rm -r build"
    seeded.record()
    seeded.write("CMakeLists.txt", f"{text}# a comment\n")
    executed = seeded.again()
    assert not any("cmTC_" in one for one in executed), executed


def test_commands_that_are_alike_get_other_bytes(seeded: Project) -> None:
    """The second one of the same key, a process of the same command, and the next call."""
    seeded.command = (
        "for i in 1 2 3; do mktemp -u; done > names\n"
        "python3 -c 'import os\nfor i in range(3): print(os.urandom(8), flush=True)\n"
        "if os.fork(): os.wait()\nprint(os.urandom(8))' >> names\n"
        "sort names | uniq -d > twice; wc -l < names > count; cp twice count $out/"
    )
    seeded.watched(answers=False)
    out = seeded.folder / "out"
    assert (out / "count").read_text() == "8\n"
    assert not (out / "twice").read_text()


def test_two_stores_have_other_names(seeded: Project) -> None:
    seeded.command = "mktemp -u -p /x > $out/name || :"
    names = set()
    for seed in ("one", "two"):
        seeded.seed = seed
        names.add(str(seeded.watched(answers=False).files["out/name"]))
    assert len(names) == 2, names


def test_more_bytes_than_a_name_needs_are_the_kernels(seeded: Project) -> None:
    seeded.command = "python3 -c 'import os; print(len(os.urandom(100000)))' > $out/size"
    seeded.record()
    assert seeded.again() == []


def test_two_of_a_command_that_ran_once(project: Project) -> None:
    """It is answered once: twice the same random bytes are no clean build's."""
    project.seed = "secret"
    project.write("make", "sh -c 'od -An -N8 -tx1 /dev/urandom' > r1\n")
    project.command = "sh make; rm r1"
    project.record()
    project.write(
        "make",
        "sh -c 'od -An -N8 -tx1 /dev/urandom' > r1; sh -c 'od -An -N8 -tx1 /dev/urandom' > r2\n"
        "cmp -s r1 r2 && echo same > $out/same; rm r2\n",
    )
    project.again()


def test_a_loop_that_ends_by_the_clock(project: Project) -> None:
    project.write("try", "true\n")
    project.write(
        "run",
        "start=$(date +%s); n=0\nuntil sh try; do\n"
        "  [ $(($(date +%s) - start)) -ge 2 ] && break\n"
        "  n=$((n + 1)); [ $n -gt 40 ] && { echo hangs; exit 1; }\n  sleep .1\ndone\n"
        "echo ended > $out/x\n",
    )
    project.command = "sh run"
    project.record()
    project.again()
    project.write("try", "false\n")
    project.again()
