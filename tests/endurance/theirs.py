"""All that is the user's, as a value that can be compared: nothing of it may be written by us."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tests.support import GitRepo

Theirs = dict[str, str]
"""By name: a file's path, or what git says of refs."""

_OURS = {".git/ckpt"}
_MESSAGES = {".git/COMMIT_EDITMSG", ".git/ORIG_HEAD", ".git/FETCH_HEAD"}


def theirs(repo: GitRepo) -> Theirs:
    """The work tree with its dates, and all in ``.git`` but what is ours."""
    found = {"refs": repo.git("for-each-ref"), "HEAD": repo.git("rev-parse", "HEAD")}
    for path, status in _walk(repo.path, ""):
        found[path] = _seen(repo.path / path, status, dated=not path.startswith(".git/"))
    return found


def changes(before: Theirs, after: Theirs) -> list[str]:
    """What differs, a line for each."""
    return [
        f"{name}: {before.get(name, 'nothing')} became {after.get(name, 'nothing')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def files(found: Theirs) -> Theirs:
    """Those of the work tree alone."""
    return {
        path: seen
        for path, seen in found.items()
        if not path.startswith(".git/") and path not in ("refs", "HEAD")
    }


def _walk(top: Path, here: str) -> Iterator[tuple[str, os.stat_result]]:
    for entry in os.scandir(top / here):
        path = f"{here}/{entry.name}" if here else entry.name
        if path in _OURS or path in _MESSAGES:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(top, path)
        else:
            yield path, entry.stat(follow_symlinks=False)


def _seen(path: Path, status: os.stat_result, *, dated: bool) -> str:
    if stat.S_ISLNK(status.st_mode):
        what = f"link to {path.readlink()}"
    elif stat.S_ISREG(status.st_mode):
        what = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    else:
        what = "special"
    return f"{oct(status.st_mode)} {what}" + (f" of {status.st_mtime_ns}" if dated else "")
