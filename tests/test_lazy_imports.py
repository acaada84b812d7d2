"""Modules that run when they are used: each is there, none runs early, and threads agree."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from ckpt_git.lazy_imports import LAZY, load

ROOT = Path(__file__).parent.parent


def _run(script: str, *path: Path) -> str:
    """What ``script`` prints in a Python of its own, with the modules of ``path``."""
    folders = ":".join(map(str, (*path, ROOT)))
    environment = {"PYTHONPATH": folders}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.mark.parametrize("name", LAZY)
def test_each_is_a_module(name: str) -> None:
    module = importlib.import_module(name)
    load(module)
    assert Path(module.__file__ or "").is_file()


def test_none_runs_before_it_is_used() -> None:
    script = (
        "import sys, ckpt_git.cli\n"
        "ours = [(n, m) for n, m in sys.modules.items() if n.startswith('ckpt_git.')]\n"
        "print(*(name for name, module in ours if '__lazy__' not in module.__dict__))"
    )
    ran = _run(script).split()
    assert "ckpt_git.cli" in ran
    assert set(ran).isdisjoint(LAZY)


def _script(first: str, then: str) -> str:
    return (
        "import sys\nfrom ckpt_git import lazy_imports\n"
        "lazy_imports.LAZY = {'slow': 'a test', 'slow_package': 'a test', 'broken': 'a test'}\n"
        f"{first}\n{then}"
    )


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(
        "import time\nprint('runs')\nearly = 1\ntime.sleep(0.2)\nlate = 2\n"
        "def both():\n    return early + late\n"
    )
    package = tmp_path / "slow_package"
    package.mkdir()
    (package / "__init__.py").write_text("from .part import value\n")
    (package / "part.py").write_text("value = 3\n")
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    return tmp_path


def test_one_runs_when_something_of_it_is_used(modules: Path) -> None:
    said = _run(_script("import slow", "print('imported'); print(slow.both())"), modules)
    assert said.split() == ["imported", "runs", "3"]


def test_a_name_from_one_has_it_run_at_once(modules: Path) -> None:
    said = _run(_script("from slow import both", "print('imported'); print(both())"), modules)
    assert said.split() == ["runs", "imported", "3"]


def test_it_is_like_any_other_once_it_has_run(modules: Path) -> None:
    then = "slow.early\nprint(type(slow).__name__, slow.__file__, slow.__spec__.origin)"
    file = str(modules / "slow.py")
    assert _run(_script("import slow", then), modules).split() == ["runs", "module", file, file]


def test_what_is_set_in_one_stays(modules: Path) -> None:
    said = _run(_script("import slow", "slow.early = 5\nprint(slow.both())"), modules)
    assert said.split() == ["runs", "7"]


def test_threads_wait_until_it_has_run(modules: Path) -> None:
    """One that sees half of a module would find ``early`` and no ``late``."""
    then = (
        "from threading import Thread\n"
        "def use():\n    slow.early; print(slow.both())\n"
        "threads = [Thread(target=use) for _ in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]"
    )
    assert _run(_script("import slow", then), modules).split() == ["runs", *["3"] * 8]


@pytest.mark.parametrize("use", ["slow_package.value", "slow_package.part.value"])
def test_a_package_can_be_one(modules: Path, use: str) -> None:
    assert _run(_script("import slow_package", f"print({use})"), modules) == "3\n"


def test_a_part_of_a_lazy_package_is_found(modules: Path) -> None:
    script = _script("import slow_package, slow_package.part", "print(slow_package.part.value)")
    assert _run(script, modules) == "3\n"


def test_an_error_is_raised_at_each_use(modules: Path) -> None:
    then = (
        "for _ in range(2):\n    try:\n        broken.anything\n"
        "    except ImportError as error:\n        print(error.name)"
    )
    assert _run(_script("import broken", then), modules).split() == ["no_such_module"] * 2
