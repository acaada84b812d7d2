"""Looking on, and ending a build: from the first line, at any time, and nothing left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from ckpt_git.builds.background import builder
from ckpt_git.records import queue, results
from ckpt_git.records.runs import Ending, Running, ended, is_starting
from tests.background.project import Project
from tests.records.values import a_request, notices
from tests.support import eventually


@dataclass
class Watcher:
    """``git ckpt watch`` in a thread."""

    project: Project
    text: str = ""
    ending: list[Ending | None] = field(default_factory=list)

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._watch)
        thread.start()
        return thread

    def _watch(self) -> None:
        self.ending.append(builder.follow(self.project.state, self._write))

    def _write(self, text: str) -> None:
        self.text += text


def test_watching_shows_the_log_from_its_start_and_how_it_ended(project: Project) -> None:
    project.commit()
    project.wait_for_builds(1)
    watcher = Watcher(project)
    thread = watcher.start()
    eventually(lambda: "building" in watcher.text, "what was printed before is shown")
    assert "built" not in watcher.text
    project.open_gate()
    thread.join(20)
    tree = project.repo.tree()
    assert watcher.text == f"building {tree}\nbuilt {tree}\n"
    assert watcher.ending == ["passed"]


def test_watching_waits_for_a_builder_that_starts_while_another_one_ends(project: Project) -> None:
    project.commit()
    project.wait_for_builds(1)
    project.hold.touch()
    project.commit(a="1")
    first = project.processes()
    project.open_gate()
    project.wait_for_records(1)
    eventually(lambda: len(project.processes()) < len(first), "the first builder is gone")
    assert is_starting(project.state)
    watcher = Watcher(project)
    thread = watcher.start()
    project.hold.unlink()
    thread.join(20)
    assert watcher.ending == ["passed"]
    assert project.wait_for_records(2)[0].commit == project.repo.head


def test_watching_right_after_a_commit_waits_for_the_builder_to_appear(project: Project) -> None:
    project.open_gate()
    project.commit(build_sh=project.script("exit 3\n"))
    watcher = Watcher(project)
    watcher.start().join(20)
    assert watcher.ending == ["failed"]
    assert watcher.text.startswith("building")


def test_watching_where_nothing_runs_returns_at_once(project: Project) -> None:
    assert builder.follow(project.state, print) is None


def test_watching_a_builder_that_is_killed_says_so(project: Project) -> None:
    project.commit()
    project.wait_for_builds(1)
    watcher = Watcher(project)
    thread = watcher.start()
    eventually(lambda: "building" in watcher.text, "it is watched")
    now = builder.running(project.state)
    assert now is not None
    os.kill(now.pid, signal.SIGKILL)
    thread.join(20)
    assert watcher.ending == ["died"]


_DAEMONS = """
setsid sh -c 'trap "" TERM INT HUP; sleep 1000' &
(setsid sh -c 'trap "" TERM; (sleep 1000 & sleep 1000)' &)
trap '' TERM
"""


def test_cancelling_ends_all_that_the_build_started(project: Project) -> None:
    project.commit(build_sh=_DAEMONS + project.script())
    project.wait_for_builds(1)
    eventually(lambda: len(project.processes()) >= 6, "daemons and their children run")
    watcher = Watcher(project)
    thread = watcher.start()
    eventually(lambda: "building" in watcher.text, "it is watched")
    cancelled = project.cancel()
    assert cancelled is not None
    assert cancelled.commit == project.repo.head
    assert project.processes() == []
    thread.join(20)
    assert watcher.ending == ["cancelled"]
    assert builder.running(project.state) is None
    assert notices(project.state) == [], "what was asked for is no news"
    assert results.history(project.state) == [], "an interrupted build is not a failed one"
    project.open_gate()
    project.commit(build_sh=project.script())
    assert project.wait_for_records(1)[0].passed


def test_cancelling_ends_a_builder_that_does_not_listen(project: Project) -> None:
    project.commit(build_sh=_DAEMONS + project.script())
    project.wait_for_builds(1)
    eventually(lambda: len(project.processes()) >= 6, "daemons and their children run")
    now = builder.running(project.state)
    assert now is not None
    os.kill(now.pid, signal.SIGSTOP)
    assert project.cancel() is not None
    assert project.processes() == []
    assert notices(project.state) == []


def test_cancelling_also_forgets_what_waits(project: Project) -> None:
    project.commit(a="1")
    project.wait_for_builds(1)
    project.commit(a="2")
    eventually(lambda: queue.waiting(project.state) != [], "a request waits")
    project.cancel()
    project.wait_until_idle()
    assert queue.waiting(project.state) == []
    assert len(project.built()) == 1


def test_cancelling_right_after_a_commit_does_not_miss_its_builder(project: Project) -> None:
    project.commit()
    assert project.cancel() is not None
    project.wait_until_idle()
    assert results.history(project.state) == []


@pytest.mark.parametrize("change", ["2", "1"], ids=["another tree", "the same tree"])
def test_what_is_committed_while_another_build_is_cancelled_is_built(
    project: Project, change: str
) -> None:
    """Its builder was started, found the other one still there, and left it to that one."""
    project.commit(a="1")
    with _being_cancelled(project):
        project.commit(a=change)
        eventually(lambda: queue.waiting(project.state) != [], "the commit waits")
    project.open_gate()
    (record,) = project.wait_for_records(1)
    assert record.commit == project.repo.head


@contextmanager
def _being_cancelled(project: Project) -> Iterator[Running]:
    """The moment between asking what is built now to end, and its end."""
    project.wait_for_builds(1)
    now = builder.running(project.state)
    assert now is not None
    os.kill(now.pid, signal.SIGSTOP)
    cancelling = threading.Thread(target=project.cancel)
    cancelling.start()
    eventually(lambda: ended(project.state, now.id) is not None, "it is being cancelled")
    yield now
    os.kill(now.pid, signal.SIGCONT)
    cancelling.join(20)


def test_what_is_cancelled_at_the_moment_it_is_begun_does_not_come_back(
    project: Project,
) -> None:
    """Killed between saying that it builds and taking the request from the queue."""
    project.commit()
    with _being_cancelled(project) as now:
        queue.put(project.state, now.request)
        queue.take(project.state)
    project.open_gate()
    project.wait_until_idle()
    assert queue.waiting(project.state) == []
    assert len(project.built()) == 1


def test_cancelling_where_nothing_runs_does_nothing(project: Project) -> None:
    assert project.cancel() is None


def test_a_request_is_built_by_a_builder_that_is_spawned_for_it(project: Project) -> None:
    """As ``git ckpt build --background`` does it: ``drain`` builds what waits."""
    project.open_gate()
    tree, top = project.repo.tree(), str(project.repo.path)
    request = a_request(tree, root=top, why=queue.BY_HAND)
    assert builder.submit(project.state, request, project.start_builder)
    assert project.wait_for_records(1)[0].tree == tree
    project.wait_until_idle()
    assert not is_starting(project.state)
