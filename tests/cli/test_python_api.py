"""The two functions of nixpkgs from Python, as docs/reference/python.md has them."""

from __future__ import annotations

from pathlib import Path

import pytest

import ckpt_git
from ckpt_git import Derivation, Source, mk_checkpointed_build, prepare_checkpoint_build
from ckpt_git.model.errors import CkptError
from tests.cli.project import Project


@pytest.fixture
def hello(project: Project) -> Derivation:
    return Derivation(
        name="hello",
        source=Source(project.path, project.repo.tree()),
        phases={"build": "make", "install": "make install"},
    )


def test_a_checkpoint_then_a_build_from_it(project: Project, hello: Derivation) -> None:
    checkpoint = prepare_checkpoint_build(hello)
    assert checkpoint.tree == hello.source.tree
    assert checkpoint.depth == 0

    project.repo.commit("second", {"greeting.txt": "good day\n"})
    changed = hello.override_attrs(source=Source(project.path, project.repo.tree()))
    result = mk_checkpointed_build(changed, checkpoint)
    assert result.outcome == "passed"
    assert result.out is not None
    assert (result.out / "share/greeting.txt").read_text() == "good day\n"
    assert result.artifacts is not None
    assert result.artifacts.depth == 1
    assert hello.source.tree == checkpoint.tree, "a derivation is a value: it was not changed"

    assert result.compiled == 0, "no C file changed"


def test_a_chain_of_them(project: Project, hello: Derivation) -> None:
    checkpoint = prepare_checkpoint_build(hello)
    for number in range(3):
        project.repo.commit("next", {"greeting.txt": f"{number}\n"})
        drv = hello.override_attrs(source=Source(project.path, project.repo.tree()))
        result = mk_checkpointed_build(drv, checkpoint)
        assert result.artifacts is not None
        checkpoint = result.artifacts
    assert checkpoint.depth == 3
    assert result.out is not None
    assert (result.out / "share/greeting.txt").read_text() == "2\n"


def test_a_build_that_fails_is_no_checkpoint(hello: Derivation) -> None:
    with pytest.raises(CkptError, match="hello: build ended with 3"):
        prepare_checkpoint_build(hello.override_attrs(phases={"build": "exit 3"}))
    checkpoint = prepare_checkpoint_build(hello)
    failed = mk_checkpointed_build(hello.override_attrs(phases={"build": "exit 4"}), checkpoint)
    assert (failed.outcome, failed.reason) == ("failed", "build ended with 4")
    assert failed.artifacts is None


def test_a_damaged_checkpoint_is_refused(hello: Derivation, shared_store: Path) -> None:
    checkpoint = prepare_checkpoint_build(hello)
    (shared_store / "entries" / checkpoint.id / "meta.json").unlink()
    with pytest.raises(CkptError, match="is incomplete"):
        mk_checkpointed_build(hello, checkpoint)


def test_what_a_derivation_does_not_have_cannot_be_overridden(hello: Derivation) -> None:
    with pytest.raises(TypeError):
        hello.override_attrs(buildPhase="make")


def test_every_public_name_is_there() -> None:
    assert all(getattr(ckpt_git, name) is not None for name in ckpt_git.__all__)
    with pytest.raises(AttributeError):
        _ = ckpt_git.nothing
