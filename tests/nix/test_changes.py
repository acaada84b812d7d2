"""Every kind of change reaches a checkpointed build: it gives what a clean one gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.matrix.changes import CHANGES, KINDS, Change, made_at_once, made_of_kind, text_edit
from tests.matrix.samples import SAMPLES, Sample
from tests.nix.project import Pair
from tests.nix.store import NixStore
from tests.support import GitRepo

# Kinds of which nothing tells a build tool, so that the build must be clean.
_CLEAN = {
    ("make", "deleted"),
    ("make", "modes and types"),
    ("cmake-ninja", "modes and types"),
}


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.name)
def sample(request: pytest.FixtureRequest) -> Sample:
    found: Sample = request.param
    return found


@pytest.fixture
def base(sample: Sample, tmp_path: Path) -> Pair:
    phases = {f"{name}Phase": text for name, text in sample.phases.items()}
    phases["buildPhase"] = f"runHook preBuild\n{phases['buildPhase']}"
    made = Pair(tmp_path / "pair", phases)
    made.base.path.mkdir(parents=True)
    sample.write(made.base)
    made.base.remove("ckpt.toml")
    return made


def _assert_right(made: Pair, nix: NixStore, make: Callable[[GitRepo], object]) -> bool:
    shutil.copytree(made.base.path, made.changed.path, symlinks=True)
    make(made.changed)
    built = made.checkpointed(nix)
    clean = made.clean(nix)
    assert built.read("listing") == clean.read("listing")
    assert (built.path / "prog").read_bytes() == (clean.path / "prog").read_bytes()
    return built.used


@pytest.mark.parametrize("kind", KINDS)
def test_changes_of_a_kind(kind: str, base: Pair, sample: Sample, nix: NixStore) -> None:
    used = _assert_right(base, nix, made_of_kind(kind))
    assert used == ((sample.name, kind) not in _CLEAN)


@pytest.mark.parametrize("kind", KINDS)
def test_changes_of_a_kind_in_a_build_that_is_seen(kind: str, base: Pair, nix: NixStore) -> None:
    """None of them makes the build clean."""
    assert _assert_right(base, nix.with_library("remember = true;"), made_of_kind(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_changes_of_a_kind_beside_a_text_edit(kind: str, base: Pair, nix: NixStore) -> None:
    def make(tree: GitRepo) -> None:
        made_of_kind(kind)(tree)
        text_edit(tree)

    _assert_right(base, nix, make)


def test_all_changes_at_once(base: Pair, nix: NixStore) -> None:
    _assert_right(base, nix, made_at_once)


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES[:1], ids=lambda sample: sample.name, indirect=True)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("arguments", ["", "remember = true;"], ids=["library", "seen"])
def test_one_change(base: Pair, nix: NixStore, change: Change, arguments: str) -> None:
    _assert_right(base, nix.with_library(arguments), change.make)
