"""Wait until git has finished an operation of many steps. Its end is built; its steps aren't.

A hook is called for each step, and for the last one, too, while git's marks still stand. A rebase
tells of its end by itself (post-rewrite), so its steps are nothing to wait for; a series of picks
or of mails (``git am``) doesn't, so whoever is called first waits for all of it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ckpt_git import waiting
from ckpt_git.git.objects.trees import object_id
from ckpt_git.git.repository import Repository
from ckpt_git.git.worktree import operations
from ckpt_git.git.worktree.authorship import last_step_was_a_reset
from ckpt_git.process import ProcessError
from ckpt_git.records import pending
from ckpt_git.records.state import State

LONGEST = 600.0
"""Seconds that anyone waits: a conflict may stand for days, and who resolves it calls a hook."""

SERIES = ("post-commit", "post-applypatch")
"""The hooks that a series calls for each commit; their processes are told what was made."""

_STEPWISE = frozenset({"rebase", "bisect"})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds
_ENDING_SECONDS = 2.0


class Waiting(NamedTuple):
    """A process that waits until ``series`` (``cherry-pick``, …) ends in one of the work trees."""

    pid: int
    series: str
    mark: Path


def is_step(repo: Repository, hook: str) -> bool:
    """Whether ``hook`` was called for one step of a rebase or a bisection. A rebase calls a hook of
    its own at its end; a bisection ends where it began."""
    return hook != "post-rewrite" and repo.in_progress() in _STEPWISE


def made_in_series(repo: Repository, hook: str) -> str | None:
    """The commit that a series has just made; None where ``hook`` wasn't called for one."""
    in_series = hook in SERIES and repo.in_progress() is not None
    return object_id(repo, "HEAD") if in_series else None


def settled(repo: Repository, made: str | None, longest: float = LONGEST) -> bool:
    """Wait until git is in the middle of nothing; whether there is something to build then.

    There isn't after ``longest`` seconds, nor where the commit ``made``, which a series had made
    on its way, was taken back (``--abort``), and nothing was made since.
    """
    waited, next_pause = 0.0, _FIRST_PAUSE
    while repo.in_progress() is not None:
        if waited > longest:
            return False
        waiting.pause(next_pause)
        waited += next_pause
        next_pause = min(2 * next_pause, _LONGEST_PAUSE)
    if made is None or repo.top is None or repo.is_gone:
        return True
    return _is_part_of_head(repo, made) or not last_step_was_a_reset(repo)


def waiting_processes(repo: Repository, state: State) -> list[Waiting]:
    """Who waits, in any work tree of the repository."""
    found = []
    for mark in pending.marks(state):
        pid = pending.process_of(mark)
        series = operations.in_progress(pending.git_dir_of(mark, repo.common_dir))
        if pid is not None and series is not None:
            found.append(Waiting(pid, series, mark))
    return found


def stop_waiting(repo: Repository, state: State) -> list[Waiting]:
    """End all processes that wait, and return them. git's operation goes on without a build; its
    next commit is waited for again."""
    stopped = waiting_processes(repo, state)
    _end(stopped)
    for one in stopped:
        pending.release(one.mark)  # which one that had hardly begun couldn't
    return stopped


def _end(processes: list[Waiting]) -> None:
    """They have begun nothing that they would have to clear up, and Python may lose what its
    handler of a signal raises, as in the callback of a weak reference while it imports."""
    left = processes
    for number in (signal.SIGTERM, signal.SIGKILL):
        for one in left:
            with suppress(ProcessLookupError):
                os.kill(one.pid, number)
        for _ in waiting.turns(_ENDING_SECONDS, _FIRST_PAUSE):
            left = [one for one in left if pending.process_of(one.mark) == one.pid]
            if not left:
                return


def _is_part_of_head(repo: Repository, commit: str) -> bool:
    try:
        repo.git("merge-base", "--is-ancestor", commit, "HEAD")
    except ProcessError:
        return False
    return True
