"""The moments at which a request could fall between two builders, one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ckpt_git.builds.background import builder as background
from ckpt_git.model.record import Record
from ckpt_git.records import queue, runs
from ckpt_git.records.queue import Request, Taken
from ckpt_git.records.runs import Progress
from ckpt_git.records.state import State
from tests.records.values import a_request


class Builder:
    """Builds nothing, and remembers what it was asked for."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.built: list[str] = []

    def build(self, request: Request, _: Progress) -> list[Record]:
        self.built.append(request.wanted[0].tree)
        return []

    def drain(self) -> None:
        background.drain(self.state, self.build)


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(State(tmp_path / "ckpt"))


def test_a_request_that_arrives_when_the_queue_was_just_found_empty_is_built(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its submitter finds the lock taken and leaves; the builder looks again without it."""
    take, late = queue.take, [a_request("late")]

    def take_and_be_late(state: State) -> Taken | None:
        taken = take(state)
        if taken is None and late:
            background.submit(state, late.pop(), builder.drain)
        return taken

    monkeypatch.setattr(queue, "take", take_and_be_late)
    background.submit(builder.state, a_request("early"), builder.drain)
    assert builder.built == ["early", "late"]


def test_a_request_that_arrives_during_a_build_is_built_after_it(builder: Builder) -> None:
    requests = [a_request("second"), a_request("third")]

    def build(request: Request, progress: Progress) -> list[Record]:
        for later in requests:
            assert background.submit(builder.state, later, builder.drain)
        requests.clear()
        return builder.build(request, progress)

    background.submit(
        builder.state, a_request("first"), lambda: background.drain(builder.state, build)
    )
    assert builder.built == ["first", "third"]


def test_what_a_builder_took_and_did_not_begin_is_built_by_the_next(builder: Builder) -> None:
    queue.put(builder.state, a_request("a"))
    queue.take(builder.state)
    builder.drain()
    assert builder.built == ["a"]


def test_a_build_that_raises_does_not_keep_others_from_being_built(builder: Builder) -> None:
    def build(request: Request, progress: Progress) -> list[Record]:
        if request.root == "/bad":
            raise ValueError("two\nlines")
        return builder.build(request, progress)

    queue.put(builder.state, a_request("good", submitted=1.0))
    queue.put(builder.state, a_request("bad", submitted=2.0, root="/bad"))
    background.drain(builder.state, build)
    assert builder.built == ["good"]
    (notice,) = builder.state.take_notices()
    assert "ValueError: two lines" in notice


@pytest.mark.parametrize(("module", "look"), [(runs, "running"), (queue, "newest_first")])
def test_who_watches_finds_a_build_that_begins_while_it_looks(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, module: ModuleType, look: str
) -> None:
    """It was in the queue when it wasn't running yet, and ran when it was no longer in there."""
    begun, watched = threading.Event(), threading.Event()

    def build(request: Request, progress: Progress) -> list[Record]:
        begun.set()
        assert watched.wait(10)
        return builder.build(request, progress)

    thread = threading.Thread(target=background.drain, args=(builder.state, build))
    looked: Callable[..., Any] = getattr(module, look)

    def look_and_be_overtaken(*arguments: Any) -> Any:
        seen = looked(*arguments)
        monkeypatch.setattr(module, look, looked)
        thread.start()
        assert begun.wait(10)
        threading.Timer(0.3, watched.set).start()
        return seen

    queue.put(builder.state, a_request("a"))
    monkeypatch.setattr(module, look, look_and_be_overtaken)
    assert background.follow(builder.state, str) == "passed"
    thread.join()
