"""Dates matter as an order: what was newer is newer again, and who asked is answered only then."""

from __future__ import annotations

import pytest

from tests.watch.project import Project


def test_newer_than(probing: Project) -> None:
    probing.write("a", "first\n")
    probing.write("order", "cp a x; sleep .02; cp a y\n")
    probing.command = "sh order; $probe newer x y > one; $probe newer y x > two"
    probing.record()
    assert probing.again() == []
    probing.write("order", "cp a y; sleep .02; cp a x\n")
    executed = probing.again()
    assert len([one for one in executed if "newer" in one]) == 2
    assert probing.again() == []


@pytest.mark.parametrize("ask", ["[ x -nt y ]", "[ x -ot y ]", "test y -nt x"])
def test_a_shell_that_asks(project: Project, ask: str) -> None:
    project.write("a", "first\n")
    project.write("order", "cp a x; sleep .02; cp a y\n")
    project.write("ask", f"if {ask}; then echo yes; else echo no; fi > result\n")
    project.command = "sh order; sh ask"
    project.record()
    assert project.again() == []
    project.write("order", "cp a y; sleep .02; cp a x\n")
    assert "sh ask" in project.again()


def test_an_open_file_is_asked(project: Project) -> None:
    """fstat(2) of what was opened to be read gives its date, too."""
    project.write("a", "first\n")
    project.write("order", "cp a x; sleep .02; cp a y\n")
    project.write(
        "ask.py",
        "import os\n"
        "dates = {name: os.fstat(os.open(name, os.O_RDONLY)).st_mtime_ns for name in 'xy'}\n"
        "print(max(dates, key=dates.get), 'is newer')\n",
    )
    project.command = "sh order; /usr/bin/python3 -IS ask.py > $out/newer"
    project.record()
    assert project.again() == []
    project.write("order", "cp a y; sleep .02; cp a x\n")
    assert [one for one in project.again() if "ask.py" in one]


@pytest.mark.parametrize("end", ["mv part/$< $@", "mv part/$< $@; chmod 755 $@", "ln part/$< $@"])
def test_what_was_moved_has_the_order_of_its_making(project: Project, end: str) -> None:
    """What two jobs make beside each other comes in any order, moved or not."""
    jobs = [
        f"{name}.o: {name}\n\tmkdir -p part; sleep 0.$$(cat $<); cp $< part/$<\n\t{end}\n"
        for name in ("a", "b")
    ]
    project.write("Makefile", f"all: a.o b.o\n{''.join(jobs)}check: a.o b.o\n\tcat other\n")
    for name in ("a", "b", "other"):
        project.write(name, "1\n")
    project.write("a", "01\n")
    project.command = "make -s -j2 && make check"
    project.record()
    for content in ("3", "02"):
        project.write("a", f"{content}\n")
        assert "make check" not in project.again()
    project.write("other", "2\n")
    assert "cat other" in project.again()


@pytest.mark.parametrize("name", ["x", "renamed"])
@pytest.mark.parametrize("unit", [1000000000, 1000000, 1000])
def test_a_copy_has_its_date_in_whole_seconds(project: Project, unit: int, name: str) -> None:
    """As setuptools, Java and CMake give it: it is never newer than what it is a copy of."""
    project.write("a", "first\n")
    project.write(
        "copy.py",
        "import os, shutil\n"
        "os.mkdir('d')\n"
        f"shutil.copyfile('x', 'd/{name}')\n"
        "date = os.stat('x').st_mtime_ns\n"
        f"os.utime('d/{name}', ns=(date, date - date % {unit}))\n",
    )
    project.write("ask", f"[ d/{name} -nt x ] && echo newer; true\n")
    copy = "/usr/bin/python3 -IS copy.py"
    project.command = f"cp a x; sleep .02; {copy}; sh ask > result; cat other result"
    project.write("other", "1\n")
    project.record()
    project.write("other", "2\n")
    assert copy[9:] not in project.again()
    project.write("ask", f"sh -c '[ d/{name} -nt x ] || echo not newer'\n")
    assert copy[9:] not in project.again()
    project.write("a", "second\n")
    assert copy[9:] in project.again()


@pytest.mark.parametrize("copy", ["cp -p x y", "cp x y; touch -r x y", "mv x y; cp -p y x"])
def test_dates_that_are_the_same(project: Project, copy: str) -> None:
    project.write("a", "first\n")
    project.write("copy", copy)
    project.write("ask", "[ y -nt x ] && echo newer; [ x -ot y ] && echo older; true\n")
    project.command = "cp a x; sleep .02; . ./copy; sh ask > result; cp result $out/"
    project.record()
    assert project.again() == []
    project.write("copy", "sleep .02; cp x y")
    assert "sh ask" in project.again()
    project.write("copy", copy)
    project.again()


def test_slow_commands_that_are_answered_keep_their_order(project: Project) -> None:
    """Each is newer than those before it, however fast they are answered."""
    project.write("a", "first\n")
    project.write("more", "")
    slow = "; ".join(f"sh -c 'sleep .02; cp a x{number}'" for number in range(4))
    asks = "; ".join(f"[ x{number + 1} -nt x{number} ] || echo {number}" for number in range(3))
    project.write("ask", f"{asks}; . ./more\n")
    project.command = f"{slow}; sh ask; find . -newer x1 | sort > $out/newer"
    project.record()
    project.write("more", "echo more\n")
    assert "sh ask" in project.again()


def test_what_is_executed_after_an_answer_is_newer(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.command = (
        "sh -c 'sleep .02; cp a x'; sh -c 'sleep .02; cp b y'; [ y -nt x ] && echo newer"
    )
    project.record()
    for content in ("other\n", "another\n"):
        project.write("b", content)
        project.again()
        project.write("a", content)
        project.again()


def test_copies_with_their_dates(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.write("run", "sleep .02; cp a x\n")
    project.command = (
        "cp b early; sh run; sleep .02; cp b late; cp -p x y; cp -p a old; touch -r late z\n"
        "for f in early late x y z old a; do for g in early late x y z old b; do\n"
        "  [ $f -nt $g ] && echo $f $g; done; done > order; cp order $out/"
    )
    project.record()
    project.again()
    project.write("b", "other\n")
    project.again()
    project.write("a", "other\n")
    project.again()


def test_dates_that_are_given(probing: Project) -> None:
    probing.write("a", "first\n")
    probing.write("date", "1000000000\n")
    probing.command = (
        "cp a x; cp a y; $probe date $(cat date) x; $probe newer y x > one; $probe newer x a > two"
    )
    probing.record()
    assert probing.again() == []
    probing.write("date", "2000000000\n")
    executed = probing.again()
    assert len([one for one in executed if "newer" in one]) == 2


def test_copy_if_newer(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.write("old", "date -d @1000000000 > /dev/null; touch -d @1000000000 x\n")
    project.write("new", "true\n")
    project.command = "cp b x; . ./$(cat which); cp -u a x; cp x $out/"
    project.write("which", "old\n")
    project.record()
    assert project.again() == []
    project.write("which", "new\n")
    project.again()
    project.write("which", "old\n")
    project.again()


def test_a_make_that_finds_it_up_to_date(project: Project) -> None:
    project.write("Makefile", "all: z\ny: x\n\tcp x y\nz: y\n\tcp y z\n")
    project.write("a", "first\n")
    project.command = "cp a x; make; make; make; touch x; make"
    project.record()
    assert project.again() == []
    project.write("a", "other\n")
    project.again()
    assert project.again() == []
    project.command = "cp a x; make; make; cp a x; make"
    project.again()


def test_touched_sources(project: Project) -> None:
    project.write("a", "first\n")
    project.write("b", "first\n")
    project.write("Makefile", "c: a b\n\tcat a b > c; echo made\n")
    project.command = (
        "make; sleep .02; touch a; make; sleep .02; touch c; make; cp b d; touch b; make"
    )
    project.record()
    project.again()
    project.write("b", "other\n")
    project.again()


@pytest.mark.parametrize("date", ["@0", "1960-01-01T00:00:00.5Z", "2300-01-01"])
def test_dates_far_away(project: Project, date: str) -> None:
    project.write("a", "first\n")
    project.command = f"cat a; touch -d {date} x; sh -c 'stat -c %y x > $out/date'"
    project.record()
    project.write("a", "other\n")
    project.again()


def test_dates_in_the_future(project: Project) -> None:
    project.write("a", "first\n")
    project.write("date", "2100-01-01\n")
    project.command = "cp a x; touch -d $(cat date) x; stat -c %y x > $out/date"
    project.record()
    assert project.again() == []
    project.write("date", "2101-01-01\n")
    project.again()


def test_files_of_one_tick_of_the_clock(project: Project) -> None:
    """What had the same date by chance is asked again where it has another one now."""
    names = "1 2 3 4 5 6"
    project.write("make", f"for i in {names}; do : > x$i; : > y$i; done\n")
    project.write("ask", f"for i in {names}; do [ x$i -nt y$i ] && echo newer; done; true\n")
    project.command = "sh make; sh ask > $out/newer"
    project.record()
    later = f"for i in {names}; do : > y$i; done; sleep .05; for i in {names}; do : > x$i; done\n"
    project.write("make", later)
    project.again()
    assert project.again() == []
