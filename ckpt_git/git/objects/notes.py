"""Writes results as git notes on ``refs/notes/ckpt``: the one ref of ours, and only when asked for.

``git log --notes=ckpt`` shows them: git-notes(1).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.process import ProcessError

_NO_IDENTITY = ("tell me who you are", "auto-detect", "empty ident", "no email was given")
_OURS = ("-c", "user.name=ckpt-git", "-c", "user.email=ckpt-git@localhost")


def write_note(at: Location, commit: str, text: str) -> None:
    """Attach ``text`` to ``commit``, in place of the note that is there.

    Written as the user; where git knows no user, as ckpt-git. Moves no other ref. Raises
    ``RepositoryError`` and ``StoreError``.
    """
    try:
        _add(at, commit, text, ())
    except ProcessError as error:
        if not any(words in os.fsdecode(error.stderr).lower() for words in _NO_IDENTITY):
            raise explained(error, f"write a note on {commit}") from error
        try:
            _add(at, commit, text, _OURS)
        except ProcessError as again:
            raise explained(again, f"write a note on {commit}") from again


def _add(at: Location, commit: str, text: str, identity: Sequence[str]) -> None:
    command = ("notes", "--ref=ckpt", "add", "--force", "--file=-", commit)
    at.git(*identity, *command, stdin=os.fsencode(text))
