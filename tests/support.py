"""A real git repository that tests write to, for every part's tests.

git is called here directly, not through ``ckpt_git.process``: what is tested must not also be
the witness.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Submodules and clones of a test come from folders, which git allows only when asked to;
# a background gc would write into a repository that a test is looking at.
_CONFIG = ("-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "maintenance.auto=false")


def clock_set(jump: str) -> dict[str, str]:
    """Variables by which programs find the clock set by ``jump`` (``+1h``, ``-400d``): faketime(1).

    Its command shares a name with others between processes, which stays where it is killed.
    """
    return {"LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1", "FAKETIME": jump}


def eventually(holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait until ``holds``; fails the test where it doesn't come true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write below ``folder``: by a mount for root, else by its modes."""
    if os.geteuid() == 0:
        try:
            subprocess.run(["mount", "--bind", folder, folder], check=True)
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        except subprocess.CalledProcessError:
            pytest.skip("needs mount(8) to be allowed")
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    modes = {path: path.stat().st_mode for path in folders}
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(modes[path])


def until_on_disk(store: Path) -> None:
    """Wait until the entries of a store are on disk, which a busy machine takes its time for: each
    one's mark goes then, and with it the folder's mtime changes."""
    eventually(lambda: not any(store.glob("entries/*/unsynced")), "the entries are on disk", 60)


@dataclass(frozen=True)
class GitRepo:
    """A repository at ``path``. Ids are full hex; paths are relative to ``path``."""

    path: Path

    @classmethod
    def init(cls, path: Path, *, bare: bool = False, object_format: str = "sha1") -> GitRepo:
        """A new, empty repository on branch ``main``; folders above ``path`` are made."""
        path.mkdir(parents=True, exist_ok=True)
        repo = cls(path)
        kind = ["--bare"] if bare else []
        repo.git("init", "-q", "-b", "main", f"--object-format={object_format}", *kind, ".")
        return repo

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        ok: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> str:
        """What ``git ARGUMENTS`` printed, less the last line's end.

        Raises ``AssertionError`` with git's own words for a code that is not in ``ok``.
        """
        done = subprocess.run(
            ["git", *_CONFIG, *arguments],
            cwd=self.path,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            check=False,
        )
        said = os.fsdecode(done.stderr)
        assert done.returncode in ok, f"git {arguments} ended with {done.returncode}: {said}"
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, path: str, content: str | bytes = "", *, executable: bool = False) -> Path:
        """Write a file, with the folders above it; whatever was at ``path`` is replaced."""
        file = self.path / path
        self.remove(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else os.fsencode(content))
        file.chmod(0o755 if executable else 0o644)
        return file

    def link(self, path: str, target: str) -> Path:
        """Make a symlink; whatever was at ``path`` is replaced."""
        file = self.path / path
        self.remove(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)
        return file

    def remove(self, path: str) -> None:
        """Remove the file or the folder at ``path``, if there is one."""
        file = self.path / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)

    def commit(
        self, message: str = "change", files: Mapping[str, str | bytes] | None = None
    ) -> str:
        """Write ``files``, commit everything in the work tree and return the commit's id."""
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        """The id of the commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def tree(self, revision: str = "HEAD") -> str:
        """The id of a revision's tree; ``"HEAD:folder"`` gives a folder's."""
        suffix = "" if ":" in revision else "^{tree}"
        return self.git("rev-parse", "--verify", revision + suffix)

    def clone(self, path: Path, *options: str) -> GitRepo:
        """Clone to ``path``, as over a network, so that ``--depth`` and filters hold."""
        self.git("clone", "-q", *options, f"file://{self.path}", str(path))
        return GitRepo(path)

    def add_submodule(self, path: str, source: GitRepo) -> None:
        """Add ``source``'s HEAD as a submodule at ``path``, not yet committed."""
        self.git("submodule", "--quiet", "add", "-f", str(source.path), path)
