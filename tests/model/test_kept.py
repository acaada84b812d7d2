"""Records and checkpoints come back from JSON as they were; ``build --json`` has its contract."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Recipe
from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.model.record import Base, Record, Seconds

CHECKPOINT = Checkpoint(
    id="c1",
    package="hello",
    engine="local",
    tree="1" * 40,
    commit=None,
    folder=".",
    recipe=Recipe({"commands": "x"}),
    depth=3,
    newest_mtime_ns=1_700_000_000_123_456_789,
    created=1_700_000_000.5,
)
RECORD = Record(
    package="hello",
    engine="local",
    outcome="failed",
    tree="1" * 40,
    key="2" * 40,
    recipe="r",
    commit="3" * 40,
    checkpoint=Base(commit=None, tree="4" * 40, depth=3),
    why_clean=None,
    sandbox="bubblewrap",
    changes={"added": 1, "modified": 0, "deleted": 0},
    out=None,
    log="/log",
    seconds=Seconds(1.23456, 0.1, 0.2, 0.9),
    depth=4,
    finished=1.0,
    failed_phase="build",
    error=("a.c:1: no",),
    warnings=("w",),
)


def through_json(value: dict[str, object]) -> dict[str, object]:
    read: dict[str, object] = json.loads(json.dumps(value))
    return read


@pytest.mark.parametrize("record", [RECORD, replace(RECORD, checkpoint=None, outcome="passed")])
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert Record.from_json(through_json(record.to_json())) == record


def test_a_checkpoint_comes_back_as_it_was() -> None:
    assert Checkpoint.from_json(through_json(CHECKPOINT.to_json())) == CHECKPOINT


@pytest.mark.parametrize("lost", ["package", "checkpoint", "seconds", "error"])
def test_what_is_no_record_is_noticed(lost: str) -> None:
    data = RECORD.to_json()
    del data[lost]
    with pytest.raises((KeyError, TypeError)):
        Record.from_json(data)


@pytest.mark.parametrize("lost", ["id", "recipe"])
def test_what_is_no_checkpoint_is_noticed(lost: str) -> None:
    data = CHECKPOINT.to_json()
    del data[lost]
    with pytest.raises((KeyError, TypeError)):
        Checkpoint.from_json(data)


def test_an_answer_from_a_record_is_kept_as_the_record_itself() -> None:
    answer = RECORD.answered_from_record(tree="6" * 40, commit="5" * 40)
    assert (answer.cached, answer.tree, answer.commit) == (True, "6" * 40, "5" * 40)
    assert answer.to_json() == RECORD.to_json()


def test_the_result_has_the_fields_of_the_contract() -> None:
    result = through_json(RECORD.result())
    assert set(result) == {
        *("package", "engine", "outcome", "cached", "tree", "commit", "answered_by"),
        *("made", "checkpoint", "why_clean", "compiled", "commands", "trace", "forced"),
        *("sandbox", "changes", "out", "log", "seconds"),
    }
    assert result["commands"] == {"ran": None, "answered": 0}
    assert result["checkpoint"] == {"commit": None, "tree": "4" * 40, "depth": 3}
    assert result["seconds"] == {"total": 1.2346, "diff": 0.1, "materialise": 0.2, "build": 0.9}


@pytest.mark.parametrize(
    ("changes", "made"),
    [
        ({"checkpoint": None}, "clean"),
        ({"answered": 2}, "remembered"),
        ({"answered": 0}, "checkpointed"),
    ],
)
def test_a_build_is_called_by_what_answered_it(changes: dict[str, Any], made: str) -> None:
    assert replace(RECORD, **changes).made == made


def test_errors_are_one_line_with_a_hint_and_an_exit_code() -> None:
    assert str(CkptError("no file a")) == "no file a"
    assert str(CkptError("no file a", "write it")) == "no file a; write it"
    assert [e.exit_code for e in (CkptError, MissingError, StoreError)] == [2, 3, 3]
