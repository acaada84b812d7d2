"""Files and folders that one command has open, or stands in, while another one changes them."""

from __future__ import annotations

import pytest

from tests.watch.project import Project, need

_MAKEFILE = """
all: x y
	echo done
x: a
	cp a x; echo x >> log
y: late
	cat late; cp late y; echo y >> log
"""
_OPENED = """
import subprocess
file = open('x')
subprocess.run(['sh', 'change'], check=True)
open('y', 'w').write(file.read() + open('late').read())
"""
_DATABASE = """
import sqlite3, subprocess
base = sqlite3.connect('base')
base.execute('create table t(x)')
base.commit()
subprocess.run([{python!r}, '-IS', 'insert.py'], check=True)
base.execute('insert into t values(?)', (open('late').read(),))
base.commit()
base.close()
"""
_INSERT = """
import sqlite3
base = sqlite3.connect('base')
base.execute('insert into t values(1)')
base.commit()
base.close()
"""
_TELL = """
import sqlite3
print(list(sqlite3.connect('base').execute('select * from t')))
"""
PYTHON = "/usr/bin/python3"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        pytest.param({"Makefile": _MAKEFILE}, "make -s >> log; cp log $out/", id="log of make"),
        pytest.param(
            {"add": "echo more >> log\n"},
            "{ echo first; sh add; cat late; } >> log; cp log $out/",
            id="log of a shell",
        ),
        pytest.param(
            {"run": "exec > log.tmp; cat a; mv log.tmp log; cat late\n"},
            "sh run; cp log $out/",
            id="renamed while it is written",
        ),
        pytest.param(
            {"change": "cat a >> x; sed -i s/first/1st/ x\n", "run.py": _OPENED},
            f"cp a x; {PYTHON} -IS run.py; cp y $out/",
            id="added to, then replaced, while it is read",
        ),
        pytest.param(
            {
                "run.py": _DATABASE.format(python=PYTHON),
                "insert.py": _INSERT,
                "tell.py": _TELL,
            },
            f"{PYTHON} -IS run.py; {PYTHON} -IS tell.py > $out/told; rm base",
            id="database",
        ),
        pytest.param(
            {"run": "cd d; mv ../d ../e; cat ../late file > x\n"},
            "mkdir d; cp a d/file; sh run; cp e/x $out/",
            id="folder that is moved",
        ),
        pytest.param(
            {"change": "rm -rf ../d; mkdir ../d\n", "run": "cd d; sh ../change; cp ../late x\n"},
            "mkdir d; sh run 2> /dev/null && echo copied; ls d; cat late > $out/late",
            id="folder that is made again",
        ),
    ],
)
def test_who_changes_it_is_not_answered_alone(
    project: Project, files: dict[str, str], command: str
) -> None:
    if "base" in command:
        need("python3")
    for path, content in {"a": "first\n", "late": "late\n", **files}.items():
        project.write(path, content)
    project.command = command
    project.record()
    project.again()
    for content in ("later\n", "last\n"):
        project.write("late", content)
        project.again()


def test_what_nobody_else_has_open_is_answered(project: Project) -> None:
    project.write("a", "first\n")
    project.write("late", "late\n")
    project.command = (
        "echo 1 > x; sh -c 'cat a >> x'; sh -c 'mv x y'; mkdir d; sh -c 'mv d e'; cat late y > z"
    )
    project.record()
    project.write("late", "later\n")
    assert project.again() == ["cat late y"]


@pytest.mark.parametrize(
    "command",
    [
        "cp a x; ln x y; mv x z; sh -c 'cat late >> z'; cp y $out/y",
        "mkdir d; cp a d/x; cp -al d e; mv e f; sh -c 'cat late > d/x'; cp f/x $out/",
        f"cp a x; ln x x2; cp late y; ln y y2; {PYTHON} -IS swap.py; cat late >> x; cat x2 y2",
    ],
)
def test_other_names_of_a_file_that_is_renamed(project: Project, command: str) -> None:
    swap = "import ctypes\nctypes.CDLL(None).renameat2(-100, b'x', -100, b'y', 2)\n"
    for path, content in {"a": "first\n", "late": "late\n", "swap.py": swap}.items():
        project.write(path, content)
    project.command = command
    project.record()
    project.write("late", "later\n")
    project.again()
