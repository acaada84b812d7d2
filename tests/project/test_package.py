"""What is installed from a checkout: the command, the hooks, the man page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from ckpt_git import __version__
from tests.support import GitRepo

_ROOT = Path(__file__).parents[2]
# The installer is the user's own, with the index that it is set up for.
_INSTALLERS_ENVIRONMENT = dict(os.environ)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new environment with the package in it, built from a copy of the checkout.

    The package's dependencies are those of the environment that runs the tests.
    """
    folder = tmp_path_factory.mktemp("package")
    environment, checkout = folder / "environment", folder / "a checkout"
    _copy_checkout(checkout)
    _run([sys.executable, "-m", "venv", environment])
    python = environment / "bin" / "python"
    _run([python, "-m", "pip", "install", "--quiet", "--no-deps", checkout])
    shutil.rmtree(checkout)  # nothing of it may be needed any more
    (site,) = environment.glob("lib/python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield environment
    shutil.rmtree(folder)


def _copy_checkout(target: Path) -> None:
    target.mkdir()
    for name in ("ckpt_git", "hooks", "man"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / name, target / name, ignore=ignored)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, target)


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(
        command, env=_INSTALLERS_ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _git(repo: GitRepo, environment: Path, *arguments: str, **env: str) -> str:
    path = f"{environment / 'bin'}:{os.environ['PATH']}"
    return repo.git(*arguments, env={**env, "PATH": path, "PYTHONPATH": ""})


def test_git_finds_the_command(installed: Path, tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    assert _git(repo, installed, "ckpt", "--version") == f"git-ckpt {__version__}"


def test_the_package_that_runs_is_the_installed_one(installed: Path) -> None:
    """Else the other tests would look at the checkout."""
    said = subprocess.run(
        [installed / "bin" / "python", "-P", "-c", "import ckpt_git; print(ckpt_git.__file__)"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(str(installed))


def test_type_checkers_are_told_that_it_is_typed(installed: Path) -> None:
    assert list(installed.glob("lib/python3*/site-packages/ckpt_git/py.typed"))


def test_the_hook_is_installed_from_the_package(installed: Path, tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    _git(repo, installed, "ckpt", "install")
    hook = repo.path / ".git" / "hooks" / "post-commit"
    assert str(installed / "bin" / "python") in hook.read_text()
    assert hook.stat().st_mode & 0o111


def test_the_demo_has_its_sources(installed: Path, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, ckpt_git.demo.project as p;"
        "print(len(p.write_project(pathlib.Path(sys.argv[1]))))"
    )
    said = subprocess.run(
        [installed / "bin" / "python", "-P", "-c", script, tmp_path / "tally"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(said) > 60


def test_git_help_finds_the_man_page(installed: Path, tmp_path: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("needs man-db")
    repo = GitRepo.init(tmp_path / "repo")
    manuals = {"MANPATH": str(installed / "share" / "man"), "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    page = re.sub(".\b", "", _git(repo, installed, "help", "ckpt", **manuals))
    assert "rebuild every commit, with what earlier builds remember" in page
