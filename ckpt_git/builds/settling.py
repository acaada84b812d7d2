"""Wait until git is through with what takes it many steps: their end is worth a build, they aren't.

A hook is called for each step, and for the last one, too, while git's marks still stand. A rebase
tells of its end by itself (post-rewrite), so its steps are nothing to wait for; a series of picks
or of mails (``git am``) doesn't, so whoever is called first waits for all of it. Reads only.
"""

from __future__ import annotations

import time

from ckpt_git.git.repository import Repository
from ckpt_git.git.trees import object_id
from ckpt_git.process import ProcessError

LONGEST = 600.0
"""Seconds that anyone waits: a conflict may stand for days, and who resolves it calls a hook."""

_STEPWISE = frozenset({"rebase", "bisect"})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds


def is_step(repo: Repository, hook: str) -> bool:
    """Whether ``hook`` was called for a step of what tells of its end, or ends where it began."""
    return hook != "post-rewrite" and repo.in_progress() in _STEPWISE


def settled(repo: Repository, longest: float = LONGEST) -> bool:
    """Wait until git is in the middle of nothing; whether what it had made by now is still there.

    False after ``longest`` seconds, and where all of it was taken back (``--abort``).
    """
    if repo.in_progress() is None:
        return True
    made = object_id(repo, "HEAD")
    deadline, pause = time.monotonic() + longest, _FIRST_PAUSE
    while repo.in_progress() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return made is not None and _is_part_of_head(repo, made)


def _is_part_of_head(repo: Repository, commit: str) -> bool:
    try:
        repo.git("merge-base", "--is-ancestor", commit, "HEAD")
    except ProcessError:
        return False
    return True
