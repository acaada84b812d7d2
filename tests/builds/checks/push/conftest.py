"""A repository whose pre-push hook is ours, and a bare one to push to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ckpt_git.git.hooks.install import HOOKS, install
from ckpt_git.git.repository import Repository
from ckpt_git.model.record import Record
from ckpt_git.records import results
from ckpt_git.records.state import State
from tests.cli.conftest import shared_store, use_shared_store
from tests.cli.project import Done, Project
from tests.support import GitRepo

__all__ = ["shared_store", "use_shared_store"]

CONFIG = '[package.app]\nbuild = "sh build.sh"\ninstall = "cp out.txt $out/"\n'
BUILD = "cp in.txt out.txt\n"
BROKEN = "echo in.txt:1: error: expected hope >&2\nexit 1\n"


@dataclass(frozen=True)
class Pushing:
    """``project`` pushes to ``remote``, which it knows as ``origin``."""

    project: Project
    remote: GitRepo

    @classmethod
    def make(cls, path: Path, *, object_format: str = "sha1") -> Pushing:
        remote = GitRepo.init(path / "the remoté", bare=True, object_format=object_format)
        repo = GitRepo.init(path / "my répo", object_format=object_format)
        pushing = cls(Project(repo), remote)
        repo.commit("first", {"ckpt.toml": CONFIG, "build.sh": BUILD, "in.txt": "1\n"})
        repo.git("remote", "add", "origin", str(remote.path))
        install(Repository.discover(repo.path))
        for name in {*HOOKS} - {"pre-push"}:  # what is committed isn't to be built before
            (repo.path / ".git" / "hooks" / name).unlink()
        return pushing

    @property
    def repo(self) -> GitRepo:
        return self.project.repo

    def push(self, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> Done:
        """``git push ARGUMENTS``; fails where it ends with another ``code``."""
        done = subprocess.run(
            ["git", "push", "-q", *arguments],
            cwd=self.repo.path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            check=False,
            timeout=120,
        )
        result = Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))
        assert result.code == code, result.said
        assert "Traceback" not in result.said
        return result

    def has(self, ref: str) -> str | None:
        """What the remote's ``ref`` is, or None."""
        return self.remote.git("rev-parse", "-q", "--verify", ref, ok=(0, 1)) or None

    def configure(self, text: str, before: str = "") -> None:
        """Have ``ckpt.toml`` say ``text`` as well; not yet committed."""
        self.repo.write("ckpt.toml", f"{before}{CONFIG}{text}")

    def records(self) -> list[Record]:
        return results.history(State(self.repo.path / ".git" / "ckpt"))


@pytest.fixture
def pushing(tmp_path: Path) -> Pushing:
    return Pushing.make(tmp_path)
