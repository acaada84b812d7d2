"""What commands make, change and take away: all of it comes back, and what comes after is told."""

from __future__ import annotations

import shutil

import pytest

from tests.watch.project import Project, need


def steady(project: Project, command: str) -> None:
    """Nothing of ``command`` is executed where nothing changed, and it is answered in a build that
    is another one as well."""
    project.write("other", "one\n")
    project.command = f"{command}\ncp other copy"
    project.record()
    assert project.again() == []
    project.write("other", "two\n")
    executed = project.again()
    assert executed == ["cp other copy"], executed


@pytest.mark.parametrize(
    "command",
    [
        "$probe write a text",
        "$probe append a text",
        "$probe mmap-write a text",
        "$probe unnamed . a text",
        "$probe close-and-write a text",
        "$probe fork-twice other-input a",
        "$probe write a one; $probe append a two; $probe append a three",
        "$probe write a one; $probe overwrite a TWO; $probe mmap-write a four",
        "$probe write a text; $probe chmod 600 a",
        "$probe write a text; $probe link a b; $probe overwrite b TEXT",
        "$probe write a text; $probe write b text; mv b a",
    ],
)
def test_a_file(probing: Project, command: str) -> None:
    probing.write("other-input", "first\n")
    steady(probing, command)


@pytest.mark.parametrize(
    "command",
    [
        "sed -i s/first/second/ tracked",
        "sed s/f/g/ tracked > a; sed -i s/g/h/ a; sed -i s/h/i/ a",
        "sh -c 'echo one >> a'; sh -c 'echo two >> a'; sh -c 'echo three >> tracked'",
        "cp tracked a; chmod 755 a; cp -p a b; touch -r a c",
        "mkdir x; mkdir -p x/y/z; rmdir x/y/z; mkdir -m 700 x/private",
        "cp tracked a; ln -s a b; ln -s nowhere c; ln -sf c b",
        "mkdir x; cp tracked x/a; mv x y; cp tracked y/b; mv y/a y/c",
        "cp tracked a; ln a b; ln b c; sh -c 'echo more >> c'",
        "cp tracked a; ln a b; rm a; mv b c",
        "cp tracked a; rm a; mkdir a; cp tracked a/b",
        "mkdir a; rmdir a; cp tracked a",
        "mkdir a; cp tracked a/b; rm -r a; cp tracked a",
        "rm tracked; cp folder/file tracked",
        "rm -r folder; ln -s . folder",
        "rm link; ln -s folder link",
        "mv folder moved; cp moved/file a",
        "cp -r folder a; mv a b; cp -al b c; rm b/file",
        "cp tracked a; ln a b; mkdir c; cp -a a b c; sleep .03; cp -a c d",
        "install -m 555 tracked a; install -D tracked $out/x/y/a",
        "touch a; touch b; touch tracked; touch -d 2001-02-03 c",
        "dd if=tracked of=a status=none; truncate -s 3 a; truncate -s 100 tracked",
        "tar cf a.tar folder; mkdir x; tar xf a.tar -C x",
        "tee a b < tracked",
        "cp tracked a; sleep .05; chmod 600 a; chmod 700 tracked",
        "mkdir x; chmod 555 x; mkdir y; cp tracked y/a; chmod 500 y",
        "head -c 3000000 /dev/zero > a; cp a b",
        ": > empty; cp empty empty2",
        "ln -s folder new; cp tracked new/through; mv new/through new/again",
        "cp tracked 'with\nnewline'; cp tracked 'with \"quotes\" and '\\''these'\\'''",
    ],
)
def test_what_commands_do_to_files(project: Project, command: str) -> None:
    project.write("tracked", "first\n")
    project.write("folder/file", "in a folder\n", 0o755)
    project.link("link", "tracked")
    steady(project, command)


def test_names_of_any_bytes(project: Project) -> None:
    project.write("run", r"printf x > $(printf 'in\377valid\001\n.'); mkdir $(printf 'd\200')")
    steady(project, "sh run; sh -c 'cp in* copy-of; ls'")


def test_archives(project: Project) -> None:
    for name in "abc":
        project.write(f"{name}.c", f"int {name}(void) {{ return 1; }}\n")
    project.write(
        "Makefile",
        "all: lib.a\nlib.a: a.o b.o c.o\n\tar cr $@ a.o b.o\n\tar r $@ c.o\n\tranlib $@\n",
    )
    project.command = "make"
    project.record()
    assert project.again() == []
    project.write("c.c", "int c(void) { return 2; }\n")
    executed = project.again()
    assert "ar cr lib.a a.o b.o" not in executed
    assert "ar r lib.a c.o" in executed
    assert project.again() == []


def test_a_counter(project: Project) -> None:
    project.write(
        "count", "n=$(cat number 2> /dev/null || echo 0)\necho $((n + $(cat step))) > number\n"
    )
    project.write("step", "1\n")
    project.command = "sh count; sh count; sh count; cp number $out/"
    project.record()
    assert project.again() == []
    project.write("step", "2\n")
    assert "sh count" in project.again()
    assert project.again() == []


def test_a_stamp(project: Project) -> None:
    project.write("a", "first\n")
    project.write(
        "install", "[ -e stamp ] || { cp a $out/a; touch stamp; }\n[ -e stamp ] && echo installed\n"
    )
    project.command = "sh install; sh install"
    project.record()
    assert project.again() == []
    project.write("a", "other\n")
    assert project.again()[0] == "sh install"
    project.write("stamp", "")
    assert project.again() == ["sh install", "sh install"]
    assert project.again() == []


def test_hard_links_that_are_written_through(project: Project) -> None:
    project.write("a", "first\n")
    project.command = "cp a b; ln b c; sh -c 'cat a >> c'; cp b d; sh -c 'echo more >> b'; cp c e"
    project.record()
    assert project.again() == []
    project.write("a", "other\n")
    assert "cp b d" in project.again()
    assert project.again() == []


def test_whether_two_names_are_one_file(probing: Project) -> None:
    probing.write("how", "ln a b\n")
    probing.command = (
        "cp how a; sh ./how; $probe same a b > $out/same; $probe newer a b > $out/newer"
    )
    probing.record()
    assert probing.again() == []
    probing.write("how", "cp a b\n")
    executed = probing.again()
    assert any("same a b" in one for one in executed)


def test_outputs_that_a_later_step_removes(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.command = "cp a x; cp x y; rm x; cp b z"
    project.record()
    assert project.again() == []
    project.write("b", "other\n")
    assert project.again() == ["cp b z"]
    project.write("a", "other\n")
    executed = project.again()
    assert executed[:2] == ["cp a x", "cp x y"]


def test_two_writers(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.command = "cp a x; cp x one; cp b x; cp x two"
    project.record()
    assert project.again() == []
    project.write("a", "other\n")
    assert project.again() == ["cp a x", "cp x one"]
    project.write("b", "another\n")
    assert project.again() == ["cp b x", "cp x two"]


def test_two_writers_at_once(project: Project) -> None:
    project.write("a", "first\n")
    project.write("slow", "exec 3> x; sleep .2; cat a >&3; exec 3>&-\n")
    project.command = "sh slow & sleep .1; cp a x; wait; cp x y"
    project.record()
    project.again()


def test_an_install_by_glob(project: Project) -> None:
    project.write("a", "first\n")
    project.write("run", "for f in *.bin; do cp $f $out/; done\n")
    project.write("Makefile", "all: a.bin b.bin\n%.bin:\n\tcp a $@\n")
    project.command = "make; sh run"
    project.record()
    assert project.again() == []
    project.write("Makefile", "all: a.bin\n%.bin:\n\tcp a $@\n")
    executed = project.again()
    assert "sh run" in executed
    assert "cp a a.bin" not in executed


def test_a_generator_that_lists_what_others_make(project: Project) -> None:
    project.write("a", "first\n")
    project.write("make-more", "cp a x/three\n")
    project.command = "mkdir x; cp a x/one; cp a x/two; sh make-more; ls x > list"
    project.record()
    assert project.again() == []
    project.write("make-more", "cp a x/four\n")
    executed = project.again()
    assert "ls x" in executed
    assert "cp a x/one" not in executed


def test_a_step_that_gives_another_result_each_time(probed: Project) -> None:
    probed.write("a", "first\n")
    probed.command = "$probe random temporary; rm temporary; cp a b"
    probed.record()
    probed.record_again()
    probed.write("a", "other\n")
    executed = probed.again()
    assert any(one.endswith("random temporary") for one in executed)
    assert probed.reasons()["dynamic random temporary"] == "it gives another result each time"


@pytest.mark.slow
def test_folders_as_deep_as_a_path_can_be(probing: Project) -> None:
    steady(probing, "$probe deep 600 deep; cp -r deep again; mv again and-again; find deep > found")


@pytest.mark.slow
def test_folders_that_are_deeper(probing: Project) -> None:
    """No path leads to the bottom: it isn't remembered, and right all the same."""
    probing.write("other", "one\n")
    probing.command = "$probe deep 5000 deep && rm -r deep && cp other copy"
    probing.record()
    probing.again()


@pytest.mark.parametrize("command", ["sed -i s/first/second/ b", "cp -p a c", "chown $(id -u) b"])
def test_a_file_is_given_to_who_has_it(project: Project, command: str) -> None:
    project.write("a", "first\n")
    steady(project, f"cp a b; sleep .05; {command}")


def test_two_memories_that_contradict_each_other(probed: Project) -> None:
    """Neither knew of the other when it was made."""
    probed.write("a", "first\n")
    probed.command = "$probe random temporary; rm temporary; cp a b"
    probed.record()
    other = probed.top / "memory/other"
    shutil.copy(probed.memories[0], other)
    probed.record()
    probed.memories.append(other)
    probed.write("a", "other\n")
    assert any(one.endswith("random temporary") for one in probed.again())
    assert probed.reasons()["dynamic random temporary"] == "it gives another result each time"


def test_a_name_that_could_not_be_given(project: Project) -> None:
    """A folder gets no further name; what is given that name later has none of the folder."""
    need("python3")
    project.write("a", "first\n")
    project.write("x/b", "in a folder\n")
    project.write(
        "link.py",
        "import os\n"
        "try:\n    os.link('x', 'c')\nexcept OSError:\n    pass\n"
        "os.link('a', 'c')\nos.chmod('x', 0o700)\nopen('c', 'a').write('more')\n",
    )
    project.command = "/usr/bin/python3 link.py; cat a > d"
    project.record()
    assert project.again() == []
    project.write("a", "other\n")
    project.again()


def test_a_folder_that_moves_with_one_file_more(project: Project) -> None:
    """What is in it is asked for: else it would be put back without that file."""
    project.write("generate", "echo 1 > d/x\n")
    project.command = "mkdir d; sh generate; sh -c 'mv d e'; ls e > $out/names"
    project.record()
    assert project.again() == []
    project.write("generate", "echo 1 > d/x; echo 2 > d/y\n")
    project.again()
