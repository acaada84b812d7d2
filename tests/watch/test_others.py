"""What a command has to do with others: those that make something just then, and those that it
talks to; and what it is given by who started it."""

from __future__ import annotations

import subprocess

import pytest

from tests.watch.project import Project, need

_HEAD = """
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void make(const char *name)
{
    int file = open(name, O_CREAT | O_WRONLY, 0644);
    if (file < 0 || write(file, "x", 1) != 1)
        abort();
    close(file);
}
"""
_FOLDERS = """
static void *work(void *which)
{
    for (int i = 0; i < 60; i++) {
        char folder[50], name[99];
        sprintf(folder, "d%d", i);
        sprintf(name, "%s/%ld", folder, (long)which);
        int file = open(name, O_CREAT | O_WRONLY, 0644);
        if (file < 0) {
            mkdir(folder, 0755);
            file = open(name, O_CREAT | O_WRONLY, 0644);
        }
        if (write(file, "x", 1) != 1)
            abort();
        close(file);
    }
    return NULL;
}
"""
_NAMES = """
static void *work(void *which)
{
    for (int i = 0; i < 100; i++) {
        char from[50], to[50];
        sprintf(from, "t%d", i);
        sprintf(to, "f%d", i);
        if (which == NULL)
            make(from);
        else
            while (GIVE(from, to) != 0)
                ;
    }
    return NULL;
}
"""
_MAIN = """
int main(void)
{
    pthread_t threads[4];
    for (long i = 0; i < COUNT; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < COUNT; i++)
        pthread_join(threads[i], NULL);
}
"""


@pytest.mark.parametrize("static", [(), ("-static",)], ids=["dynamic", "static"])
@pytest.mark.parametrize(
    ("work", "flags"),
    [
        (_FOLDERS, ("-DCOUNT=4",)),
        (_NAMES, ("-DCOUNT=2", "-DGIVE=rename")),
        (_NAMES, ("-DCOUNT=2", "-DGIVE=link")),
    ],
    ids=["mkdir", "rename", "link"],
)
def test_what_comes_while_it_is_asked_for(
    project: Project, work: str, flags: tuple[str, ...], static: tuple[str, ...]
) -> None:
    """One thread finds nothing there, and before its call is made another one has made it."""
    program = project.top / "program"
    source = _HEAD + work + _MAIN
    command = ["cc", "-x", "c", "-", "-o", str(program), "-pthread", *flags, *static]
    subprocess.run(command, input=source, text=True, check=True)
    project.command = f"{program}; ls"
    project.record()
    project.again()
    project.again()


_ANSWERS = """\
import os, pty
child, terminal = pty.fork()
if child == 0:
    os.execvp("sh", ["sh", "ask"])
os.write(terminal, open("words", "rb").read())
try:
    while os.read(terminal, 1000):
        pass
except OSError:
    pass
os.waitpid(child, 0)
"""


def test_what_is_typed_at_a_terminal(project: Project) -> None:
    need("python3")
    project.write("words", "one\n")
    project.write("answers.py", _ANSWERS)
    project.write("ask", "read -r x\necho $x > it\n")
    project.command = "/usr/bin/python3 answers.py; cat it"
    project.record()
    project.write("words", "two\n")
    project.again()


def test_what_is_shown_on_a_terminal(project: Project) -> None:
    need("script")
    project.write("words", "b\na\n")
    project.write("x", "1\n")
    project.write("generate", "sort words\nsh ./more\n")
    project.write("more", "cat x\n")
    project.command = "script -qec 'sh generate' /dev/null > it < /dev/null; cat it"
    project.record()
    project.write("x", "2\n")
    project.again()


@pytest.mark.parametrize(
    ("before", "what"),
    [
        ("trap '' PIPE; ", "{ yes 2> errors || :; } | head -1 > it; cat errors"),
        ("setarch i686 ", "uname -m"),
        ("taskset -c 0 ", "nproc"),
    ],
)
def test_what_it_is_given_by_who_starts_it(project: Project, before: str, what: str) -> None:
    for program in ("setarch", "taskset"):
        if program in before:
            need(program)
    project.write("generate", what + "\n")
    project.write("run", "sh generate\n")
    project.command = "sh run"
    project.record()
    project.write("run", f"{before}sh generate\n")
    project.again()
