"""The package with small programs in the place of the watcher's, and compilers that are counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import ckpt_git
from tests.cli.project import Done

REAL_COMPILER = shutil.which("cc") or "cc"

SOURCES = {
    "main.c": '#include "said.h"\n#include <unistd.h>\n'
    "int main(int count, char **words)\n"
    "{ (void)words; write(1, SAID, sizeof SAID - 1); return count < 2 ? 64 : 0; }\n",
    "said.h": '#define SAID "one"\n',
    "see.c": "int seen;\n",
}
"""Those that are replaced; ``answer`` is the real one."""

TABLE = {
    "ckpt-watch_sources": "main.c",
    "libsee.so_sources": "see.c",
}

FIND = """\
import sys
from pathlib import Path
from ckpt_git.model.errors import CkptError
from ckpt_git.watch.program import programs
try:
    found = programs(Path(sys.argv[1]))
except CkptError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
imported = [name for name, module in sys.modules.items() if "__lazy__" not in vars(module)]
import json
print(json.dumps({"programs": [str(path) for path in found], "imported": imported}))
"""
"""A script that looks for the programs of the store that it is given."""


@dataclass(frozen=True)
class Installation:
    """A copy of the package below ``room``, and beside it a store and a folder for PATH."""

    room: Path

    @classmethod
    def make(cls, room: Path) -> Installation:
        """One with a working compiler, ``cc``."""
        made = cls(room)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(ckpt_git.__file__).parent, room / "ckpt_git", ignore=ignored)
        for name, text in SOURCES.items():
            (made.sources / name).write_text(text)
        table = made.sources / "programs.mk"
        lines = table.read_text().replace("\\\n", " ").splitlines()
        kept = [line for line in lines if line.split(" =")[0] not in TABLE]
        table.write_text("\n".join([*kept, *(f"{n} = {v}" for n, v in TABLE.items()), ""]))
        made.path.mkdir()
        made.compiler("cc")
        return made

    @property
    def sources(self) -> Path:
        return self.room / "ckpt_git" / "watch"

    @property
    def store(self) -> Path:
        return self.room / "store"

    @property
    def path(self) -> Path:
        return self.room / "bin"

    def compiler(self, name: str, first: str = "") -> Path:
        """Put a compiler on PATH that notes each call, and runs ``first``, which may end it."""
        file = self.path / name
        file.write_text(
            f'#!/bin/sh\necho "{name} $*" >>"{self.room}/calls"\n'
            f'PATH=/usr/bin:/bin\n{first}\nexec {REAL_COMPILER} "$@"\n'
        )
        file.chmod(0o755)
        return file

    def calls(self) -> list[str]:
        """The compilers that were called, once for each call."""
        noted = self.room / "calls"
        if not noted.exists():
            return []
        return [line.split()[0] for line in noted.read_text().splitlines()]

    def begin(self, store: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        """Ask for the programs, in a process of its own, with nothing but ``environment``."""
        return subprocess.Popen(
            [sys.executable, "-c", FIND, str(store or self.store)],
            env={"PATH": str(self.path), "PYTHONPATH": str(self.room), **environment},
            cwd=self.room,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, store: Path | None = None, **environment: str) -> Done:
        """The same, and wait for its end."""
        process = self.begin(store, **environment)
        out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)

    def find(self, store: Path | None = None, **environment: str) -> Path:
        """The folder of the programs, which have to be there."""
        return folder_of(self.ask(store, **environment))

    def refused(self, store: Path | None = None, **environment: str) -> str:
        """The one line that says why there are none."""
        done = self.ask(store, **environment)
        assert done.code == 3, done.said
        [line] = done.err.splitlines()
        return line


def folder_of(done: Done) -> Path:
    """Where the programs are that were found."""
    assert done.code == 0, done.err
    paths = [Path(path) for path in json.loads(done.out)["programs"]]
    assert [path.name for path in paths] == ["ckpt-watch", "libsee.so", "answer"]
    [folder] = {path.parent for path in paths}
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder of programs."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def said_by(folder: Path) -> str:
    """What the small ``ckpt-watch`` prints."""
    done = subprocess.run([folder / "ckpt-watch", "it"], capture_output=True, text=True, check=True)
    return done.stdout


def rewrite(file: Path, old: str, new: str) -> None:
    """Change a file in a way that neither its size nor its date tells of."""
    assert len(old) == len(new)
    before = file.stat()
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
