"""Which operation git is in (rebase, merge, …), read from git's own files as git-status does."""

from __future__ import annotations

from pathlib import Path

# The first that is there. A rebase stops on a CHERRY_PICK_HEAD too, and `git am` shares its
# folder with one kind of rebase: wt-status.c, "wt_status_get_state".
_MARKS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("MERGE_HEAD", "merge"),
    ("BISECT_LOG", "bisect"),
)


def in_progress(git_dir: Path) -> str | None:
    """The name of git's unfinished command in this work tree, or None."""
    found = next((name for mark, name in _MARKS if (git_dir / mark).exists()), None)
    return found or _between_picks(git_dir / "sequencer" / "todo")


def _between_picks(todo: Path) -> str | None:
    """A series of picks or reverts goes on although the one that stopped was committed."""
    try:
        first = todo.read_bytes().split(maxsplit=1)[:1]
    except OSError:
        return None
    return {b"pick": "cherry-pick", b"revert": "revert"}.get(b"".join(first))
