"""What a build of the work tree leaves out: files that git neither tracks nor ignores.

That they are not built is a common surprise (NixOS/nix #7107), so they are named. A background
build names them once: again only where there are others than were named last.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from ckpt_git.builds.context import Context
from ckpt_git.kept_files import DamagedError, read_kept
from ckpt_git.model.derivation import digest
from ckpt_git.model.errors import StoreError
from ckpt_git.model.report.display_names import CONFIG_NAME, shown
from ckpt_git.records.files import publish

_NAMES_SHOWN = 10


def left_out(context: Context) -> list[str]:
    """The names; folders end in a slash. ``ckpt.toml`` counts wherever it is."""
    return [name for name in context.repo.untracked() if name != CONFIG_NAME]


def sentence(names: Sequence[str]) -> str:
    """What to tell, in one line."""
    some = ", ".join(map(shown, names[:_NAMES_SHOWN]))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"not built, as git doesn't track them: {some}{more}; `git add` those that matter"


def remember(context: Context, names: Sequence[str]) -> bool:
    """Note that the user was told of ``names`` in this work tree. Returns True if one of them is
    new. Best effort: if the note can't be written, nothing counts as new."""
    told = context.state.path / "untracked" / digest(str(context.repo.top))
    before: set[bytes] = set()
    with suppress(OSError, DamagedError):
        before = set(filter(None, read_kept(told).split(b"\0")))
    now = list(map(os.fsencode, names))
    if before == set(now):
        return False
    with suppress(StoreError):
        publish(told, b"\0".join(now))
        return not before.issuperset(now)
    return False
