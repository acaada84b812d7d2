"""``verify = "idle"``: what the background built is compared with a clean build, at leisure.

It waits in the queue behind all else, and gives way to what comes while it runs. It runs in a
process of its own, since a process that has stepped back can't step forward again: the builder
may have a commit to build next.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ckpt_git.builds import notices
from ckpt_git.builds.build import BuildOptions, build
from ckpt_git.builds.context import Context
from ckpt_git.builds.descendants import die_with_parent, kill_descendants
from ckpt_git.builds.detach import let_go_of_descriptors, lower_priority
from ckpt_git.builds.noting import keep_note
from ckpt_git.engines.protocol import Event
from ckpt_git.git.repository import Target
from ckpt_git.model.record import Record
from ckpt_git.records import queue
from ckpt_git.records.queue import IDLE, Request, Wanted
from ckpt_git.records.running import Progress

_LOWEST = 19  # nice(2)
_ENDING_SECONDS = 4.0  # less than who cancels a run waits for it


def ask_for_verification(
    context: Context, request: Request, wanted: Wanted, records: Sequence[Record]
) -> None:
    """Put what may be verified of a tree that was just built into the queue, in place of an older
    tree of this work tree. Raises ``StoreError``."""
    packages = context.config(wanted.tree).packages
    names = tuple(
        record.package
        for record in records
        if packages[record.package].verify == "idle" and _can_be_verified(record)
    )
    if names:
        queue.put(context.state, Request(request.root, (wanted,), IDLE, packages=names))


def _can_be_verified(record: Record) -> bool:
    """Whether it came from a checkpoint, wasn't compared yet, and there is what to compare."""
    return (
        record.passed
        and record.made != "clean"
        and record.verified is None
        and record.out is not None
    )


def verify_request(request: Request, progress: Progress) -> list[Record]:
    """Verify what ``request`` wants, in a process of its own. Nothing comes of it but what is kept
    and told: the records were made before."""
    pid = os.fork()
    if pid == 0:
        _be_idle(request, progress)
    try:
        os.waitpid(pid, 0)
    except KeyboardInterrupt:
        _end(pid)
        raise
    return []


def _be_idle(request: Request, progress: Progress) -> None:
    """The child's life. None of the builder's locks and files is its own."""
    code = 1
    try:
        let_go_of_descriptors()
        die_with_parent()
        lower_priority(_LOWEST, "idle")
        if not _verify(request, progress):
            progress.ends_as("different")
        code = 0
    except KeyboardInterrupt:
        kill_descendants(os.getpid())
    except Exception as error:  # whatever it is, it is to be told
        state = Context.open(Path(request.root)).state
        notices.tell_error(state, error, "a verification came to nothing")
        progress.ends_as("error")
    finally:
        os._exit(code)


def _verify(request: Request, progress: Progress) -> bool:
    """Whether all was as a clean build gives it."""
    from ckpt_git.builds.verify import verify  # noqa: PLC0415 - for who asked for it

    def announce(package: str, event: Event) -> None:
        if event.kind == "log":
            progress.log(package, Path(event.text))
        elif event.kind == "phase":
            progress.phase(event.text)

    context = Context.open(Path(request.root))
    identical = True
    for wanted in request.wanted:
        target = Target(wanted.kind, wanted.name, wanted.tree, wanted.commit)
        for name in request.packages:
            options = BuildOptions((name,))
            [record] = build(context, target, options, announce)
            if _can_be_verified(record):
                [verdict] = verify(context, target, options, announce)
                if not verdict.identical:
                    identical = False
                    notices.tell_difference(context.state, record, verdict.differences)
        keep_note(context, wanted, build(context, target, BuildOptions(), announce))
    return identical


def _end(pid: int) -> None:
    """End the child, kindly if it can be: it has a build to clear up after."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    _wait(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _ENDING_SECONDS
    with suppress(ChildProcessError):
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.02)
