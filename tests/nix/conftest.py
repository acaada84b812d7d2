"""A private Nix store for each test worker; projects and derivations on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.nix.project import Pair
from tests.nix.store import NixStore, private_store


@pytest.fixture(scope="session")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixStore]:
    """Builds in a sandbox, where Nix can make one: all in the same folder."""
    yield from private_store(tmp_path_factory, sandbox=True)


@pytest.fixture(scope="session")
def nix_without_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixStore]:
    """Builds in folders below the temporary one, named after the derivation."""
    yield from private_store(tmp_path_factory, sandbox=False)


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., Pair]:
    """Makes a base and a changed source folder below the test's own."""

    def make(files: dict[str, str], recipe: dict[str, str], **more: str) -> Pair:
        return Pair.write(tmp_path / "pair", files, recipe, **more)

    return make
