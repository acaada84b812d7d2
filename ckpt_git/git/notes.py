"""Writes results as git notes on ``refs/notes/ckpt``: the one ref of ours, and only when asked for.

``git log --notes=ckpt`` shows them: git-notes(1).
"""

from __future__ import annotations

import os

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError, run

_NO_IDENTITY = ("tell me who you are", "auto-detect", "empty ident", "no email was given")
_OURS = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "ckpt-git"), ("EMAIL", "ckpt-git@localhost"))
}


def write_note(at: Location, commit: str, text: str) -> None:
    """Attach ``text`` to ``commit``, in place of the note that is there.

    Written as the user; where git knows no user, as ckpt-git. Moves no other ref. Raises
    ``RepositoryError`` and ``StoreError``.
    """
    try:
        _add(at, commit, text, {})
    except ProcessError as error:
        if not any(words in os.fsdecode(error.stderr).lower() for words in _NO_IDENTITY):
            raise explained(error, f"write a note on {commit}") from error
        try:
            _add(at, commit, text, _OURS)
        except ProcessError as again:
            raise explained(again, f"write a note on {commit}") from again


def _add(at: Location, commit: str, text: str, identity: dict[str, str]) -> None:
    env = {"GIT_DIR": str(at.git_dir), "LANGUAGE": "", **identity}
    command = ("notes", "--ref=ckpt", "add", "--force", "--file=-", commit)
    run(["git", *command], cwd=at.git_dir, env=env, stdin=os.fsencode(text))
