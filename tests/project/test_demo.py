"""``git ckpt demo`` as users get it: shows what it claims or fails, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ckpt_git.cli.commands.set_up import demo as demo_module
from ckpt_git.cli.commands.set_up.demo import DemoError, demo
from ckpt_git.demo.project import Change

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the demo makes its own, and nobody to be the author of a commit."""
    folder = tmp_path / "a temporary folder"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    for name in os.environ:
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")):
            monkeypatch.delenv(name)
    return folder


def _demo(cwd: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ckpt_git", "demo", *options],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_it_shows_the_main_job_and_leaves_nothing_behind(temporary: Path, tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    shutil.rmtree(os.environ["CKPT_STORE"])
    done = _demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "66 files compiled" in done.stdout
    assert "1 file compiled" in done.stdout
    assert "12 files compiled" in done.stdout
    assert "file by file" in done.stdout
    assert list(temporary.iterdir()) == []
    assert list(home.iterdir()) == []
    assert not Path(os.environ["CKPT_STORE"]).exists()


@pytest.mark.slow
def test_it_fails_where_a_step_shows_something_else_and_can_be_kept(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file has to be compiled; were it another, or one more, the demo must not pass."""

    def wrong(*_: object) -> frozenset[str]:
        return frozenset({"src/main.c"})

    monkeypatch.setattr(demo_module, "sources_affected", wrong)
    with pytest.raises(DemoError, match=r"src/main\.c had to be compiled, not src/summary\.c"):
        demo(keep=True)
    (kept,) = temporary.iterdir()
    assert f"Kept: {kept}" in capsys.readouterr().out
    assert (kept / "tally" / "ckpt.toml").is_file()


def test_without_a_compiler_it_says_so_in_one_line(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to("/usr/bin/git")
    monkeypatch.setenv("PATH", str(programs))
    done = _demo(tmp_path)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "make, cc" in line
    assert list(temporary.iterdir()) == []


def test_a_change_has_one_name_for_each_of_its_files() -> None:
    change = Change("twice in one file", (("a.c", "x", "y"), ("b.c", "x", "y"), ("a.c", "p", "q")))
    assert change.paths == ("a.c", "b.c")
