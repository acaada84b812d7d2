"""Records, checkpoints, logs and notices: kept whole, read fast, never in the way."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ckpt_git.model.errors import StoreError
from ckpt_git.model.record import Record
from ckpt_git.records import checkpoints, results
from ckpt_git.records.results import KEPT_LOGS
from ckpt_git.records.state import State
from tests.records.values import a_checkpoint, a_record, notices


def test_a_record_comes_back_as_it_was(state: State) -> None:
    record = a_record()
    results.save(state, record)
    assert results.find(state, "app", record.key, record.recipe) == record


def test_nothing_is_known_of_what_was_not_built(state: State) -> None:
    results.save(state, a_record(recipe="a" * 32))
    same_start = "a" * 16 + "b" * 16
    assert results.find(state, "app", "k" * 40, same_start) is None
    assert results.find(state, "app", "other", "a" * 32) is None
    assert results.find(state, "lib", "k" * 40, "a" * 32) is None


def test_a_later_build_replaces_a_failed_one(state: State) -> None:
    results.save(state, a_record(outcome="failed"))
    passed = a_record(outcome="passed", finished=1_700_000_001.0)
    results.save(state, passed)
    assert results.history(state) == [passed]


def test_history_is_newest_first_over_all_packages(state: State) -> None:
    times = {"app": (10.0, 40.0), "lib": (20.0, 30.0)}
    for package, finished in times.items():
        for at in finished:
            results.save(state, a_record(package=package, key=f"{at}", finished=at))
    assert [record.finished for record in results.history(state)] == [40.0, 30.0, 20.0, 10.0]
    assert [record.finished for record in results.history(state, "lib")] == [30.0, 20.0]
    assert [record.finished for record in results.history(state, limit=3)] == [40.0, 30.0, 20.0]


def test_the_newest_of_many_records_are_found_without_opening_the_others(state: State) -> None:
    for number in range(1000):
        results.save(state, a_record(key=f"{number:040}", finished=float(number)))
    for number in range(900):
        file = _file_of(state, f"{number:040}")
        file.write_bytes(b"damaged: opening it would move it aside")
        os.utime(file, (number, number))
    assert [record.finished for record in results.history(state, limit=3)] == [999.0, 998.0, 997.0]
    assert not state.damaged.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\x00", b'{"tree": 1}'])
def test_a_damaged_record_counts_as_absent_and_is_moved_aside(state: State, content: bytes) -> None:
    good = a_record(key="good")
    results.save(state, good)
    bad = a_record(key="bad", finished=good.finished + 1)
    results.save(state, bad)
    _file_of(state, "bad").write_bytes(content)
    assert results.history(state, limit=1) == [good]
    assert results.find(state, "app", "bad", bad.recipe) is None
    assert [path.read_bytes() for path in state.damaged.iterdir()] == [content]
    results.save(state, bad)
    assert results.history(state) == [bad, good]


def test_what_was_swapped_counts_as_absent(state: State) -> None:
    """Each is whole by itself, and about something else than its name says."""
    one, other = a_record(key="one"), a_record(key="other")
    past, last = a_checkpoint(id="past"), a_checkpoint(id="last")
    for record in (one, other):
        results.save(state, record)
    for checkpoint in (past, last):
        checkpoints.add(state, checkpoint)
    for folder in ("records", "checkpoints"):
        first, second = sorted((state.path / folder / "app").iterdir())
        aside = first.replace(state.path / "aside")
        second.replace(first)
        aside.replace(second)
    assert results.find(state, "app", "one", one.recipe) is None
    assert results.history(state) == []
    assert checkpoints.listed(state, "app") == []
    assert len(list(state.damaged.iterdir())) == 4


def test_a_full_disk_is_one_line_and_loses_nothing(state: State) -> None:
    results.save(state, a_record(outcome="passed"))
    with _room_for(100), pytest.raises(StoreError) as caught:
        results.save(state, a_record(error=("x" * 1000,)))
    assert str(state.path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert [record.outcome for record in results.history(state)] == ["passed"]
    assert len(list((state.path / "records" / "app").iterdir())) == 1


def test_a_state_that_cannot_be_written_reads_as_empty(tmp_path: Path) -> None:
    blocked = tmp_path / "ckpt"
    blocked.write_text("a file where the folder should be")
    state = State(blocked)
    assert results.history(state) == []
    assert checkpoints.listed(state, "app") == []
    assert state.take_notices() == []
    assert results.find(state, "app", "k", "r") is None
    for write in (
        lambda: results.save(state, a_record()),
        lambda: checkpoints.add(state, a_checkpoint()),
        lambda: state.post_notice("text"),
        lambda: results.new_log(state, "app"),
    ):
        with pytest.raises(StoreError, match="ckpt"):
            write()


def test_checkpoints_are_newest_first_and_can_be_dropped(state: State) -> None:
    old, new = a_checkpoint(id="1", created=1.0), a_checkpoint(id="2", created=2.0)
    other = a_checkpoint(id="3", package="lib", created=3.0)
    for checkpoint in (new, old, other):
        checkpoints.add(state, checkpoint)
    assert checkpoints.listed(state, "app") == [new, old]
    checkpoints.drop(state, new)
    checkpoints.drop(state, new)
    assert checkpoints.listed(state, "app") == [old]
    assert checkpoints.listed(state, "lib") == [other]


def test_every_log_is_a_new_file_and_only_the_newest_stay(state: State) -> None:
    logs = [results.new_log(state, "app") for _ in range(KEPT_LOGS + 5)]
    assert len(set(logs)) == KEPT_LOGS + 5
    assert [log for log in logs if log.exists()] == logs[5:]
    assert all(log.name.endswith("-app.log") and log.read_bytes() == b"" for log in logs[5:])


def test_a_notice_is_told_once_and_in_order(state: State) -> None:
    state.post_notice("first: caf\udce9")
    state.post_notice("second")
    assert notices(state) == ["first: caf\udce9", "second"]
    assert state.take_notices() == ["first: caf\udce9", "second"]
    assert state.take_notices() == []


def test_readers_at_the_same_time_tell_each_notice_once_and_lose_none(state: State) -> None:
    sent = {f"notice {number}" for number in range(200)}
    told: list[str] = []

    def post() -> None:
        for text in sorted(sent):
            state.post_notice(text)

    def read(_: int) -> list[str]:
        return [text for _ in range(100) for text in state.take_notices()]

    with ThreadPoolExecutor(5) as pool:
        posted = pool.submit(post)
        for texts in pool.map(read, range(4)):
            told += texts
        posted.result()
    told += state.take_notices()
    assert sorted(told) == sorted(sent)


def _file_of(state: State, key: str) -> Path:
    record: Record = a_record(key=key)
    return state.path / "records" / "app" / f"{key}-{record.recipe[:16]}.json"


@contextmanager
def _room_for(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes: write(2) then fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_names_of_the_state_are_ascii_whatever_is_kept(state: State) -> None:
    results.save(state, a_record())
    names = [name for _, _, files in os.walk(state.path) for name in files]
    assert names
    assert all(name.isascii() for name in names)


def test_what_was_built_on_a_wrong_checkpoint_is_forgotten_with_it(state: State) -> None:
    """Two lines of builds from one clean build; the middle of the first was found wrong."""
    bases = {"clean": (), "a1": ("clean",), "a2": ("a1", "clean"), "b1": ("clean",)}
    for name, built_on in bases.items():
        checkpoints.add(state, a_checkpoint(id=name, built_on=built_on, depth=len(built_on)))
        base = built_on[0] if built_on else None
        results.save(state, a_record(key=name, base=base, left=name, depth=len(built_on)))
    results.save(state, a_record(key="also a2", base="a1", depth=2, verified=True))
    assert {c.id for c in checkpoints.distrust(state, "app", ["a1"])} == {"a1", "a2"}
    assert {c.id for c in checkpoints.listed(state, "app")} == {"clean", "b1"}
    assert {record.key for record in results.history(state)} == {"clean", "b1", "also a2"}


def test_a_build_that_ran_on_a_wrong_checkpoint_counts_for_nothing_when_it_ends(
    state: State,
) -> None:
    checkpoints.add(state, a_checkpoint(id="wrong", depth=1, built_on=("clean",)))
    checkpoints.distrust(state, "app", ["wrong"])
    checkpoints.add(state, a_checkpoint(id="late", depth=2, built_on=("wrong", "clean")))
    record = a_record(base="wrong", depth=2)
    results.save(state, record)
    assert checkpoints.listed(state, "app") == []
    assert results.find(state, "app", record.key, record.recipe) is None


def test_what_doesnt_say_what_it_was_built_on_may_lie_on_anything(state: State) -> None:
    checkpoints.add(state, a_checkpoint(id="older", depth=2))
    results.save(state, a_record(depth=2))
    assert [c.id for c in checkpoints.distrust(state, "app", ["wrong"])] == ["older"]
    assert results.history(state) == []
