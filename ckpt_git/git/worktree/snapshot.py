"""The work tree or the index as a tree: a snapshot in our own object folder.

Writes to ``.git/ckpt`` alone. git works on a copy of the user's index, which keeps the index's
own time: with a newer one git would take a file that was edited in the index's last instant
for unchanged (Documentation/technical/racy-git.txt).

What is in it is what ``git commit --all`` would commit. So a file that was announced with
``git add --intent-to-add`` is in, and of a submodule the commit that is checked out. Files
marked skip-worktree or assume-unchanged, and those that a sparse checkout leaves out, are as
the index has them: git was told not to look.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from ckpt_git.git.errors import explained, refuse_failed_filter
from ckpt_git.git.location import Location
from ckpt_git.git.worktree.temporary import scratch_folder
from ckpt_git.model.errors import RepositoryError, StoreError
from ckpt_git.process import ProcessError

# A dirty submodule changes nothing: its checked-out commit counts. Asking for its state would
# cost a process each.
_DIFF_FILES = ("diff-files", "-z", "--raw", "--ignore-submodules=dirty")
_RECORD = re.compile(r":\d{6} \d{6} [0-9a-f]+ [0-9a-f]+ ([A-Z])\d*\0([^\0]+)\0")
_DAY = 86400.0  # seconds
_NAMED = 3
"""So many paths are named in an error."""


def snapshot_index(at: Location) -> str:
    """The id of the tree that the index holds. Raises ``RepositoryError``, ``StoreError``."""
    with scratch_folder(at) as room:
        index = _copy_index(at, room)
        try:
            return _write_tree(at, index)
        except ProcessError as error:
            _refuse_unmerged(_unmerged(at, index))
            raise explained(error, "take a snapshot of the index") from error


def snapshot_work_tree(at: Location) -> str:
    """The id of the tree of the tracked files as they are now.

    Raises ``RepositoryError`` for conflicts, files that can't be read and filters that fail,
    and ``StoreError`` where the snapshot can't be written.
    """
    with scratch_folder(at) as room:
        index = _copy_index(at, room)
        try:
            _update(at, index)
            return _write_tree(at, index)
        except ProcessError as error:
            refuse_failed_filter(error.stderr)
            raise explained(error, "take a snapshot of the work tree") from error


def _update(at: Location, index: Path) -> None:
    """Bring ``index`` up to date with the work tree, as ``git add --update`` does.

    Not with that: it would resolve conflicts, and leave alone what a sparse checkout has no
    pattern for although the file is there.
    """
    found = _RECORD.findall(os.fsdecode(at.git(*_DIFF_FILES, index=index).stdout))
    _refuse_unmerged([path for status, path in found if status == "U"])
    gone = [path for status, path in found if status == "D"]
    changed = [path for status, path in found if status != "D"]
    for options, paths in ((["--force-remove"], gone), (["--add", "--remove"], changed)):
        if paths:
            stdin = os.fsencode("\0".join(paths))
            command = ("update-index", *options, "-z", "--stdin")
            done = at.git(*command, index=index, stdin=stdin, writes=True)
            refuse_failed_filter(done.stderr)


def _write_tree(at: Location, index: Path) -> str:
    return at.git("write-tree", index=index, writes=True).stdout.decode().strip()


def _copy_index(at: Location, room: Path) -> Path:
    """A copy of the index with its time; no file where there is no index (nothing tracked)."""
    copy = room / "index"
    try:
        # Opened once: git replaces its index by rename, so this is one whole state of it.
        with (at.git_dir / "index").open("rb") as index:
            copy.write_bytes(index.read())
            status = os.fstat(index.fileno())
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoreError(f"cannot copy the index to {room}: {error.strerror}") from error
    return copy


def _unmerged(at: Location, index: Path) -> list[str]:
    listed = os.fsdecode(at.git("ls-files", "-z", "--unmerged", index=index).stdout)
    return [item.partition("\t")[2] for item in listed.split("\0") if item]


def _refuse_unmerged(paths: list[str]) -> None:
    names = list(dict.fromkeys(paths))
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise RepositoryError(
            f"unresolved conflicts in {', '.join(names[:_NAMED])}{more}",
            "resolve them and `git add` the files",
        )


def forget_snapshots(at: Location, before: float) -> int:
    """Remove what no snapshot has used since ``before`` (Unix seconds); the bytes freed.

    git renews the time of an object that it would have to write again, so what the snapshots
    of today share with an old one stays. What a checkpoint needs of its tree, it carries. What was
    used on the last day of all stays, too: who asks may have another clock, and a build may run.
    """
    before = min(before, _newest(at) - _DAY)
    freed = 0
    for folder, _, names in os.walk(at.objects):
        for name in names:
            file = Path(folder, name)
            # Another process may be at the same work, or git may just have renamed a file.
            with suppress(OSError):
                status = file.lstat()
                if S_ISREG(status.st_mode) and status.st_mtime < before:
                    file.unlink()
                    freed += status.st_size
    return freed


def _newest(at: Location) -> float:
    """When an object was last used, in Unix seconds."""
    newest = 0.0
    for folder, _, names in os.walk(at.objects):
        for name in names:
            with suppress(OSError):
                newest = max(newest, Path(folder, name).lstat().st_mtime)
    return newest
