"""Commands that fail, and what the script around them makes of that."""

from __future__ import annotations

import pytest

from tests.watch.project import Project, need


def test_a_failure_that_a_script_goes_on_from(project: Project) -> None:
    """It is answered with what was printed and with its code."""
    project.write("words", "one\ntwo\n")
    project.write("more", "one\ntwo\nthree\n")
    asks = "grep -q three words || echo none\ndiff words more || echo $?\n"
    project.write("run", f"{asks}cat other\n")
    project.write("other", "1\n")
    project.command = "sh run"
    project.record()
    project.write("other", "2\n")
    assert project.again() == ["sh run", "cat other"]
    project.write("words", "one\nthree\n")
    assert project.again() == ["sh run", "grep -q three words", "diff words more"]


def test_what_it_left_when_it_failed(project: Project) -> None:
    project.write("half", "echo part > made; rm given; exit 3\n")
    project.write("given", "1\n")
    project.write("other", "1\n")
    project.write("run", "sh half || echo $?\ncat made\nls\ncat other\n")
    project.command = "sh run"
    project.record()
    project.write("other", "2\n")
    assert project.again() == ["sh run", "cat other"]


def test_what_a_build_breaks_off_with_is_tried_again(project: Project) -> None:
    project.write("run", "grep -q three words\necho unheard\n")
    project.write("words", "one\n")
    project.command = "sh -e run"
    project.record()
    assert project.again() == ["sh -e run", "grep -q three words"]
    project.write("words", "three\n")
    project.again()


@pytest.mark.parametrize(
    "fails",
    [
        "timeout 0.2 sleep 5",
        "sh -c 'sleep 0.01; exit 1'",
        "sh -c 'kill -9 $$ & wait $!; exit 1'",
        "flock -n lock false",
        "/usr/bin/python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 0)); 1 / 0'",
        "sh -c 'exit 125'",
    ],
)
def test_a_failure_that_may_be_chance_is_tried_again(project: Project, fails: str) -> None:
    """Something was ended, had to wait, or asked for what others may hold."""
    need("flock", "timeout")
    project.write("other", "1\n")
    project.write("run", f"{fails} || echo $?\ncat other\n")
    project.command = "sh run"
    project.record()
    project.write("other", "2\n")
    executed = project.again()
    assert executed[1] != "cat other", executed


def test_a_reader_that_ends_first(project: Project) -> None:
    """That nobody reads any more is chance, as far as another command comes to it."""
    project.write("program", "import sys, time\nprint(1, flush=True)\ntime.sleep(.3)\nprint(2)\n")
    project.write("take", "head -n 1\n")
    project.write(
        "run", "{ /usr/bin/python3 program || echo $? > code; } 2>/dev/null | sh take\ncat code\n"
    )
    project.command = "sh run || :"
    project.record()
    project.write("take", "cat\n")
    project.again()


def test_limits_are_an_input_where_a_script_sets_them(project: Project) -> None:
    project.write("write", "head -c 5000 /dev/zero > it\n")
    project.write("run", "(ulimit -f 1; trap '' XFSZ; sh write) || echo no\nwc -c < it\n")
    project.command = "sh run"
    project.record()
    assert project.again() == []
    project.write("run", "(trap '' XFSZ; sh write) || echo no\nwc -c < it\n")
    project.again()


def test_a_lock_that_is_free_now(project: Project) -> None:
    need("flock")
    project.write("holder", "flock lock sh -c 'echo > held; sleep 0.5'\n")
    project.write("run", "sh holder & while ! [ -e held ]; do :; done\nsh taker\nwait\n")
    project.write("taker", "flock -n lock echo free || echo taken\n")
    project.command = "sh run"
    project.record()
    project.write("holder", "echo > held\n")
    project.again()
