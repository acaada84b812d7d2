"""Stores for the tests of tracing."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all of these tests: the library is compiled once."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def use_shared_store(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPT_STORE", str(shared_store))
