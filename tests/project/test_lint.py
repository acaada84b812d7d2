"""``.ci/lint`` looks into the files that the linters of Python leave out, and our hooks call it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import GitRepo

_ROOT = Path(__file__).parents[2]
_MISSPELT = "recieved"  # codespell:ignore


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the checks of shell and spelling look at, and nothing wrong in it."""
    repo = GitRepo.init(tmp_path / "checkout")
    for name in (".ci", "hooks", "ckpt_git/nix", "ckpt_git/demo"):
        shutil.copytree(_ROOT / name, repo.path / name)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(_ROOT / name, repo.path)
    (repo.path / ".venv").symlink_to(sys.prefix)
    repo.git("add", ".ci", "hooks", "ckpt_git", "CONTRIBUTING.md")
    return repo.path


def _lint(checkout: Path, *checks: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / ".ci/lint", *checks], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("check", "path", "line"),
    [
        pytest.param("shell", "hooks/common.sh", "cat $kept", id="hook"),
        pytest.param("shell", ".ci/setup", "cat $1", id="ci"),
        pytest.param("nix", "ckpt_git/nix/shell/lib.sh", "echo $@", id="nix"),
        pytest.param("spelling", "CONTRIBUTING.md", _MISSPELT, id="document"),
        pytest.param("spelling", ".ci/run", f"# {_MISSPELT}", id="script"),
    ],
)
def test_a_mistake_is_found(checkout: Path, check: str, path: str, line: str) -> None:
    with (checkout / path).open("a") as file:
        file.write(line + "\n")
    done = _lint(checkout, check)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"lint: failed: {check}"
    assert path in done.stdout + done.stderr


def test_what_is_here_has_no_mistake(checkout: Path) -> None:
    done = _lint(checkout, "shell", "nix", "spelling")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_our_own_hooks_are_a_configuration_that_pre_commit_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", _ROOT / ".pre-commit-config.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
