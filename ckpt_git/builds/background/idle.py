"""While nothing else waits: build again from nothing what was built with a memory, and compare.

With ``verify = "idle"`` that is done for what the background built, and for any package once
``max_depth`` checkpointed builds lie behind a build: the clean build's checkpoint takes the place
of the deep one then, so that trust never rests on a long chain, nor a build on many layers.

It waits in the queue behind all else, and gives way to what comes while it runs. It runs in a
process of its own, since a process that has stepped back can't step forward again: the builder
may have a commit to build next.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ckpt_git import waiting
from ckpt_git.builds.background import notices
from ckpt_git.builds.background.builder import announce_to, submit
from ckpt_git.builds.background.descendants import die_with_parent, kill_descendants
from ckpt_git.builds.background.detach import close_descriptors, give_way, spawn_builder
from ckpt_git.builds.build import build
from ckpt_git.builds.checkpoints.follow import put_in_force
from ckpt_git.builds.checks import verify
from ckpt_git.builds.context import Context, in_what_is_left
from ckpt_git.builds.git_notes import keep_note
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.model.config.packages import Package
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target
from ckpt_git.records import checkpoints, queue
from ckpt_git.records.queue import IDLE, Request
from ckpt_git.records.runs import Progress

_ENDING_SECONDS = 4.0  # less than who cancels a run waits for it


def ask(context: Context, target: Target, records: Sequence[Record]) -> None:
    """Put what is to be compared of a tree that the background just built into the queue, in place
    of an older tree of this work tree. Raises ``StoreError``."""
    packages = context.config(target.tree).packages
    request = _request(
        context,
        target,
        [
            record
            for record in records
            if _is_deep(context, packages[record.package], record)
            or (packages[record.package].verify == "idle" and _can_be_compared(record))
        ],
    )
    if request is not None:
        queue.put(context.state, request)


def renew(context: Context, target: Target, records: Sequence[Record]) -> None:
    """Ask the background to build clean checkpoints in place of those with a long chain of builds
    behind them. Raises ``StoreError`` and ``MissingError``."""
    packages = context.config(target.tree).packages
    deep = [r for r in records if _is_deep(context, packages[r.package], r)]
    request = _request(context, target, deep)
    if request is not None:
        root = Path(request.root)
        submit(context.state, request, lambda: spawn_builder(context.state, root))


def _request(context: Context, target: Target, records: Sequence[Record]) -> Request | None:
    if not records:
        return None
    root = context.repo.top or context.repo.git_dir
    return Request(str(root), (target,), IDLE, packages=tuple(r.package for r in records))


def _can_be_compared(record: Record) -> bool:
    """Whether it came from a checkpoint, wasn't compared yet, and there is what to compare."""
    return (
        record.passed
        and record.made != "clean"
        and record.verified is None
        and record.out is not None
    )


def _is_deep(context: Context, package: Package, record: Record) -> bool:
    """Whether as many checkpointed builds as may be lie behind what the next build starts from."""
    if not record.passed or record.verified or record.depth < package.max_depth:
        return False
    if package.follow == "builds":
        return True
    in_force = checkpoints.in_force(context.state, package.name)
    return in_force is not None and in_force.id == record.left


def compare_request(request: Request, progress: Progress) -> list[Record]:
    """Compare what ``request`` asks for, in a process of its own. It returns no records: they were
    made before."""
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
        close_descriptors()
        die_with_parent()
        give_way()
        context = Context.open_asked(Path(request.root), progress.state.path.parent)
        if not in_what_is_left(context, lambda left: _compare(left, request, progress)):
            progress.ends_as("different")
        code = 0
    except KeyboardInterrupt:
        kill_descendants(os.getpid())
    except Exception as error:  # whatever it is, it is to be told
        notices.tell_error(progress.state, error, "a verification could not run")
        progress.ends_as("error")
    finally:
        os._exit(code)


def _compare(context: Context, request: Request, progress: Progress) -> bool:
    """Whether all was as a clean build gives it."""
    announce = announce_to(progress)
    identical = True
    for target in request.wanted:
        for name in request.packages:
            options = BuildOptions((name,))
            [record] = build(context, target, options, announce)
            if _can_be_compared(record):
                [verdict] = verify.verify(context, target, options, announce)
                if not verdict.identical:
                    identical = False
                    notices.tell_difference(context.state, record, verdict.differences)
                _put_in_force(context, verdict.clean)
            elif record.passed and record.made != "clean" and record.out is None:
                [clean] = build(context, target, replace(options, clean=True), announce)
                _put_in_force(context, clean)
        keep_note(context, target, build(context, target, BuildOptions(), announce))
    return identical


def _put_in_force(context: Context, clean: Record) -> None:
    """Put the clean build's checkpoint in force if the one of the same tree is. Later commits have
    their own."""
    in_force = checkpoints.in_force(context.state, clean.package)
    if in_force is not None and in_force.tree == clean.tree:
        put_in_force(context, clean)


def _end(pid: int) -> None:
    """End the child, kindly if it can be: it has a build to clear up after."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    _wait(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)


def _wait(holds: Callable[[], bool]) -> None:
    with suppress(ChildProcessError):
        for _ in waiting.turns(_ENDING_SECONDS, 0.02):
            if holds():
                break
