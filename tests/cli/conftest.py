"""Projects for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.project import Project


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all of these tests: what it has found out about the machine stays known."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def use_shared_store(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPT_STORE", str(shared_store))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The small C project, committed, not yet built."""
    return Project.make(tmp_path / "project")
