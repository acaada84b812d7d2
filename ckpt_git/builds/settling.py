"""Wait until git is through with what takes it many steps: their end is worth a build, they aren't.

A hook is called for each step, and for the last one, too, while git's marks still stand. A rebase
tells of its end by itself (post-rewrite), so its steps are nothing to wait for; a series of picks
or of mails (``git am``) doesn't, so whoever is called first waits for all of it. Reads only.
"""

from __future__ import annotations

import time

from ckpt_git.git.made_here import last_step_was_a_reset
from ckpt_git.git.repository import Repository
from ckpt_git.git.trees import object_id
from ckpt_git.process import ProcessError

LONGEST = 600.0
"""Seconds that anyone waits: a conflict may stand for days, and who resolves it calls a hook."""

SERIES = ("post-commit", "post-applypatch")
"""The hooks that a series calls for each commit; their processes are told what was made."""

_STEPWISE = frozenset({"rebase", "bisect"})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds


def is_step(repo: Repository, hook: str) -> bool:
    """Whether ``hook`` was called for a step of what tells of its end, or ends where it began."""
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
    deadline, pause = time.monotonic() + longest, _FIRST_PAUSE
    while repo.in_progress() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return made is None or _is_part_of_head(repo, made) or not last_step_was_a_reset(repo)


def _is_part_of_head(repo: Repository, commit: str) -> bool:
    try:
        repo.git("merge-base", "--is-ancestor", commit, "HEAD")
    except ProcessError:
        return False
    return True
