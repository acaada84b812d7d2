"""A repository that is packaged with Nix, as its users meet it: the commands, and the hook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import FILES, ROOT, Project
from tests.nix.store import STDENV, NixStore, private_store
from tests.support import eventually

DEFAULT = f"""\
{{ }}:
(import {STDENV}).mkDerivation {{
  name = "hello-1";
  src = ./.;
}}
"""


@pytest.fixture(scope="module")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixStore]:
    yield from private_store(tmp_path_factory, sandbox=True)


@pytest.fixture
def packaged(tmp_path: Path, nix: NixStore, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The small C project with a default.nix, and no ckpt.toml; the hooks find our Nix, too."""
    for name, value in {**nix.variables(), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    return Project.make(tmp_path / "hello", {**FILES, "default.nix": DEFAULT}, config=None)


def test_init_finds_the_package_and_what_it_writes_builds(packaged: Project) -> None:
    said = packaged.ckpt("init").out
    assert "Nix, for there is default.nix (also: Makefile)" in said
    assert (packaged.path / "ckpt.toml").read_text().count('file      = "default.nix"') == 1
    [result] = packaged.ckpt("build", "--json").json()["results"]
    assert (result["engine"], result["sandbox"]) == ("nix", "nix")
    assert packaged.ckpt("path").out == f"{result['out']}\n"
    assert packaged.ckpt("run", "hello", "one", code=1).out == "hello\n[one]\n"
    assert "Nix: default.nix" in packaged.ckpt("doctor", code=None).out


def test_a_commit_is_rebuilt_by_the_hook_from_the_checkpoint(packaged: Project) -> None:
    """With no line of Nix but the package's own."""
    packaged.ckpt("init")
    packaged.repo.commit("Build with ckpt-git")
    _built(packaged, 1)
    packaged.repo.write("src/main.c", FILES["src/main.c"].replace("return", "return 1 +"))
    packaged.repo.commit("Count from one")
    record = _built(packaged, 2)
    assert record["outcome"] == "passed"
    assert record["checkpoint"] is not None
    assert record["commit"] == packaged.repo.head
    assert "checkpoint: used: 1 files modified" in Path(record["log"]).read_text()
    packaged.ckpt("run", "hello", code=1)
    verified = packaged.ckpt("verify", "--json").json()["results"]
    assert [v["identical"] for v in verified] == [True]


def test_a_long_chain_ends_in_a_clean_checkpoint(packaged: Project) -> None:
    packaged.ckpt("init")
    written = (packaged.path / "ckpt.toml").read_text()
    packaged.repo.write("ckpt.toml", f"max_depth = 1\n{written}")
    packaged.repo.commit("Build with ckpt-git")
    _built(packaged, 1)
    packaged.repo.write("src/main.c", FILES["src/main.c"].replace("return", "return 1 +"))
    packaged.repo.commit("Count from one")
    clean = {"commit": packaged.repo.head, "depth": 0}
    eventually(lambda: _in_force(packaged).items() >= clean.items(), "a clean one is in force")
    assert _built(packaged, 2)["verified"] is True
    packaged.repo.write("src/main.c", FILES["src/main.c"].replace("return", "return 2 +"))
    packaged.repo.commit("Count from two")
    assert _built(packaged, 3)["checkpoint"].items() >= clean.items()


def _in_force(project: Project) -> dict[str, Any]:
    [package] = project.ckpt("status", "--json").json()["packages"]
    found: dict[str, Any] = package["checkpoint"]
    return found


def test_an_error_of_the_recipe_is_told_by_the_hook(packaged: Project) -> None:
    packaged.ckpt("init")
    packaged.repo.write("default.nix", DEFAULT.replace("./.", "nowhere"))
    packaged.repo.commit("Break it")
    eventually(lambda: "nowhere" in _told(packaged), "it is told")


def _told(project: Project) -> str:
    return project.ckpt("status", code=None).said


def _built(project: Project, number: int) -> dict[str, Any]:
    """The newest record, once there are that many and nothing is being built."""

    def over() -> bool:
        status = project.ckpt("status", "--json").json()
        return len(_records(project)) >= number and not status["running"]

    eventually(over, f"{number} builds are done")
    return _records(project)[0]


def _records(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.ckpt("log", "--json").json()["records"]
    return found
