"""The change matrix with the Nix engine, in a private store with a stdenv of our own.

The changes are made by kind, each built from the one before, and then all at once: a Nix build
takes its time. Each output is compared with that of the derivation as it stands, from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.project import NAME, Project, log, toml_string
from tests.matrix import outputs
from tests.matrix.changes import KINDS, made_at_once, made_of_kind
from tests.matrix.samples import SAMPLES, Sample
from tests.nix.store import STDENV, NixStore, attributes, private_store
from tests.support import GitRepo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixStore]:
    yield from private_store(tmp_path_factory, sandbox=True)


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.name)
def project(request: pytest.FixtureRequest, tmp_path: Path, nix: NixStore) -> Project:
    """A sample with its first commit, which has its checkpoint."""
    sample: Sample = request.param
    repo = GitRepo.init(tmp_path / "repository")
    sample.write(repo)
    phases = {f"{phase}Phase": f"runHook pre{phase.capitalize()}\n{command}"
              for phase, command in sample.phases.items()}  # fmt: skip
    phases.setdefault("configurePhase", ":")
    expression = f"(import {STDENV}).mkDerivation {{ name = {toml_string(sample.name)};\n"
    expression += f"src = ./.;\n{attributes(phases)}}}"
    repo.write("ckpt.toml", f"[package.{NAME}]\nexpr = {toml_string(expression)}\n")
    repo.commit("base")
    made = Project(repo).setting(**nix.variables())
    made.passes()
    return made


def test_one_kind_of_change_after_the_other(project: Project) -> None:
    for kind in KINDS:
        made_of_kind(kind)(project.repo)
        _assert_as_clean(project, kind)


def test_all_changes_at_once(project: Project) -> None:
    made_at_once(project.repo)
    _assert_as_clean(project, "all")


def _assert_as_clean(project: Project, message: str) -> None:
    commit = project.repo.commit(message)
    record = project.passes(commit)
    clean = project.passes(commit, clean=True)
    assert record.out != clean.out
    assert not outputs.differences(outputs.read(record.output), outputs.read(clean.output))
    assert record.checkpoint is not None or record.why_clean, log(record)


def test_an_edit_starts_from_the_checkpoint(project: Project) -> None:
    made_of_kind("edited")(project.repo)
    # What another test has built in this store would not be built, and its log be empty.
    project.repo.write("of-this-test-alone", "nothing\n")
    project.repo.commit("edited")
    record = project.from_checkpoint()
    assert "checkpoint: used: " in log(record)
