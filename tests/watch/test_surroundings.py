"""What a command is given beside files: its environment, mask, folder, input and descriptors."""

from __future__ import annotations

import pytest

from tests.watch.project import Project


def test_a_variable(project: Project) -> None:
    project.write("run", "echo $NAME > b\n")
    project.write("a", "first\n")
    project.environment["NAME"] = "one"
    project.command = "sh run; env -u NAME cp a c"
    project.record()
    assert project.again() == []
    project.environment["NAME"] = "two"
    executed = project.again()
    assert "sh run" in executed
    assert "cp a c" not in executed
    project.environment["ANOTHER"] = "x"
    assert "sh run" in project.again()


def test_a_mask(project: Project) -> None:
    project.write("mask", "077\n")
    project.command = "umask $(cat mask); cp mask b; mkdir x"
    project.record()
    assert project.again() == []
    project.write("mask", "022\n")
    assert "mkdir x" in project.again()


def test_a_folder(project: Project) -> None:
    for name in ("one/a", "two/a"):
        project.write(name, f"{name}\n")
    project.write("where", "one\n")
    project.command = "cd $(cat where); cp a ../b; pwd -P > ../c; cp ../other d"
    project.write("other", "one\n")
    project.record()
    assert project.again() == []
    project.write("where", "two\n")
    assert "cp a ../b" in project.again()


def test_an_input(probing: Project) -> None:
    probing.write("a", "first\n")
    probing.write("b", "first\n")
    probing.write("which", "a\n")
    probing.command = "$probe stdin < $(cat which) > c; $probe stdin < /dev/null > d"
    probing.record()
    assert probing.again() == []
    probing.write("a", "other\n")
    assert len([one for one in probing.again() if "stdin" in one]) == 1
    probing.write("which", "b\n")
    probing.write("b", "another\n")
    assert len([one for one in probing.again() if "stdin" in one]) == 1


def test_an_input_that_is_a_device(probing: Project) -> None:
    probing.write("which", "/dev/null\n")
    probing.command = "head -c 3 < $(cat which) > c"
    probing.record()
    assert probing.again() == []
    probing.write("which", "/dev/zero\n")
    assert "head -c 3" in probing.again()


def test_where_it_stands_in_its_input(probing: Project) -> None:
    probing.write("run", "read a\nread b\n$probe stdin > $out/rest\n$probe stdin > $out/nothing\n")
    probing.write("input", "one\ntwo\nthree\nfour\n")
    probing.command = "sh run < input"
    probing.record()
    assert probing.again() == []
    probing.write("run", "read a\n$probe stdin > $out/rest\n$probe stdin > $out/nothing\n")
    probing.again()
    probing.write("run", "$probe stdin-bytes 2 > x; $probe stdin-bytes 3 > y; cat > z; cat > u\n")
    probing.again()
    probing.write("run", "$probe stdin-bytes 2 > x; $probe stdin-bytes 3 > y; cat > z; cat > v\n")
    probing.again()


def test_a_descriptor_that_it_inherits(probing: Project) -> None:
    probing.write("a", "first\nsecond\n")
    probing.write("b", "another\n")
    probing.write("other", "one\n")
    probing.write("which", "a\n")
    read = "python3 -c 'import os; print(os.read(3, 5))'"
    probing.command = f"exec 3< $(cat which); {read} > x; {read} > y; cp other copy"
    probing.record()
    probing.again()
    probing.write("other", "two\n")
    probing.again()
    probing.write("a", "other\nsecond\n")
    probing.again()
    probing.write("which", "b\n")
    probing.again()


def test_a_folder_that_it_inherits(probing: Project) -> None:
    probing.write("one/a", "one\n")
    probing.write("two/a", "two\n")
    probing.write("which", "one\n")
    read = "python3 -c 'import os; print(os.read(os.open(\"a\", os.O_RDONLY, dir_fd=3), 5))'"
    probing.command = f"exec 3< $(cat which); {read} > x"
    probing.record()
    probing.again()
    probing.write("which", "two\n")
    probing.again()


@pytest.mark.parametrize(
    "descriptor", ["3> log", "3>> log", "3>&1", "3>&2", "5>>log 6>&1", "3> /dev/null"]
)
def test_a_descriptor_that_nobody_uses(probing: Project, descriptor: str) -> None:
    """As in a configure script: all of its commands have its log and its output open."""
    probing.write("a", "first\n")
    probing.write("b", "first\n")
    probing.command = f"exec {descriptor}; cp a c; cat a > d; cp b e; echo said"
    probing.record()
    assert probing.again() == []
    probing.write("b", "other\n")
    assert probing.again() == ["cp b e"]
    probing.write("a", "other\n")
    assert probing.again() == ["cp a c", "cat a"]


@pytest.mark.parametrize("descriptor", ["3> log", "3>> log", "3>&1", "3>&2"])
@pytest.mark.parametrize(
    "say", ["sh -c 'cat a >&3'", "python3 -c 'import os; os.write(3, b\"x\")'"]
)
def test_a_descriptor_that_is_used(probing: Project, descriptor: str, say: str) -> None:
    probing.write("a", "first\n")
    probing.write("b", "first\n")
    probing.command = f"exec {descriptor}; echo before; {say}; cp b c; {say}; echo after; {say} >&2"
    probing.record()
    probing.again()
    probing.write("b", "other\n")
    probing.again()
    probing.write("a", "other\n")
    probing.again()
    probing.again()


def test_a_configure_script(probing: Project) -> None:
    """What autoconf's have in common."""
    probing.write("a.c", "int main(void) { return 0; }\n")
    probing.write("value", "1\n")
    probing.write(
        "configure",
        "exec 7<&0 </dev/null 6>&1\n"
        "exec 5>>config.log\n"
        "echo checking >&6\n"
        "cat > conftest.c <<END\nint main(void) { return 0; }\nEND\n"
        "cc -o conftest conftest.c >&5 2>&5 && echo yes >&6\n"
        "./conftest 2>&5 >&5; rm -f conftest*\n"
        "(eval 'cp a.c conftest.c') 2>&5\n"
        "cc -c -Werror conftest.c >conftest.err 2>&1; cat conftest.err >&5; echo done >&6\n"
        "echo $(cat value) > config.h; echo made >&5; rm -f conftest*\n",
    )
    probing.command = "sh configure; rm config.log"
    probing.record()
    assert probing.again() == []
    probing.write("value", "2\n")
    executed = probing.again()
    assert "cat value" in executed
    assert not any(one.startswith("cc") for one in executed), executed


def test_a_large_environment(probing: Project) -> None:
    probing.write("a", "first\n")
    for number in range(10):
        probing.environment[f"LARGE_{number}"] = f"{number}" * 10_000
    probing.command = "cp a b; $probe read a > c"
    probing.record()
    assert probing.again() == []
    probing.environment["LARGE_5"] = "5" * 9_999 + "6"
    assert len(probing.again()) == 2


def test_many_arguments(probing: Project) -> None:
    probing.write("a", "first\n")
    probing.write(
        "run",
        "set -- $(seq -f word%g 12000)\n"
        'env echo $1 "$@" > b; $probe run-fork env echo "$@" end > c; cp a d\n',
    )
    probing.command = "sh run"
    probing.record()
    assert probing.again() == []
    probing.write("a", "other\n")
    assert [one for one in probing.again() if "word" in one and "run-fork" not in one] == []


def test_makes_flags(project: Project) -> None:
    project.write("Makefile", "all:\n\tsh run\n")
    project.write("run", "echo $MAKEFLAGS > flags; echo $WORD > word\n")
    project.environment["WORD"] = "one"
    project.command = "make -s"
    project.record()
    project.command = "make -s WORD=two"
    assert "sh run" in project.again()
    words = " ".join(f"A{number}={'x' * 200}" for number in range(100))
    project.command = f"make -s {words} WORD=two"
    assert "sh run" in project.again()
    project.command = f"make -s {words} WORD=three"
    assert "sh run" in project.again()


def test_libraries_that_are_preloaded(project: Project) -> None:
    project.write("one.c", "int getppid(void) { return 1; }\n")
    project.write("show.py", "import os; print(os.getppid() == 1)\n")
    project.write("how", "")
    project.command = (
        "cc -shared -fPIC -o one.so one.c; . ./how; python3 show.py > result; cp how $out/"
    )
    project.record()
    assert project.again() == []
    project.write("how", "export LD_PRELOAD=$PWD/one.so:$LD_PRELOAD\n")
    assert "python3 show.py" in project.again()


def test_a_file_that_moves_outside_of_the_build(project: Project) -> None:
    """It keeps the commands that do so from being remembered, and no others."""
    outside = project.top / "outside"
    outside.mkdir()
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.write("run", f"cp a {outside}/x\nmv {outside}/x {outside}/y\n")
    project.command = "cp b c; sh run"
    project.record()
    project.write("a", "other\n")
    executed = project.again()
    assert f"mv {outside}/x {outside}/y" in executed
    assert "cp b c" not in executed


def test_the_order_of_variables(project: Project) -> None:
    project.command = "env -i B=2 A=1 printenv > $out/variables"
    project.record()
    project.command = "env -i A=1 B=2 printenv > $out/variables"
    project.again()


def test_a_here_document(project: Project) -> None:
    """What a pipe holds that nobody writes to any more is known."""
    project.write("run", "cat > a <<END\none\nEND\nsed s/t/T/ <<END\ntwo\nEND\ncat other\n")
    project.write("other", "1\n")
    project.command = "sh run"
    project.record()
    project.write("other", "2\n")
    assert project.again() == ["sh run", "cat other"]
    project.write("run", "cat > a <<END\nOne\nEND\nsed s/t/T/ <<END\ntwo\nEND\ncat other\n")
    assert project.again() == ["sh run", "cat"]


def test_a_part_of_a_here_document(probed: Project) -> None:
    """Each reader leaves the rest to the next one."""
    text = "$probe stdin-bytes 2 > x; echo >> x; $probe stdin-bytes 3 > y; read z; echo $z; cat > u"
    probed.write("run", f"{{ {text}; }} <<END\none\ntwo\nthree\nfour\nEND\n")
    probed.command = "sh run"
    probed.record()
    probed.write("run", f"{{ {text}; cat > v; }} <<END\none\ntwo\nthree\nfour\nEND\n")
    assert probed.again() == ["sh run", "cat"]
    probed.write("run", f"{{ {text}; }} <<END\none\ntwO\nthree\nfour\nEND\n")
    probed.again()
