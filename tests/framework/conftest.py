"""A repository whose hooks are a hook manager's, which calls the real program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.builds.background.builder import running
from ckpt_git.model.record import Record
from ckpt_git.records import results
from ckpt_git.records.state import State
from tests.cli.project import Done, Project
from tests.support import GitRepo, eventually

BIN = Path(sys.executable).parent

CONFIG = '[package.app]\nbuild = "sh build.sh"\ninstall = "cp out.txt $out/"\n'
BUILD = "cp in.txt out.txt\n"
BROKEN = "echo in.txt:1: error: expected hope >&2\nexit 1\n"
THEIRS = (
    "# ours\nrepos: # all of them\n- repo: meta\n  hooks:\n  - id: identity\n    stages: [manual]\n"
)
"""A configuration in somebody's own form."""


@dataclass(frozen=True)
class Managed:
    """``project`` pushes to ``remote``; its hooks are not installed yet."""

    project: Project
    remote: GitRepo

    @classmethod
    def make(cls, path: Path) -> Managed:
        repo = GitRepo.init(path / "my répo")
        remote = GitRepo.init(path / "the remoté", bare=True)
        project = Project(repo, {"PATH": f"{BIN}:{os.environ['PATH']}"})
        files = {"ckpt.toml": CONFIG, "build.sh": BUILD, "in.txt": "1\n"}
        repo.commit("first", {**files, ".pre-commit-config.yaml": THEIRS})
        repo.git("remote", "add", "origin", str(remote.path))
        return cls(project, remote)

    @property
    def repo(self) -> GitRepo:
        return self.project.repo

    @property
    def state(self) -> State:
        return State(self.repo.path / ".git" / "ckpt")

    def run(self, *command: str, code: int = 0, env: Mapping[str, str] | None = None) -> Done:
        """Run a command in the repository; its output is read to the end, as a pipe does."""
        done = subprocess.run(
            command,
            cwd=self.repo.path,
            env={**self.project.environment(), **(env or {})},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=300,
        )
        result = Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))
        assert result.code == code, f"{command} ended with {result.code}:\n{result.said}"
        assert "Traceback" not in result.said
        return result

    def git(self, *arguments: str, code: int = 0, **env: str) -> Done:
        return self.run("git", *arguments, code=code, env=env)

    def builds(self) -> int:
        """How many builds there were: each has a log."""
        return len(list((self.state.path / "logs").glob("*")))

    def still(self) -> None:
        """Wait until nobody is about to look, and nothing is built."""
        eventually(lambda: not self._is_busy(), "all is built", 60)

    def builds_come_to(self, number: int) -> None:
        """Wait for so many builds, and that there are no more."""
        eventually(lambda: self.builds() >= number, f"{number} builds", 60)
        self.still()
        assert self.builds() == number

    def _is_busy(self) -> bool:
        marks = ("pending-*", "starting", "queue/*.json")
        return running(self.state) is not None or any(any(self.state.path.glob(m)) for m in marks)

    def records(self, number: int) -> list[Record]:
        """The records, newest first, once there are that many."""
        eventually(lambda: len(results.history(self.state)) >= number, f"{number} records", 60)
        self.still()
        return results.history(self.state)


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    managed = Managed.make(tmp_path)
    yield managed
    managed.project.ckpt("cancel", code=None)


@pytest.fixture
def pre_commit(managed: Managed) -> Managed:
    """With the entry that ``git ckpt init`` adds, and pre-commit's hooks in place."""
    managed.project.ckpt("init")
    managed.git("add", ".")
    managed.git("commit", "-q", "-m", "ckpt-git", CKPT_SKIP="1")
    return managed


def without_ckpt(managed: Managed, path: Path) -> GitRepo:
    """A copy of the repository that knows nothing of ckpt-git, nor of a hook manager."""
    twin = GitRepo(path / managed.repo.path.name)
    shutil.copytree(managed.repo.path, twin.path)
    shutil.rmtree(twin.path / ".git" / "hooks")
    shutil.rmtree(twin.path / ".git" / "ckpt", ignore_errors=True)
    return twin


def environment_of(process: int) -> dict[str, Any]:
    """The environment that a process was started with: proc(5)."""
    read = Path(f"/proc/{process}/environ").read_bytes()
    pairs = (os.fsdecode(item).partition("=") for item in read.split(b"\0") if item)
    return {name: value for name, _, value in pairs}
