"""The queue: the newest of each slot waits, and no request is lost between two hands."""

from __future__ import annotations

import pytest

from ckpt_git.records import queue
from ckpt_git.records.queue import BY_HAND, Request
from ckpt_git.records.state import State
from tests.records.values import a_request


def _take(state: State) -> Request | None:
    taken = queue.take(state)
    if taken is None:
        return None
    queue.acknowledge(taken)
    return taken.request


def test_of_many_commits_the_newest_is_left(state: State) -> None:
    for number in range(5):
        queue.put(state, a_request(f"tree{number}", submitted=float(number)))
    newest = a_request("tree4", submitted=4.0)
    assert queue.waiting(state) == [newest]
    assert _take(state) == newest
    assert _take(state) is None


def test_other_work_trees_and_what_was_asked_for_by_hand_are_not_replaced(state: State) -> None:
    requests = [
        a_request("a", submitted=1.0),
        a_request("a", submitted=2.0, root="/caf\udce9"),
        a_request("a", submitted=3.0, why=BY_HAND),
        a_request("b", submitted=4.0, why=BY_HAND),
        a_request("b", submitted=5.0, why=BY_HAND, packages=("app",)),
        a_request("b", submitted=6.0, why=BY_HAND, clean=True),
    ]
    for request in requests:
        queue.put(state, request)
    assert queue.waiting(state) == requests[::-1]
    assert [_take(state) for _ in requests] == requests[::-1]


def test_a_request_put_while_an_older_one_is_taken_still_waits(state: State) -> None:
    queue.put(state, a_request("old", submitted=1.0))
    taken = queue.take(state)
    queue.put(state, a_request("new", submitted=2.0))
    assert taken is not None
    queue.acknowledge(taken)
    assert _take(state) == a_request("new", submitted=2.0)


def test_what_a_taker_did_not_settle_before_it_died_is_taken_again(state: State) -> None:
    queue.put(state, a_request("a"))
    first = queue.take(state)
    assert queue.take(state) == first
    assert first is not None
    queue.acknowledge(first)
    assert queue.waiting(state) == []


def test_a_damaged_request_does_not_stop_the_others(state: State) -> None:
    queue.put(state, a_request("good", submitted=1.0))
    queue.put(state, a_request("bad", submitted=2.0, root="/other"))
    newest = max((state.path / "queue").iterdir(), key=lambda path: path.stat().st_mtime)
    newest.write_bytes(b"{")
    assert _take(state) == a_request("good", submitted=1.0)
    assert _take(state) is None


def test_clear_forgets_everything(state: State) -> None:
    queue.put(state, a_request("a"))
    queue.take(state)
    queue.put(state, a_request("b"))
    queue.clear(state)
    assert queue.waiting(state) == []


@pytest.mark.parametrize(
    ("runs", "asked", "covered"),
    [
        (a_request("a"), a_request("a"), True),
        (a_request("a", "b"), a_request("b"), True),
        (a_request("a"), a_request("a", "b"), False),
        (a_request("a"), a_request("b"), False),
        (a_request("a"), a_request("a", packages=("app",)), True),
        (a_request("a", packages=("app",)), a_request("a"), False),
        (a_request("a", packages=("app", "lib")), a_request("a", packages=("app",)), True),
        (a_request("a"), a_request("a", clean=True), False),
        (a_request("a"), a_request("a", rebuild=True), False),
    ],
)
def test_a_request_covers_what_it_leaves_nothing_to_do_for(
    runs: Request, asked: Request, *, covered: bool
) -> None:
    assert runs.covers(asked) is covered
