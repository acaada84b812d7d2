"""Builds in the background: one builder at a time for a repository, fed by a queue.

    submit ──> queue ──> drain (the builder) ──> records, notices
                           │ running.json, logs
                           └──> running, follow, cancel (anyone)

Every process with a request may become the builder: the one that gets the lock ``BUILDER``. It
builds the requests of the others, too. No request is lost: its submitter puts it into the queue
before it tries the lock, and the builder looks at the queue once more after it has released the
lock. The caller passes in how a tree is built; nothing here calls git or an engine.
"""

from __future__ import annotations

import codecs
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from ckpt_git import waiting
from ckpt_git.builds.background import notices
from ckpt_git.builds.background.descendants import kill_descendants, kill_tree
from ckpt_git.engines.protocol import Announce, Event
from ckpt_git.kept_files import DamagedError, read_kept
from ckpt_git.model.record import Record
from ckpt_git.records import queue, runs
from ckpt_git.records.lock import exclusive
from ckpt_git.records.queue import Request
from ckpt_git.records.runs import ALIVE, BUILDER, Ending, Progress, Running
from ckpt_git.records.state import State

Build = Callable[[Request, Progress], list[Record]]
"""Builds a request, reports to ``Progress``, and returns the records. It raises where a tree can't
be built at all; the builder goes on with the next request."""

_CANCEL_SECONDS = 5.0
_START_SECONDS = 30.0
_POLL_SECONDS = 0.05


# -- asking ---------------------------------------------------------------------------------------


def submit(state: State, request: Request, spawn: Callable[[], None]) -> bool:
    """Put ``request`` into the queue, and start a builder if none runs.

    Returns False if the current run builds the same. ``spawn`` starts a builder
    (``detach.spawn_builder``), or is one. Raises ``StoreError``.
    """
    if _is_covered(state, request):
        return False
    queue.put(state, request)
    now = running(state)
    if now is not None and now.request.idle and not request.idle:
        _have_it_give_way(state, now)
        queue.put(state, request)  # again: the builder may have got to it this very moment
        now = None
    if now is None:
        spawn()
    return True


def announce_to(progress: Progress) -> Announce:
    """A listener that passes a build's phases and logs on to ``progress``."""

    def announce(package: str, event: Event) -> None:
        if event.kind == "log":
            progress.log(package, Path(event.text))
        elif event.kind == "phase":
            progress.phase(event.text)

    return announce


def _have_it_give_way(state: State, now: Running) -> None:
    """End an idle run, and put its request back into the queue."""
    runs.keep_ending(state, now, "gave way")  # first: nobody is to take it for a crash
    queue.put(state, now.request)
    _end(now)
    running(state)


def _is_covered(state: State, request: Request) -> bool:
    """Whether the current run builds the same. A run that is being cancelled doesn't."""
    now = running(state)
    if now is None or runs.ended(state, now.id) is not None:
        return False
    return now.request.covers(request)


# -- the builder ----------------------------------------------------------------------------------


def drain(state: State, build: Build) -> None:
    """Build all requests, newest first. Return at once if another process is the builder.

    Raises ``StoreError`` if the queue can't be written, and ``KeyboardInterrupt`` after a cancelled
    build has been cleaned up.
    """
    while queue.waiting(state):
        with exclusive(state.lock(BUILDER), wait=False) as first:
            if not first:
                return
            _build_all(state, build)


def _build_all(state: State, build: Build) -> None:
    with exclusive(state.lock(ALIVE)):
        runs.clear_up(state, partial(notices.tell_death, state))
        while (taken := queue.take(state)) is not None:
            progress = Progress(state, taken.request)
            queue.acknowledge(taken)
            _build_one(state, progress, build)


def _build_one(state: State, progress: Progress, build: Build) -> None:
    try:
        records = build(progress.now.request, progress)
    except KeyboardInterrupt:
        kill_descendants(os.getpid())
        progress.end("cancelled")
        raise
    except Exception as error:  # whatever it is, the next request is to be built
        notices.tell_error(state, error, "a background build could not run")
        progress.end("error")
    else:
        notices.tell_failures(state, records)
        progress.end("passed" if all(record.passed for record in records) else "failed")


# -- looking on -----------------------------------------------------------------------------------


def running(state: State) -> Running | None:
    """The run in the background, or None. A builder that died is reported once."""
    return runs.running(state, partial(notices.tell_death, state))


def follow(state: State, write: Callable[[str], object]) -> Ending | None:
    """Write the log of the current run from its start, go on as it grows, and return how it ended.
    Waits for a run that is about to start. Returns None where there is none."""
    before, reader = runs.ends(state), _Reader()
    now = _wait_for_start(state)
    if now is None:
        ended = runs.last_ended(state, besides=before)  # it was over before it was seen
    else:
        while (current := running(state)) is not None and current.id == now.id:
            reader.copy(current.logs, write)
            waiting.pause(_POLL_SECONDS)
        ended = runs.ended(state, now.id)
    if ended is None:
        return None
    reader.copy(ended.logs, write)
    return ended.ending


def cancel(state: State, spawn: Callable[[], None]) -> Running | None:
    """End the background run with all its processes, and empty the queue.

    Returns that run. It leaves no record: an interrupted build isn't a failed one. A request that
    comes meanwhile is built: its submitter may have counted on the builder that was ended, so
    ``spawn`` starts another. Raises ``StoreError``.
    """
    queue.clear(state)
    now = _wait_for_start(state)
    if now is None:
        return None
    runs.keep_ending(state, now, "cancelled")  # first: nobody is to take it for a crash
    _end(now)
    running(state)
    queue.forget(state, now.request)
    if queue.waiting(state):
        spawn()
    return now


def _end(run: Running) -> None:
    """End a builder with all its processes: first SIGTERM, after some seconds SIGKILL."""
    with suppress(ProcessLookupError):
        os.kill(run.pid, signal.SIGTERM)
    if not _wait_for_end(run, _CANCEL_SECONDS):
        kill_tree(run.pid)
        _wait_for_end(run, _CANCEL_SECONDS)


def _wait_for_start(state: State) -> Running | None:
    """The current run; waits for one that is about to start. None if there is neither.

    It looks first whether one is about to start, and then whether one runs: so it can't miss one
    that starts in between.
    """
    for _ in waiting.turns(_START_SECONDS, _POLL_SECONDS):
        coming = runs.is_starting(state) or queue.waiting(state)
        now = running(state)
        if now is not None or not coming:
            return now
    return None


def _wait_for_end(run: Running, seconds: float) -> bool:
    return any(not runs.lives(run) for _ in waiting.turns(seconds, _POLL_SECONDS))


class _Reader:
    """Copies logs that grow, each byte once, in the order in which the logs were begun."""

    def __init__(self) -> None:
        self._position: dict[str, int] = {}
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def copy(self, logs: tuple[str, ...], write: Callable[[str], object]) -> None:
        for log in logs:
            with suppress(OSError, DamagedError):
                said = read_kept(Path(log), self._position.get(log, 0))
                self._position[log] = self._position.get(log, 0) + len(said)
                if text := self._decoder.decode(said):
                    write(text)
