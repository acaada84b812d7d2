"""Where a repository lies, and how git is called for it: the base of everything in this folder.

Every call names the repository explicitly (``GIT_DIR``), so that git neither searches for it
anew nor ends up in another one. What we write goes to an object folder of our own, with the
repository's as its alternate; what we read is looked up in both: git(1), "The Git Repository".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.model.errors import StoreError
from ckpt_git.process import run

if TYPE_CHECKING:
    import subprocess

# What git says of a commit is read as UTF-8. In UTF-16, which the user may want of `git log`, the
# zeros that part one field from the next would be everywhere.
_SAID = ("-c", "i18n.logOutputEncoding=UTF-8")

# For calls with an index of our own. A hook or a monitor of the user's must not hear of it, a
# split index would leave shared parts in the user's git folder, and files are wanted whether or
# not a sparse checkout shows them. safecrlf only warns about what `git add` will do.
OWN_INDEX = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor="),
    *("-c", "core.splitIndex=false"),
    *("-c", "core.safecrlf=false"),
)


@dataclass(frozen=True)
class Location:
    """A repository's folders. All paths are absolute.

    ``top`` is the work tree's root, or None for a bare repository; ``git_dir`` and
    ``common_dir`` differ in a linked worktree; ``object_format`` is ``sha1`` or ``sha256``.
    ``trail`` has the paths of the submodules that led here; none in the repository itself.
    """

    top: Path | None
    git_dir: Path
    common_dir: Path
    object_format: str
    trail: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether this is a work tree that was removed since."""
        return self.top is not None and not (self.top.is_dir() and self.git_dir.is_dir())

    @property
    def state(self) -> Path:
        """The folder of ours, shared by all worktrees. Need not exist."""
        return self.common_dir / "ckpt"

    @property
    def objects(self) -> Path:
        """The object folder that holds our snapshots. May vanish at any time."""
        return self.state / "objects"

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        index: Path | None = None,
        work_tree: Path | None = None,
        writes: bool = False,
        umask: int = -1,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``git ARGUMENTS`` in the work tree's root, with paths taken literally.

        ``writes`` sends new objects to our own folder. Raises ``ProcessError`` for any exit
        code but 0 and ``StoreError`` where our folder can't be made.
        """
        place = work_tree or self.top
        env = {
            "GIT_DIR": str(self.git_dir),
            # A translation would hide the words we look for, even under a C locale.
            "LANGUAGE": "",
            "GIT_LITERAL_PATHSPECS": "1",
            **self._object_folders(writes=writes),
        }
        if place is not None:
            env["GIT_WORK_TREE"] = str(place)
        if index is not None:
            env["GIT_INDEX_FILE"] = str(index)
        options: Sequence[str] = OWN_INDEX if index is not None else ()
        cwd = place or self.git_dir
        command = ["git", *_SAID, *options, *arguments]
        return run(command, cwd=cwd, env=env, stdin=stdin, umask=umask)

    def _object_folders(self, *, writes: bool) -> dict[str, str]:
        theirs = self.common_dir / "objects"
        if writes:
            make_folder(self.objects)
            return {
                "GIT_OBJECT_DIRECTORY": str(self.objects),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(theirs),
            }
        if self.objects.is_dir():
            return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self.objects)}
        return {}


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it. Raises ``StoreError`` where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {folder}: {error.strerror}", "check free space and permissions"
        ) from error


def _quoted(path: Path) -> str:
    """A path for a colon-separated list: in C-style quotes, git(1), "The Git Repository"."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
