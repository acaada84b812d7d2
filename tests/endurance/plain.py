"""A clean build by nothing but the recipe's own commands, in a plain folder: the witness.

It has objects of its own, so that the repository isn't written to, and knows nothing of ckpt but
the form of ``ckpt.toml``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lying.outputs import Built, read
from tests.support import GitRepo


@dataclass(frozen=True)
class Plain:
    """Builds of ``repo`` below ``folder``; what was built before is known by source and recipe."""

    repo: GitRepo
    folder: Path
    _known: dict[tuple[str, str], Built] = field(default_factory=dict)

    def tree(self, target: str) -> str:
        """The tree of ``worktree``, ``index`` or a revision."""
        if target not in ("worktree", "index"):
            return self._git("rev-parse", "--verify", f"{target}^{{tree}}")
        copy = self.folder / "index"
        shutil.copy2(self.repo.path / ".git" / "index", copy)
        more = {"GIT_INDEX_FILE": str(copy)}
        if target == "worktree":
            self._git("add", "-u", ".", more=more)
        return self._git("write-tree", more=more)

    def build(self, tree: str) -> Mapping[str, Built]:
        """All packages of a tree, by name."""
        packages = tomllib.loads(self._git("show", f"{tree}:ckpt.toml"))["package"]
        return {name: self._package(tree, package) for name, package in packages.items()}

    def _package(self, tree: str, package: Mapping[str, Any]) -> Built:
        source = self._git("rev-parse", f"{tree}:{package['source']}")
        key = source, repr(package)
        if key not in self._known:
            self._known[key] = self._built(source, package)
        return self._known[key]

    def _built(self, source: str, package: Mapping[str, Any]) -> Built:
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        sources, out = work / "source", work / "out"
        sources.mkdir(parents=True)
        out.mkdir()
        archive = subprocess.run(
            ["git", "-c", "tar.umask=0022", "archive", source],
            cwd=self.repo.path, env=self._environment({}), capture_output=True, check=True,
        )  # fmt: skip
        subprocess.run(["tar", "-x"], cwd=sources, input=archive.stdout, check=True)
        said = ""
        for command in ("build", "install"):
            done = _run(package[command], sources, out, package.get("env", {}))
            said = done.stdout[-2000:]
            if done.returncode:
                return Built("failed", {}, said)
        return Built("passed", read(out), said)

    def _git(self, *arguments: str, more: Mapping[str, str] | None = None) -> str:
        return self.repo.git(*arguments, env=self._environment(more or {}))

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        objects = self.folder / "objects"
        objects.mkdir(exist_ok=True)
        theirs = str(self.repo.path / ".git" / "objects")
        own = {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": theirs}
        return {**os.environ, **own, **more}


def _run(
    command: str, sources: Path, out: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-e", "-c", command],
        cwd=sources,
        env={
            "PATH": "/usr/bin:/bin",
            "out": str(out),
            "HOME": "/nowhere",
            "NIX_BUILD_CORES": "2",
            "SOURCE_DATE_EPOCH": "1",
            **env,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
