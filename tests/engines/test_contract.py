"""What every engine must do, through the one way in which the program uses it.

An engine joins with an entry in ``PACKAGES``: the table of ``ckpt.toml`` that has it run the
shell commands of these tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ckpt_git.engines import ENGINES
from ckpt_git.model.record import Record
from tests.engines.project import NAME, Project, log, snapshot, toml_string
from tests.nix.store import STDENV, NixStore, attributes, nix_string
from tests.support import GitRepo

# Compiles each *.in into a *.o by copying it, if it is newer, and says so; `out` holds them all.
_MAKEFILE = """\
sources := $(sort $(wildcard *.in */*.in))
objects := $(sources:.in=.o)
out: $(objects) Makefile
\tcat $(objects) > $@
%.o: %.in common
\t@echo "compiling $<"
\t@if grep -q broken $<; then echo "$<:1: broken"; exit 1; fi
\tcat common $< > $@
"""
_FILES: Mapping[str, str] = {
    "Makefile": _MAKEFILE,
    "common": "common\n",
    "one.in": "one\n",
    "two.in": "two\n",
    "folder/three.in": "three\n",
    "script": "#!/bin/sh\n",
}
_BUILD = "make out"
_INSTALL = "mkdir -p $out && cp -RP . $out/ && find $out -name '*.o' -delete"


def _local(build: str, install: str, timeout: float) -> str:
    return (
        f'[package.{NAME}]\nengine = "local"\nbuild = {toml_string(build)}\n'
        f"install = {toml_string(install)}\ntimeout = {timeout}\n"
    )


def _nix(build: str, install: str, timeout: float) -> str:
    phases = {"buildPhase": build, "installPhase": install}
    expression = (
        f"(import {STDENV}).mkDerivation {{\n  name = {nix_string(NAME)};\n  src = ./.;\n"
        f"{attributes(phases)}}}"
    )
    return f"[package.{NAME}]\nexpr = {toml_string(expression)}\ntimeout = {timeout}\n"


PACKAGES: Mapping[str, Callable[[str, str, float], str]] = {"local": _local, "nix": _nix}
_OTHER_COMMANDS = {"local": None, "nix": "`buildPhase` changed in the recipe"}
_OBJECT = re.compile(r"/build/source/(.*)\.o")


@dataclass(frozen=True)
class Subject:
    """A project that one engine builds."""

    project: Project
    engine: str

    def configure(
        self, *, build: str = _BUILD, install: str = _INSTALL, timeout: float = 60
    ) -> None:
        """An engine may have built the same for another test: no two of them build the same."""
        test = f"# {self.project.repo.path.parent.name}\n"
        text = PACKAGES[self.engine](build, install, timeout)
        self.project.repo.write("ckpt.toml", test + text)

    def commit(self, **files: str | bytes) -> str:
        return self.project.repo.commit(files={_path(name): text for name, text in files.items()})

    def compiled(self, record: Record) -> list[str]:
        """What was compiled, as the log has it; where that is a clean build's, as was seen."""
        if self.engine == "local":
            made = map(_OBJECT.fullmatch, self.project.made(record))
            return [f"{found[1]}.in" for found in made if found]
        said = (line.partition("compiling ")[2] for line in log(record).splitlines())
        return sorted(name for name in said if name)


def _path(name: str) -> str:
    return name.replace("__", "/").replace("_in", ".in")


@pytest.fixture(params=sorted(ENGINES))
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    """A project with its first commit, not built yet."""
    project = Project(GitRepo.init(tmp_path / "repository"))
    if request.param == "nix":
        store: NixStore = request.getfixturevalue("nix")
        project = project.setting(**store.variables())
    made = Subject(project, request.param)
    made.configure()
    made.project.repo.commit(files=_FILES)
    return made


def test_every_engine_is_tested() -> None:
    assert set(PACKAGES) == set(ENGINES)


def test_a_clean_build(subject: Subject) -> None:
    record = subject.project.build()
    assert record.passed, log(record)
    assert record.engine == subject.engine
    assert record.checkpoint is None
    assert record.why_clean == "there is no checkpoint yet"
    assert (record.output / "out").read_text() == "common\nthree\ncommon\none\ncommon\ntwo\n"
    assert subject.compiled(record) == ["folder/three.in", "one.in", "two.in"]


def test_a_build_with_no_change_compiles_nothing(subject: Subject) -> None:
    first = subject.project.passes()
    again = subject.project.from_checkpoint()
    assert subject.compiled(again) == []
    assert snapshot(first.output) == snapshot(again.output)


def _edit(repo: GitRepo) -> None:
    repo.write("one.in", "another one\n")


def _rename(repo: GitRepo) -> None:
    repo.git("mv", "one.in", "zero.in")


def _folder_for_file(repo: GitRepo) -> None:
    repo.remove("script")
    repo.write("script/file", "in a folder\n")


def _file_for_folder(repo: GitRepo) -> None:
    repo.remove("folder")
    repo.write("folder", "a file\n")


_CHANGES: Mapping[str, Callable[[GitRepo], object]] = {
    "an edit": _edit,
    "what all depend on": lambda repo: repo.write("common", "changed\n"),
    "a new file": lambda repo: repo.write("four.in", "four\n"),
    "a new file in a new folder": lambda repo: repo.write("new/four.in", "four\n"),
    "a deleted file": lambda repo: repo.remove("two.in"),
    "a deleted folder": lambda repo: repo.remove("folder"),
    "a renamed file": _rename,
    "an emptied file": lambda repo: repo.write("two.in", ""),
    "binary content": lambda repo: repo.write("two.in", bytes(range(256))),
    "a mode": lambda repo: repo.write("script", "#!/bin/sh\n", executable=True),
    "a link for a file": lambda repo: repo.link("script", "one.in"),
    "a link elsewhere": lambda repo: repo.link("folder/link", "../two.in"),
    "a folder for a file": _folder_for_file,
    "a file for a folder": _file_for_folder,
    "a hidden file": lambda repo: repo.write("folder/.hidden", "hidden\n"),
    "a name of any byte": lambda repo: repo.write("folder/n\nl\udcff \t", "name\n"),
    "the makefile": lambda repo: repo.write("Makefile", _MAKEFILE.replace("cat common", "cat")),
}


@pytest.mark.parametrize("change", _CHANGES)
def test_a_checkpointed_build_gives_what_a_clean_one_gives(subject: Subject, change: str) -> None:
    subject.project.passes()
    _CHANGES[change](subject.project.repo)
    commit = subject.commit()
    record = subject.project.passes(commit)
    assert record.commit == commit
    clean = subject.project.passes(commit, clean=True)
    assert snapshot(record.output) == snapshot(clean.output)


def test_an_edit_compiles_what_depends_on_it(subject: Subject) -> None:
    subject.project.passes()
    subject.commit(one_in="another one\n")
    assert subject.compiled(subject.project.as_clean()) == ["one.in"]
    subject.commit(common="changed\n")
    assert len(subject.compiled(subject.project.as_clean())) == 3


def test_a_failure_is_confirmed_and_no_base(subject: Subject) -> None:
    """Failing, then passing: what the failed build left takes no part in it."""
    subject.project.passes()
    known = subject.project.checkpoints()
    subject.commit(one_in="broken\n", two_in="another two\n")
    failed = subject.project.build()
    assert not failed.passed
    assert failed.confirmed
    assert failed.out is None
    assert failed.failed_phase is not None
    assert "one.in:1: broken" in log(failed)
    assert [c.tree for c in subject.project.checkpoints()] == [c.tree for c in known]
    subject.commit(one_in="mended\n")
    mended = subject.project.as_clean()
    assert subject.compiled(mended) == ["one.in", "two.in"]


def test_a_build_that_takes_too_long_has_failed(subject: Subject) -> None:
    subject.configure(build="sleep 1000", timeout=1)
    subject.commit()
    record = subject.project.build()
    assert not record.passed
    assert record.reason is not None
    assert "1 s" in record.reason
    assert subject.project.checkpoints() == []


def test_another_package_definition_gives_what_a_clean_build_gives(subject: Subject) -> None:
    """A memory answers for each command by itself, whatever the others are."""
    subject.project.passes()
    subject.configure(build="make out; echo more >>out")
    subject.commit()
    record = subject.project.passes()
    assert record.why_clean == _OTHER_COMMANDS[subject.engine]
    assert snapshot(record.output) == snapshot(subject.project.passes(clean=True).output)


def test_a_chain_of_builds_counts_its_depth(subject: Subject) -> None:
    for number in range(4):
        subject.commit(one_in=f"{number}\n")
        record = subject.project.passes()
        assert record.depth == number
    assert (record.output / "out").read_text().split()[3] == "3"


def test_artifacts_are_whole_and_outlive_the_base_commit(subject: Subject) -> None:
    subject.project.passes()
    (checkpoint,) = subject.project.checkpoints()
    engine = subject.project.context().engine(subject.engine)
    assert engine.artifacts.unusable(checkpoint) is None
    assert engine.artifacts.damage(checkpoint) is None
    assert set(engine.artifacts.base_manifest(checkpoint)) == {*_FILES, "ckpt.toml"}
    repo = subject.project.repo
    repo.write("one.in", "amended\n")
    repo.git("commit", "-qa", "--amend", "-m", "amended")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    record = subject.project.passes()
    assert record.checkpoint is not None or "is gone" in str(record.why_clean)
    assert snapshot(record.output) == snapshot(subject.project.passes(clean=True).output)


def test_output_stays_as_it_was_when_later_builds_change_it(subject: Subject) -> None:
    first = subject.project.passes()
    before = snapshot(first.output)
    subject.commit(one_in="changed\n")
    subject.project.from_checkpoint()
    assert snapshot(first.output) == before
