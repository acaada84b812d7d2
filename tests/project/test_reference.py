"""The reference is what the code makes of itself, and names what a program prints and reads."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.model import errors
from ckpt_git.model.config import ckpt_toml
from ckpt_git.model.record import Base, Record, Seconds
from tests.cli.project import Project
from tests.project.documents import ROOT
from tools import reference, words

_MADE = reference.made()
_GREETS = 'grep hello "$CKPT_OUT/share/greeting.txt"'
_CALLS = {
    "build --background": ["build", "--background"],
    "verify": ["verify"],
    "rebase-checkpoint": ["rebase-checkpoint"],
    "rebase-checkpoint --dry-run": ["rebase-checkpoint", "--dry-run"],
    "replay": ["replay", "HEAD~1..HEAD"],
    "bisect": ["bisect", "HEAD~1", "HEAD", "--", "sh", "-c", _GREETS],
    "status": ["status"],
    "log": ["log"],
    "log REVISION": ["log", "HEAD"],
    "why FILE": ["why", "greeting.txt"],
    "why --last": ["why", "--last"],
    "trust": ["trust", "--show"],
    "trust --list": ["trust", "--list"],
    "gc": ["gc", "--dry-run"],
    "doctor": ["doctor"],
}
_IN_RESULTS = {"verify", "rebase-checkpoint"}  # the keys are those of a result, beside its own


@pytest.mark.parametrize("name", sorted(_MADE))
def test_it_is_what_the_code_makes_of_itself(name: str) -> None:
    assert (ROOT / name).read_text() == _MADE[name], "run `make reference`"


def test_a_command_without_words_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(words.COMMANDS, "build")
    with pytest.raises(ValueError, match="build"):
        reference.made()


def test_its_example_is_a_configuration_and_has_every_key() -> None:
    text = (ROOT / "tools" / "example.toml").read_text()
    config = ckpt_toml.parse(text)
    assert [package.engine for package in config.packages.values()] == ["auto", "nix"]
    told = set(re.findall(r"(?:^|# or )(\w+) +=", text, re.MULTILINE))
    told |= set(re.findall(r"^\[(?:package\.\w+\.)?(\w+)\]", text, re.MULTILINE))
    known = {key for keys in reference.configuration().values() for key in keys}
    assert told == known - {"package"}


def test_its_keys_of_a_result_are_those_that_a_build_prints() -> None:
    values: dict[str, Any] = {field.name: None for field in fields(Record)}
    values |= {"checkpoint": Base(None, "", 1), "changes": {}, "seconds": Seconds()}
    result = Record(**values).result()
    assert set(words.RESULT) == set(result)
    for part in ("seconds", "checkpoint"):
        (told,) = re.findall(r"\{([\w, ]+)\}", words.RESULT[part])
        assert set(told.split(", ")) == set(result[part])


def test_its_variables_are_those_that_the_program_reads() -> None:
    sources = [*(ROOT / "ckpt_git").rglob("*.py"), *(ROOT / "hooks").glob("*.sh")]
    read = {
        name for source in sources for name in re.findall(r"\bCKPT_[A-Z_]+\b", source.read_text())
    }
    told = {name for name in words.VARIABLES if name.startswith("CKPT_")}
    assert told | words.INNER_VARIABLES == read


def test_its_exit_codes_are_those_of_the_errors() -> None:
    foreseen = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.CkptError)
    }
    assert foreseen < set(words.EXIT_CODES)


def test_its_documents_have_the_keys_that_commands_print(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "hello")
    project.build()
    project.edit("greeting.txt", "hello", "good day")
    project.repo.commit("second")
    assert set(_CALLS) == set(words.DOCUMENTS)
    for name, call in _CALLS.items():
        document = _printed(project, call)
        told = words.DOCUMENTS[name][1]
        if name in _IN_RESULTS:
            [result] = document["results"]
            assert set(result) == {*words.RESULT, *told}, name
        else:
            assert set(document) - {"version", "results"} == set(told) - {"results"}, name
        for key, text in told.items():
            _compare(document.get(key, [{}]), text, name)
    [record] = _printed(project, ["log", "--number", "1"])["records"]
    assert set(record) == {*words.RESULT, *words.RECORD}


def _printed(project: Project, call: list[str]) -> Any:
    named = ["bisect", "--json", *call[1:]] if call[0] == "bisect" else [*call, "--json"]
    return project.ckpt(*named, code=None).json()


def _compare(value: Any, text: str, name: str) -> None:
    """The keys that a text names, ``{a, b}``, are those of a value, or of its first item."""
    found = re.match(r"`\{([\w, ]+)\}` for each|`\{([\w, ]+)\}`$", text)
    first = value[0] if isinstance(value, list) and value else value
    if found and isinstance(first, dict) and first:
        assert set((found[1] or found[2]).split(", ")) == set(first), f"{name}: {text}"
