"""hooks/pre-push.sh, as git runs it: who gets what git says, and whose answer counts."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ckpt_git.git.hooks.install import install, uninstall
from ckpt_git.git.repository import Repository
from tests.support import GitRepo

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Push:
    """A repository whose interpreter keeps what it is given, and answers as a test says."""

    repo: GitRepo
    aside: Path

    @classmethod
    def make(cls, path: Path) -> Push:
        push = cls(GitRepo.init(path / "my répo"), path / "aside $x")
        push.aside.mkdir()
        remote = GitRepo.init(path / "the remoté", bare=True)
        push.repo.commit("first", {"ckpt.toml": "", "a file": ""})
        push.repo.git("branch", "other")
        push.repo.git("remote", "add", "origin", str(remote.path))
        push.answer("exit 0")
        install(Repository.discover(push.repo.path), str(push.python))
        return push

    @property
    def python(self) -> Path:
        return self.aside / "pythön 3"

    @property
    def hook(self) -> Path:
        return self.repo.path / ".git" / "hooks" / "pre-push"

    def answer(self, how: str) -> None:
        kept = shlex.quote(str(self.aside / "ours"))
        self.python.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; cat; }} >{kept}\n{how}\n')
        self.python.chmod(0o755)

    def chain(self, how: str) -> None:
        """Have another hook be there before ours, which keeps what it is given."""
        uninstall(Repository.discover(self.repo.path))
        kept = shlex.quote(str(self.aside / "theirs"))
        self.hook.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; cat; }} >{kept}\n{how}\n')
        self.hook.chmod(0o755)
        install(Repository.discover(self.repo.path), str(self.python))

    def given(self, whom: str) -> list[str] | None:
        """Arguments and standard input, by lines; None for who wasn't called."""
        try:
            return (self.aside / whom).read_text().splitlines()
        except FileNotFoundError:
            return None

    def asked(self) -> list[str]:
        """What our program was called with, and its standard input, by lines."""
        given = self.given("ours") or []
        return given[given.index("hook") :]

    def push(self, *arguments: str, **env: str) -> tuple[int, str]:
        """``git push``: its exit code, and what was said."""
        done = subprocess.run(
            ["git", "push", "-q", "origin", *(arguments or ("main", "other"))],
            cwd=self.repo.path,
            env={**os.environ, **env},
            capture_output=True,
            check=False,
        )
        return done.returncode, os.fsdecode(done.stderr)

    def lines(self) -> list[str]:
        """What git tells of a push of both branches to an empty remote."""
        head, zero = self.repo.head, "0" * 40
        url = self.repo.git("remote", "get-url", "origin")
        refs = [f"refs/heads/{name} {head} refs/heads/{name} {zero}" for name in ("main", "other")]
        return ["origin", url, *refs]


@pytest.fixture
def push(tmp_path: Path) -> Push:
    return Push.make(tmp_path)


def test_the_program_gets_all_that_git_says_and_its_answer_counts(push: Push) -> None:
    assert push.push() == (0, "")
    assert push.asked() == ["hook", "pre-push", *push.lines()]
    push.repo.commit("another")
    push.answer('[ "$3" = "import ckpt_git.cli" ] && exit; echo refused >&2; exit 1')
    code, said = push.push("main")
    assert code == 1
    assert said.startswith("refused\n")


def test_the_hook_that_was_there_gets_the_same(push: Push) -> None:
    push.chain("exit 0")
    assert push.push()[0] == 0
    assert push.given("theirs") == push.lines()
    assert push.asked() == ["hook", "pre-push", *push.lines()]


def test_what_the_hook_that_was_there_refuses_is_refused_and_not_looked_at(push: Push) -> None:
    push.chain("exit 7")
    assert push.push()[0] == 1
    done = subprocess.run(
        [push.hook, "origin", "url"], cwd=push.repo.path, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 7
    assert push.given("ours") is None


def test_a_hook_that_reads_nothing_of_many_refs_is_no_trouble(push: Push) -> None:
    push.chain("exit 0")
    theirs = push.repo.path / ".git" / "hooks.ckpt-chained" / "pre-push"
    theirs.write_text("#!/bin/sh\nexit 0\n")
    lines = b"x" * 79 + b"\n"
    done = subprocess.run(
        [push.hook, "origin", "url"],
        cwd=push.repo.path,
        input=lines * 5000,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    given = push.given("ours")
    assert given is not None
    assert len(given) == 7 + 5000


@pytest.mark.parametrize("variables", [{"CKPT_SKIP": "1"}, {"SKIP": "ckpt-pre-push"}])
def test_it_can_be_skipped(push: Push, variables: dict[str, str]) -> None:
    push.answer("exit 1")
    assert push.push(**variables) == (0, "")
    assert push.given("ours") is None


def test_an_interpreter_that_is_gone_lets_git_go_on(push: Push) -> None:
    push.python.unlink()
    code, said = push.push()
    assert code == 0
    assert said == (
        f"ckpt: what is pushed is not validated: {push.python} is gone;"
        " run `git ckpt install` again\n"
    )


def test_an_interpreter_that_lost_the_program_lets_git_go_on(push: Push) -> None:
    without = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n'
    push.python.write_text(without)
    code, said = push.push(PYTHONPATH=str(push.aside))
    assert code == 0
    assert said.splitlines()[-1] == (
        "ckpt: what is pushed is not validated: ckpt-git is gone; run `git ckpt install` again"
    )


def test_a_repository_that_is_not_ours_is_left_alone(push: Push) -> None:
    """The hook may lie in a folder that many repositories share."""
    (push.repo.path / "ckpt.toml").unlink()
    (push.repo.path / ".git" / "ckpt").rmdir()
    assert push.push() == (0, "")
    assert push.given("ours") is None
