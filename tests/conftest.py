"""Every test runs as on a machine that nobody configured: own home, own store, no git config."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

_IDENTITY = {
    "GIT_AUTHOR_NAME": "A U Thor",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_COMMITTER_NAME": "C O Mitter",
    "GIT_COMMITTER_EMAIL": "committer@example.com",
}


SHARED = Path(tempfile.gettempdir()) / f"ckpt-tests-{os.getuid()}"
"""What every test would find out anew, and what is the same for all: the programs of the watcher,
and what this machine can. Each is found out again where what it depends on is another thing."""
PROGRAMS = SHARED / "watch"
_ABILITIES = "abilities.json"


def _isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A home and a store below ``folder``, an identity, none of the user's configuration.

    What git sets for its hooks is removed too, so that the tests pass when a hook runs them.
    """
    for name in os.environ:
        if name.startswith(("GIT_", "CKPT_", "XDG_")):
            monkeypatch.delenv(name)
    for name in ("COLUMNS", "LINES"):  # a runner's own idea of a terminal
        monkeypatch.delenv(name, raising=False)
    home = folder / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / ".local" / "share"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
    monkeypatch.setenv("CKPT_STORE", str(folder / "store"))
    monkeypatch.setenv("CKPT_PROGRAMS", str(PROGRAMS))  # compiled once, not for each test
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # A test's folder must never be taken for a part of a repository that happens to be above it.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    for name, value in _IDENTITY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session", autouse=True)
def isolated_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For what several tests share: such a fixture is set up before a test has its own home."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _isolate(monkeypatch, tmp_path_factory.mktemp("run"))
        yield


@pytest.fixture(autouse=True)
def isolated_environment(
    isolated_run: None,  # noqa: ARG001 - before it
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    _isolate(monkeypatch, tmp_path)
    store = tmp_path / "store"
    store.mkdir(0o700)
    with suppress(FileNotFoundError):
        shutil.copy(SHARED / _ABILITIES, store)
    yield
    if not (SHARED / _ABILITIES).exists() and (store / _ABILITIES).is_file():
        SHARED.mkdir(exist_ok=True)
        shutil.copy(store / _ABILITIES, SHARED)
