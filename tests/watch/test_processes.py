"""How processes begin, go on and end."""

from __future__ import annotations

import pytest

from tests.watch.project import Project


def tell(project: Project, command: str, *, changes: str = "a") -> None:
    """Whatever is answered of ``command``, it is right, also when what it reads is another."""
    project.write("other", "one\n")
    project.command = f"{command}\ncp other copy"
    project.record()
    project.again()
    project.write("other", "two\n")
    project.again()
    project.write(changes, "other\n")
    project.again()
    project.write(changes, "another one, longer\n")
    project.again()
    assert "cp other copy" not in project.again()


@pytest.mark.parametrize(
    "command",
    [
        "$probe fork-twice a b; cp b c",
        "$probe fork-then-exec a b sleep .5; cp b c",
        "sh -c '(sleep .1; cp a b) & exec sleep 1'; cp b c",
        "sh -c '(sleep .1; $probe read a > b) & wait'; cp b c",
        "$probe kill a || echo killed; cp a b",
        "sh -c '$probe kill a; cp a b' || echo $?",
        "sh -c '$probe read a > b; kill -9 $$' || echo $?; cp b c",
        "sh -c '($probe read a > b; kill -9 $$) & wait; true'; cp b c",
        "$probe exit a > b; cp b c",
        "sh -c '$probe exit a > b; cp b c'",
        "yes $($probe read a) | head -n 3 > b; cp b c",
        "$probe read a | cat | sed s/o/0/g > b",
        "sh -c '$probe read a | cat | sed s/o/0/g' > b; cp b c",
        "cat <<END > b\n$($probe read a) and $(cat a)\nEND\ncp b c",
        "x=$($probe read a; cat a); echo $x > b; echo $(echo $x $(cat b)) > c",
        "$probe read a > b & $probe read a > c & wait; cat b c > d",
        "for i in 1 2 3; do cp a b$i & done; wait; cat b1 b2 b3 > c",
        "mkfifo pipe; cat pipe > b & cat a > pipe; wait; rm pipe; cp b c",
        "while read line; do cp a b; echo $line >> c; done < a",
        "{ read line; $probe stdin > b; } < list; cp b c",
        "{ $probe stdin-bytes 2 > b; $probe stdin-bytes 3 > c; cat > d; } < list",
        "exec 3< list; read line <&3; $probe stdin <&3 > b; cp b c",
        "while read line <&3; do cp a $line; done 3< list",
        "$probe run-system 'cp a b; cat b' > c; cp c d",
        "timeout 10 cp a b; timeout .1 sleep 5 || cp b c",
        "nohup cp a b > /dev/null 2>&1; cp b c",
        "setsid -w cp a b; cp b c",
        "echo a | xargs -n1 -I@ cp @ b; find . -name a -exec cp {} c \\;",
        "sh -c 'umask 077; cp a b; umask 022; cp a c'",
        "cd folder; cp ../a b; cd ..; sh -c 'cd folder && cat b' > c",
        "$probe bind socket; cp a b",
        "trap 'cp a at-the-end' EXIT; cp a b; false",
        "sh -c 'exec > b; cat a; echo more; wc b; cat a; wc b'; cp b c",
        "sh -c 'exec 3>&1 > b; cat a; echo said >&3'; cp b c",
        "cat a a > b; cat a >> b; cat b a | cat - a > c",
        "sh -c 'cat a; cat a' > b; cp b c",
        "cp a x && { cat x; rm x; } > b",
    ],
)
def test_whatever_is_answered_is_right(probed: Project, command: str) -> None:
    probed.write("a", "first\n")
    probed.write("list", "one\ntwo\nthree\nfour\n")
    probed.write("folder/file", "")
    tell(probed, command)


@pytest.mark.parametrize(
    "command",
    [
        "$probe fork-twice a b",
        "$probe fork-read a > b",
        "$probe fork-then-exec a b sleep .5",
        "$probe kill a || cp a b",
        "$probe exit a > b",
        "$probe threads a list > b",
    ],
)
def test_the_same_of_programs_of_all_kinds(probing: Project, command: str) -> None:
    probing.write("a", "first\n")
    probing.write("list", "one\ntwo\n")
    tell(probing, f"sh -c '{command}'; cp b c")


def test_killed_for_what_it_read(probing: Project) -> None:
    probing.write("a", "n")
    probing.write("run", "$probe kill a || echo died\n")
    probing.command = "sh run > b 2> /dev/null; cp b c"
    probing.record()
    assert probing.again() == []
    for how in "ksn":
        probing.write("a", how)
        probing.again()
        probing.again()


def test_what_a_daemon_leaves(probed: Project) -> None:
    """It writes when the command that started it is over: what comes next may wait for that."""
    probed.write("a", "first\n")
    probed.command = "$probe daemon 100 late text; cp a b; sleep .3; cp late c"
    probed.record()
    probed.write("a", "other\n")
    executed = probed.again()
    assert any("daemon" in one for one in executed)
    assert "sleep .3" in executed


def test_a_daemon_that_writes_to_what_was_made(probed: Project) -> None:
    """Who read the file before it went on has read something else."""
    wait = "until {}; do sleep .02; done"
    later = f"({wait.format('test -e c')}; echo late >&3) &"
    probed.write("run", f"exec 3> log; {later} echo early >&3\n")
    probed.write("a", "first\n")
    probed.command = f"sh run; cp log b; cp a c; {wait.format('grep -q late log')}; cp log d"
    probed.record()
    probed.again()
    probed.write("a", "other\n")
    probed.again()


def test_a_file_that_is_written_while_it_is_read(probed: Project) -> None:
    probed.write(
        "grow.py",
        "import subprocess, sys\n"
        "file = open('log', 'r+b' if len(sys.argv) > 2 else 'w+b', buffering=0)\n"
        "for number in range(5):\n"
        "    file.seek(0)\n"
        "    file.write(b'%d' % (number * int(sys.argv[1])))\n"
        "    subprocess.run(['cp', 'log', f'copy{number}'], check=True)\n",
    )
    probed.write("number", "1\n")
    probed.command = "python3 grow.py $(cat number)"
    probed.record()
    probed.again()
    probed.write("number", "2\n")
    probed.again()
    probed.write("number", "1\n")
    probed.again()


def test_orders_of_processes_that_run_at_once(probed: Project) -> None:
    probed.write("a", "first\n")
    probed.write(
        "Makefile",
        "all: one two three four\n"
        + "".join(
            f"{name}:\n\tsleep .0{number}; cp a {name}; cat {name} a > {name}.more\n"
            for number, name in enumerate(("one", "two", "three", "four"))
        ),
    )
    probed.command = "make -s -j4"
    probed.record()
    assert probed.again() == []
    probed.write("a", "other\n")
    probed.again()
    assert probed.again() == []


def test_signals_end_no_call_that_waits_for_the_watcher(project: Project) -> None:
    """A shell's handler of SIGCHLD is set without SA_RESTART: sigaction(2)."""
    project.write(
        "run",
        "n=0\nwhile [ $n -lt 300 ]; do\n  (:) & x=$(echo a); echo $n > made; mkdir d; rmdir d\n"
        "  n=$((n + 1))\ndone\nwait\necho done\n",
    )
    project.command = "sh run"
    for _ in range(3):
        project.record()


def test_who_stops_reading_early_is_answered(project: Project) -> None:
    """The signal that ends the writer is no reason to run all of it again."""
    project.write("run", "yes | head -n 1 > made\ncat a >> made\n")
    project.write("a", "first\n")
    project.write("other", "one\n")
    project.command = "sh run; cp other copy"
    project.record()
    project.write("other", "two\n")
    assert project.again() == ["cp other copy"]
