"""What commands print comes again, in its order and to where it went."""

from __future__ import annotations

import pytest

from tests.watch.project import Project

REOPENS = (
    'python3 -c \'import os; a = open("a", "rb").read(); saved = os.dup(1)\n'
    'file = os.open("log", os.O_WRONLY | os.O_CREAT)\n'
    "os.dup2(file, 1); os.write(1, a); os.dup2(saved, 1); os.write(1, a); os.write(2, a)'"
)
"""It turns descriptor 1 to a file and back, as Ruby's mkmf and pytest do."""
MIXES = (
    "python3 -c 'import os; copy = os.dup(1)\n"
    "for to in (1, copy, 2, copy, 1): os.write(to, str(to).encode())'"
)


@pytest.mark.parametrize(
    "command",
    [
        "$probe read a",
        "$probe say-sendfile a",
        "$probe say-splice a",
        "$probe say-range a",
        "$probe say-in-parts",
        "$probe say-both",
        "$probe say-both > b",
        "$probe say-both 2> b",
        "$probe say-both > b 2>&1; cat b",
        "$probe say-both 2>&1 > b | cat; cat b",
        "$probe say-range a > b; cat b",
        "$probe say-sendfile a > b; cat b",
        "$probe say-splice a > b; cat b",
        "{ $probe read a; $probe say-range a; } > b; cat b",
        "{ $probe read a; cat a; } >> b; cat a >> b; cat b",
        "sh -c '$probe say-both; $probe read a; echo own; cat a >&2'",
        "sh -c '$probe say-elsewhere said; cat a'",
        "sh -c '$probe say-by-name /dev/stdout said; cat a'",
        "sh -c '$probe say-by-name /dev/stderr said; cat a'",
        "sh -c '$probe say-by-name /dev/fd/2 said; cat a'",
        "sh -c '$probe say-by-name /proc/self/fd/1 said; cat a'",
        "sh -c '$probe say-back; cat a' > b; cat b",
        "$probe say-back > b; cat b",
        "head -c 100000 /dev/zero | tr '\\0' x; cat a",
        "head -c 400000 /dev/zero | tr '\\0' x",
        "sh -c 'exec 3>&1; { echo one; cat a >&3; } > b; cat b'",
        "tee /dev/stderr < a",
        "python3 -c 'print(open(\"a\").read())'",
        'python3 -c \'import os; os.write(os.dup(1), open("a", "rb").read())\'',
        "printf 'no end of line'; printf '\\0\\1\\377\\n'; cat a",
        "dd if=a 2>/dev/null; dd if=a of=/dev/stdout 2>/dev/null",
        MIXES,
        f"{MIXES} 2>&1",
        f"{MIXES} > b; cat b",
        f"{MIXES} > b 2>&1; cat b",
        f"{REOPENS} | cat; cat log",
    ],
)
def test_what_is_printed(probing: Project, command: str) -> None:
    probing.write("a", "first\n")
    probing.write("other", "one\n")
    probing.command = f"{command}\ncp other copy"
    probing.record()
    probing.again()
    probing.write("other", "two\n")
    assert "cp other copy" in probing.again()
    probing.write("a", "other\n")
    probing.again()


@pytest.mark.parametrize(
    "command",
    [
        "cat a > b",
        "cat a a >> b",
        "$probe say-range a > b",
        "$probe say-sendfile a > b",
        "$probe say-splice a > b",
        "sh -c 'cat a; cat a'",
        "sh -c 'cat a; echo more' > b",
        REOPENS,
        f"{REOPENS} 2>&1",
        f"{REOPENS} > b",
        f"{REOPENS} > b 2>&1",
    ],
)
def test_what_prints_is_answered(probing: Project, command: str) -> None:
    probing.write("a", "first\n")
    probing.write("other", "one\n")
    probing.command = f"{command}\ncp other copy"
    probing.record()
    probing.write("other", "two\n")
    assert probing.again() == ["cp other copy"]


def test_to_nobody(project: Project) -> None:
    project.write("a", "first\n")
    project.write("other", "one\n")
    project.command = "cat a > /dev/null; sh -c 'cat a >&-; cp a b' 2> /dev/null; cp other copy"
    project.record()
    project.again()
    project.write("other", "two\n")
    project.again()


def test_to_a_pipe_or_to_a_file(project: Project) -> None:
    """Python, as zip, asks whether there is a place in what it prints to."""
    ask = "/usr/bin/python3 -IS -c 'import sys; print(sys.stdout.seekable())'"
    project.command = f"{ask} | cat > x; cp x $out/"
    project.record()
    project.command = f"{ask} > x; cp x $out/"
    project.again()


def test_one_file_that_is_opened_twice(project: Project) -> None:
    project.write("inner", "echo out; echo error >&2\n")
    project.command = "sh inner > log 2>&1; cp log $out/"
    project.record()
    project.command = "sh inner > log 2> log; cp log $out/"
    project.again()
