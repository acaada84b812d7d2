"""A small C project with ckpt-git in it, and the command as a user calls it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests import warm
from tests.support import GitRepo

ROOT = Path(__file__).parents[2]

FILES = {
    "Makefile": """\
CFLAGS = -DSHARE='"$(out)/share"'
hello: src/main.o src/greet.o
	$(CC) -o $@ $^
src/%.o: src/%.c src/greet.h
	$(CC) $(CFLAGS) -c -o $@ $<
install: hello
	mkdir -p $(out)/bin $(out)/share
	cp hello $(out)/bin/
	cp greeting.txt $(out)/share/
""",
    "src/main.c": '#include "greet.h"\nint main(int n, char **v) { return greet(n, v); }\n',
    "src/greet.h": "int greet(int n, char **words);\n",
    "src/greet.c": """\
#include <stdio.h>
#include "greet.h"

int greet(int n, char **words)
{
    char line[80] = "nothing";
    FILE *file = fopen(SHARE "/greeting.txt", "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        return 9;
    fputs(line, stdout);
    for (int i = 1; i < n; i++)
        printf("[%s]\\n", words[i]);
    while (fgets(line, sizeof line, stdin))
        printf("stdin: %s", line);
    return n - 1;
}
""",
    "greeting.txt": "hello\n",
}
"""A program that finds its data file below the prefix that was compiled in, prints its arguments
and its standard input, and ends with the number of its arguments."""

CONFIG = """\
[package.hello]
build = "make"
install = "make install"
"""


TWO_TEXTS = {
    "Makefile": """\
all: a.out b.out
%.out: %.txt
\ttr a-z A-Z < $< > $@
install: all
\tmkdir -p $(out)
\tcp a.out b.out $(out)
""",
    "a.txt": "one\n",
    "b.txt": "two\n",
}
"""Two texts, of which make installs each in capital letters."""

TWO_TEXTS_CONFIG = """\
[package.p]
build = "make"
install = "make install"
"""


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)

    def line(self, *words: str) -> str:
        """The one line of standard error that holds all of ``words``."""
        found = [line for line in self.err.splitlines() if all(word in line for word in words)]
        assert len(found) == 1, f"{words} in {len(found)} lines of:\n{self.err}"
        return found[0]


@dataclass(frozen=True)
class Project:
    """A repository, and ``git ckpt`` in it."""

    repo: GitRepo
    env: Mapping[str, str] | None = None

    @classmethod
    def make(
        cls, path: Path, files: Mapping[str, str] | None = None, config: str | None = CONFIG
    ) -> Project:
        """A repository with one commit; ``config`` is its ckpt.toml, committed as well."""
        repo = GitRepo.init(path)
        held = dict(FILES if files is None else files)
        if config is not None:
            held["ckpt.toml"] = config
        repo.commit("first", held)
        return cls(repo)

    @property
    def path(self) -> Path:
        return self.repo.path

    def with_env(self, **variables: str) -> Project:
        return replace(self, env={**(self.env or {}), **variables})

    def environment(self) -> dict[str, str]:
        paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        return {**os.environ, "PYTHONPATH": ":".join(paths), **(self.env or {})}

    def ckpt(
        self,
        *arguments: str | bytes,
        code: int | None = 0,
        stdin: bytes = b"",
        cwd: Path | None = None,
    ) -> Done:
        """Run ``git ckpt ARGUMENTS`` to its end; fails where it ends with another ``code``."""
        folder, environment = cwd or self.path, self.environment()
        done: warm.Ended | subprocess.CompletedProcess[bytes]
        if warm.fits(environment):
            done = warm.run(arguments, cwd=folder, env=environment, stdin=stdin, timeout=120)
        else:
            done = subprocess.run(
                [*COMMAND, *arguments],
                cwd=folder,
                env=environment,
                input=stdin,
                capture_output=True,
                timeout=120,
                check=False,
            )
        result = Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))
        assert f'File "{ROOT}/ckpt_git' not in result.said, result.said
        assert "defect" not in result.said
        if code is not None:
            assert result.code == code, f"{arguments} ended with {result.code}:\n{result.said}"
        return result

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start ``git ckpt ARGUMENTS`` in a process group of its own."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.path,
            env=self.environment(),
            start_new_session=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def build(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The result of ``git ckpt build --json`` for the one package."""
        [result] = self.ckpt("build", "--json", *arguments, code=code).json()["results"]
        assert isinstance(result, dict)
        return result

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace ``old`` by ``new`` in a file."""
        text = (self.path / path).read_text()
        assert old in text
        self.repo.write(path, text.replace(old, new))


COMMAND: Sequence[str] = (sys.executable, "-P", "-m", "ckpt_git")


@contextmanager
def allowed_files(number: int) -> Iterator[None]:
    """Programs may open no more than ``number`` files. A limit is nothing that a watcher sees: what
    a command made of it is remembered, and a clean build under another one differs."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def processes(words: str) -> list[int]:
    """The ids of the processes whose command line is ``words``: proc(5)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:
                continue
            if command.decode(errors="replace").strip() == words:
                found.append(int(entry.name))
    return found
