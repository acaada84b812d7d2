"""A repository with our hook, whose builds end when a test says so."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ckpt_git import process
from ckpt_git.builds.background import builder
from ckpt_git.git.hooks.install import install
from ckpt_git.git.repository import Repository
from ckpt_git.model.record import Record
from ckpt_git.records import results
from ckpt_git.records.runs import Running
from ckpt_git.records.state import State
from tests.support import GitRepo, eventually

ROOT = Path(__file__).parents[2]

CONFIG = '[package.app]\nengine = "local"\nbuild = "sh build.sh"\n'

# A build says which tree it is of, and waits until the test opens the gate.
WAITS = """
echo "building $TREE"
echo "$TREE" >>{built}
while [ ! -e {gate} ]; do sleep 0.02; done
echo "built $TREE"
"""


@dataclass(frozen=True)
class Project:
    """The repository ``repo``, and the folder ``aside`` for what isn't part of it."""

    repo: GitRepo
    aside: Path

    @classmethod
    def make(cls, path: Path, aside: Path) -> Project:
        """A repository with one commit, whose hook is installed and has not run yet."""
        project = cls(GitRepo.init(path), aside)
        aside.mkdir()
        project.python.write_text(
            f"#!/bin/sh\nSTAND_IN={shlex.quote(str(project.python))}\n"
            f"PYTHONPATH={shlex.quote(str(ROOT))}\nexport STAND_IN PYTHONPATH\n"
            # It is another program again and again: what names it must hold meanwhile, too.
            f'[ ! -e {shlex.quote(str(project.hold))} ] || exec "$0" "$@"\n'
            f"echo started >>{shlex.quote(str(project.aside / 'starts'))}\n"
            f"PATH={shlex.quote(str(project.programs))}:$PATH\n"
            "case $1 in -P) safe=-P ;; esac\n"  # as the hook says it, or as it doesn't
            f'exec {shlex.quote(sys.executable)} $safe -m tests.background.stand_in "$@"\n'
        )
        project.python.chmod(0o755)
        project.repo.commit("first", {"ckpt.toml": CONFIG, "build.sh": project.script()})
        install(project.repository, str(project.python))
        return project

    @property
    def python(self) -> Path:
        """What the hook takes for its interpreter."""
        return self.aside / "pythön 3"

    @property
    def repository(self) -> Repository:
        return Repository.discover(self.repo.path)

    @property
    def state(self) -> State:
        return State(self.repository.state)

    @property
    def gate(self) -> Path:
        """Builds wait until this file exists."""
        return self.aside / "gate"

    @property
    def hold(self) -> Path:
        """No interpreter starts while this file exists."""
        return self.aside / "hold"

    @property
    def programs(self) -> Path:
        """Programs in this folder, which need not exist, are found before the machine's own."""
        return self.aside / "bin"

    def starts(self) -> int:
        """How many interpreters were started by hooks."""
        try:
            return (self.aside / "starts").read_text().count("started")
        except FileNotFoundError:
            return 0

    def script(self, more: str = "") -> str:
        """A ``build.sh`` that waits for the gate."""
        paths = {name: shlex.quote(str(self.aside / name)) for name in ("built", "gate")}
        return WAITS.format(**paths) + more

    def built(self) -> list[str]:
        """The trees whose builds began, in their order."""
        try:
            return (self.aside / "built").read_text().split()
        except FileNotFoundError:
            return []

    def commit(self, message: str = "change", **files: str) -> str:
        """Commit and return what git and its hooks said on stderr."""
        for path, content in files.items():
            self.repo.write(path.replace("_", "."), content)
        self.repo.git("add", "-A")
        return self.git("commit", "-q", "--allow-empty", "-m", message)

    def git(self, *arguments: str, **env: str) -> str:
        """Run git, reading its output to the end as a pipe does; returns its stderr."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.repo.path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr

    def hook(self, *arguments: str) -> str:
        """Run ``git ckpt hook ARGUMENTS`` as a command; returns its stderr."""
        done = subprocess.run(
            [self.python, "hook", *arguments],
            cwd=self.repo.path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr

    def start_builder(self) -> None:
        """Start a builder for what waits, as ``git ckpt build --background`` does."""
        process.popen([str(self.python), "hook", "drain", "--detached"], env=os.environ,
                      cwd=self.repo.path)  # fmt: skip

    def cancel(self) -> Running | None:
        """What ``git ckpt cancel`` does."""
        return builder.cancel(self.state, self.start_builder)

    def remember(self) -> None:
        """From here on what has a record isn't built again."""
        (self.aside / "remember").touch()

    def open_gate(self) -> None:
        self.gate.touch()

    def close_gate(self) -> None:
        self.gate.unlink()

    def wait_for_builds(self, number: int) -> None:
        """Wait until that many builds have begun."""
        eventually(lambda: len(self.built()) >= number, f"{number} builds")

    def wait_for_records(self, number: int) -> list[Record]:
        """Wait until that many records are kept; newest first."""
        eventually(lambda: len(results.history(self.state)) >= number, f"{number} records")
        return results.history(self.state)

    def wait_until_idle(self) -> None:
        """Wait until no process of a builder of this project is left.

        One that was started this very moment isn't seen yet: wait for what it does first.
        """
        eventually(lambda: self.processes() == [], "nothing runs")

    def kill(self) -> None:
        """Kill whatever runs of this project, as a power cut does."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """The processes that run the stand-in or a build of this project."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    called = (folder / "cmdline").read_bytes()
                    around = (folder / "environ").read_bytes()
                except OSError:
                    continue
                # A zombie has neither.
                if called and os.fsencode(f"STAND_IN={self.python}") in around:
                    found.append(int(folder.name))
        return found
