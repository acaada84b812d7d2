"""Databases that hold dates or inode numbers of files: one that was put back is never read."""

from __future__ import annotations

import pytest

from tests.watch.project import Project, need

NINJA = """
rule cc
  command = cc -MD -MF $out.d -c $in -o $out; echo compiled >> log
  depfile = $out.d
  deps = gcc
rule link
  command = cc $in -o $out
rule install
  command = cp program README $$out/
build a.o: cc a.c
build b.o: cc b.c
build program: link a.o b.o
build install: install README | program
default program
"""


def test_ninja_that_runs_again_finds_all_up_to_date(project: Project) -> None:
    need("ninja", "cc")
    project.write("build.ninja", NINJA)
    project.write("a.c", "int f(void); int main(void) { return f(); }\n")
    project.write("b.c", "int f(void) { return 1; }\n")
    project.write("README", "first\n")
    project.command = "ninja -j1; ninja -j1 install; cp log $out/; rm .ninja_log .ninja_deps log"
    project.record()
    assert project.again() == []
    for content in ("other\n", "another\n"):
        project.write("README", content)
        assert not [one for one in project.again() if "cc" in one]
    project.write("b.c", "int f(void) { return 2; }\n")
    assert not [one for one in project.again() if "a.o -c" in one]


def test_ninja_that_nothing_follows_is_answered(project: Project) -> None:
    need("ninja")
    project.write("build.ninja", "rule cp\n  command = cp $in $out\nbuild y: cp x\n")
    project.write("x", "first\n")
    project.write("a", "first\n")
    project.command = "ninja; cat a; cp y $out/; rm .ninja_*"
    project.record()
    project.record_again()
    for content in ("other\n", "another\n"):
        project.write("a", content)
        assert project.again() == ["cat a"]


def test_ninja_of_which_nothing_is_left(project: Project) -> None:
    """As in a check of CMake's: the whole is answered."""
    need("ninja")
    project.write("check/build.ninja", "rule cp\n  command = cp $in $out\nbuild y: cp x\n")
    project.write("check/x", "first\n")
    project.write("check.sh", "cp -r check c; ninja -C c; cp c/y .; rm -r c\n")
    project.write("a", "first\n")
    project.command = "sh check.sh; cat a"
    project.record()
    project.write("a", "other\n")
    assert project.again() == ["cat a"]


@pytest.mark.parametrize("ask", ["diff-index --quiet HEAD || echo dirty", "status -s"])
def test_index_of_git(project: Project, ask: str) -> None:
    need("git")
    project.environment = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a",
        "GIT_AUTHOR_DATE": "1000000000 +0000",
        "GIT_COMMITTER_DATE": "1000000000 +0000",
    }
    project.write("a", "first\n")
    project.write("commit", "git init -q .; cp a b; git add a b; git commit -qm first\n")
    project.write("ask", f"git {ask}\n")
    project.command = "sh commit; sh ask; rm -r .git"
    project.record()
    assert project.again() == []
    project.write("ask", f"git -c other.one=true {ask}\n")
    project.again()
