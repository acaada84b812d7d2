"""The mark of a process that a hook started and that has not yet looked at its work tree.

As long as it stands, whoever is called for a later event has nothing to do: that process will see
what happened. So a series of commits doesn't become one of processes. hooks/background.sh has the
same in the shell; the mark is one file for each work tree.

What was committed in a linked work tree is noted beside it: that tree may be removed before anyone
has looked, and the commit stays.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from ckpt_git.kept_files import DamagedError, make_way, read_kept, remove_file
from ckpt_git.records.runs import process_started
from ckpt_git.records.state import State

_PREFIX = "pending-"
_OBJECT_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def mark_of(state: State, git_dir: Path) -> Path:
    """The mark for the work tree whose git folder is ``git_dir``."""
    return state.path / f"{_PREFIX}{git_dir.name}"


def marks(state: State) -> list[Path]:
    """The marks of all work trees of a repository; those of processes that are gone, too."""
    return sorted(state.path.glob(f"{_PREFIX}*"))


def git_dir_of(mark: Path, common_dir: Path) -> Path:
    """The git folder of the work tree that ``mark`` is of: gitrepository-layout(5), "worktrees"."""
    name = mark.name.removeprefix(_PREFIX)
    return common_dir if name == common_dir.name else common_dir / "worktrees" / name


def process_of(mark: Path) -> int | None:
    """The process that has yet to look, or None; another one than this.

    What stands in ``mark`` is a pid and when it was started: the pid alone may be somebody else's
    by now.
    """
    with suppress(OSError, ValueError):
        pid, noted = map(int, read_kept(mark).split())
        if pid != os.getpid() and process_started(pid) == noted:
            return pid
    return None


def head_of(mark: Path) -> str | None:
    """The commit that HEAD of a linked work tree was at the last time that a hook was called there,
    by its work tree's ``mark``; None where nobody noted it."""
    with suppress(OSError, DamagedError):
        head = read_kept(_head(mark)).strip().decode("ascii", "replace")
        return head if _OBJECT_ID.fullmatch(head) else None
    return None


def note_head(mark: Path, commit: str) -> None:
    """Note that commit, as hooks/background.sh does. Best effort."""
    with suppress(OSError):
        make_way(_head(mark))
        _head(mark).write_text(f"{commit}\n")


def forget_head(mark: Path) -> None:
    """Nobody needs to know it any more: the work tree is gone."""
    with suppress(OSError):
        remove_file(_head(mark))


def _head(mark: Path) -> Path:
    return mark.with_name(f"head-{mark.name.removeprefix(_PREFIX)}")


def is_pending(mark: Path) -> bool:
    """Whether another process than this one has yet to look."""
    return process_of(mark) is not None


def claim(mark: Path) -> bool:
    """Be the process that will look; False where there is one. Best effort: two may look, too."""
    if is_pending(mark):
        return False
    with suppress(OSError):
        make_way(mark)
        mark.write_text(f"{os.getpid()} {process_started(os.getpid())}\n")
    return True


def release(mark: Path) -> bool:
    """Let go of the mark; False where another process has it by now, and looks later.

    That comes before the looking: who is called later starts another.
    """
    if is_pending(mark):
        return False
    with suppress(OSError):
        remove_file(mark)
    return True
