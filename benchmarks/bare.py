"""Builds with the project's own commands and nothing of ours: persistent trees and clean ones.

A tree has no `.git` in it, as in the sandbox: some projects ask `git describe` for their version.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import GIT_ENVIRONMENT
from ckpt_git.model.derivation import PHASES
from ckpt_git.process import run

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What the local engine gives a build, so that the commands are in the same surroundings.
_VARIABLES = {
    "HOME": "/homeless-shelter",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    "SOURCE_DATE_EPOCH": "315532800",
    "NIX_BUILD_CORES": str(len(os.sched_getaffinity(0))),
}
_CACHES = {"XDG_CACHE_HOME": ".", "CARGO_HOME": "cargo", "GOPATH": "go"}


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder with the files of some commit of ``repository``, and where its build installs."""

    repository: Path
    folder: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Run:
    """One build: whether it passed, its wall-clock seconds, and all that it printed."""

    passed: bool
    seconds: float
    log: bytes


def check_out(tree: Tree, commit: str) -> None:
    """Bring the tree to ``commit`` as `git checkout` does: only files that differ are written, and
    what a build wrote into tracked ones stays, unless the commit changes them, too."""
    tree.folder.mkdir(parents=True, exist_ok=True)
    variables = {
        **GIT_ENVIRONMENT,
        "GIT_DIR": str(tree.repository / ".git"),
        "GIT_WORK_TREE": str(tree.folder),
        "GIT_INDEX_FILE": str(_beside(tree, "index")),
    }
    kept = _beside(tree, "commit")
    ways = [["--reset", "-u", commit]]
    if kept.exists():
        ways.insert(0, ["-m", "-u", kept.read_text(), commit])
    for way in ways:
        ok = (0,) if way is ways[-1] else (0, 128)
        done = run(["git", "read-tree", *way], cwd=tree.folder, env=variables, ok=ok)
        if done.returncode == 0:
            break
    kept.write_text(commit)


def remove(tree: Tree) -> None:
    """Forget the tree's files and what was built of them: the next build is a clean one."""
    shutil.rmtree(tree.folder, ignore_errors=True)
    shutil.rmtree(_beside(tree, "cache"), ignore_errors=True)
    for name in ("index", "commit"):
        _beside(tree, name).unlink(missing_ok=True)


def _beside(tree: Tree, what: str) -> Path:
    """The tree's index, the commit that it holds, or the folder where build tools keep what they
    want to keep."""
    return tree.folder.with_name(f"{tree.folder.name}.{what}")


def build(
    tree: Tree,
    phases: Mapping[str, str],
    *,
    first_on_path: Path | None = None,
    below: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Run:
    """Run the phases in the tree, into an empty ``out``, and time them alone.

    ``below`` is a command that runs another one."""
    shutil.rmtree(tree.out, ignore_errors=True)
    path = SEARCH_PATH if first_on_path is None else f"{first_on_path}:{SEARCH_PATH}"
    caches = {name: f"{_beside(tree, 'cache')}/{folder}" for name, folder in _CACHES.items()}
    settings = {**_VARIABLES, **caches, "PATH": path, "out": str(tree.out), **(variables or {})}
    prefix = ["env", "-i", *(f"{name}={value}" for name, value in settings.items()), *below, "bash"]
    log, start = b"", time.perf_counter()
    for name in (name for name in PHASES if name in phases):
        script = f"exec 2>&1\n{phases[name]}"
        command = [*prefix, "-e", "-o", "pipefail", "-c", script]
        done = run(command, cwd=tree.folder, ok=range(256))
        log += done.stdout
        if done.returncode:
            return Run(passed=False, seconds=time.perf_counter() - start, log=log)
    return Run(passed=True, seconds=time.perf_counter() - start, log=log)
