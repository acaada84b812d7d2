"""Where it all happens: a temporary folder with a repository, a store, a home, and perhaps a disk
of its own that can be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.conftest import PROGRAMS
from tests.endurance.plain import Plain
from tests.endurance.processes import kill_all, processes
from tests.endurance.project import FILES, config, packages
from tests.support import GitRepo

ROOT = Path(__file__).parents[2]
CKPT: Sequence[str] = (sys.executable, "-P", "-m", "ckpt_git")
_DISK = "192m"


@dataclass(frozen=True)
class Site:
    """``disk`` is the small file system that holds the store, or nothing; ``names`` are the
    packages."""

    folder: Path
    repo: GitRepo
    store: Path
    disk: Path | None
    names: Sequence[str]
    plain: Plain

    @property
    def state(self) -> Path:
        return self.repo.path / ".git" / "ckpt"

    @property
    def kept(self) -> tuple[Path, Path]:
        """The folders that are ours."""
        return self.store, self.state

    @property
    def temporary(self) -> Path:
        """TMPDIR of all that is run."""
        return self.folder / "tmp"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CKPT_STORE": str(self.store),
            "TMPDIR": str(self.temporary),
        }


@contextmanager
def a_site(seed: int, *, large: bool) -> Iterator[Site]:
    """A new one, whose first commits are built. All that runs in it is ended with it."""
    folder = Path(tempfile.mkdtemp(prefix="ckpt-endurance-"))
    before = dict(os.environ)
    try:
        _isolate(folder)
        if not large:
            os.environ["CKPT_PROGRAMS"] = str(PROGRAMS)  # else they are compiled, and damaged, too
        with _disk(folder, Random(f"{seed}:layout")) as (disk, on_disk):
            yield _made(folder, disk, on_disk, packages(large=large))
            kill_all(folder.name)
    finally:
        os.environ.clear()
        os.environ.update(before)
        kill_all(folder.name)
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path, disk: Path | None, on_disk: bool, names: Sequence[str]) -> Site:
    place = disk if disk is not None and on_disk else folder
    repo = GitRepo.init(place / "repository")
    plain, store = folder / "plain", (disk or folder) / "store"
    for made in (plain, folder / "tmp"):
        made.mkdir()
    site = Site(folder, repo, store, disk, names, Plain(repo, plain))
    for path, text in FILES.items():
        if path.split("/")[0] in names:
            repo.write(path, text)
    repo.write("ckpt.toml", config(list(names)))
    repo.git("config", "ckpt.storeLimit", "2G")
    repo.commit("first")
    GitRepo.init(folder / "remote.git", bare=True)
    repo.git("remote", "add", "origin", str(folder / "remote.git"))
    _run(site, *CKPT, "init")
    repo.write("script/in/a", "stashed\n")
    repo.git("stash")
    repo.write("script/in/a", "second\n")
    _run(site, "git", "commit", "-q", "-a", "-m", "second")
    _run(site, *CKPT, "watch")
    return site


def _run(site: Site, *command: str) -> None:
    done = subprocess.run(
        command, cwd=site.repo.path, env=site.environment(), capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@contextmanager
def _disk(folder: Path, chance: Random) -> Iterator[tuple[Path | None, bool]]:
    """A small file system, for three of four seeds where it may be mounted; and whether the
    repository lies on it, too."""
    wanted, on_disk = chance.random() < 0.75, chance.random() < 0.5
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", folder.name, str(disk)]
    if not wanted or os.geteuid() or subprocess.run(mount, check=False).returncode:
        yield None, False
        return
    try:
        yield disk, on_disk
    finally:
        _unmount(folder, disk)


def _unmount(folder: Path, disk: Path) -> None:
    deadline = time.monotonic() + 10
    while processes(folder.name) and time.monotonic() < deadline:
        time.sleep(0.05)
    subprocess.run(["umount", "-l", disk], check=True)


def _isolate(folder: Path) -> None:
    """As the tests' own set-up does: none of the user's configuration."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_", "CKPT_")):
            del os.environ[name]
    who = {"NAME": "A U Thor", "EMAIL": "author@example.com"}
    for person in ("AUTHOR", "COMMITTER"):
        os.environ.update({f"GIT_{person}_{key}": value for key, value in who.items()})
    home = folder / "home"
    home.mkdir()
    os.environ.update(
        HOME=str(home),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CEILING_DIRECTORIES=str(folder.parent),
    )
    os.umask(0o022)
