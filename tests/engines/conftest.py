"""Projects for the engines' tests, and those who build them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.people import Person, a_room, an_ordinary_user
from tests.engines.project import Project
from tests.nix.store import NixStore, private_store
from tests.support import GitRepo

SANDBOXES = ("bubblewrap", "namespaces", "none")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty repository."""
    return Project(GitRepo.init(tmp_path / "repository"))


@pytest.fixture(params=SANDBOXES)
def in_each_sandbox(request: pytest.FixtureRequest, project: Project) -> Project:
    """The same, for each kind of sandbox, ``none`` included."""
    return project.setting(CKPT_SANDBOX=request.param)


@pytest.fixture(params=SANDBOXES[:2])
def shut_in(request: pytest.FixtureRequest, project: Project) -> Project:
    """The same, for each kind of sandbox that is one."""
    return project.setting(CKPT_SANDBOX=request.param)


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    with a_room() as folder:
        yield folder


@pytest.fixture(scope="session")
def ordinary_user(room: Path) -> Iterator[Person | str]:
    with an_ordinary_user(room) as person:
        yield person


@pytest.fixture(scope="session")
def other(ordinary_user: Person | str) -> Person:
    """An ordinary user, where we are root."""
    if isinstance(ordinary_user, str):
        pytest.skip(ordinary_user)
    return ordinary_user


@pytest.fixture(scope="session")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixStore]:
    """A Nix store of the tests' own."""
    yield from private_store(tmp_path_factory, sandbox=True)
