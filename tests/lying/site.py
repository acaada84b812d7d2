"""A repository that is built from its checkpoint, and the same commits built from nothing.

The clean builds are made in a repository and a store of their own, so that none of them becomes
what the next build starts from. Both are made by the command line, at the same time.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.project import COMMAND, ROOT
from tests.conftest import PROGRAMS
from tests.lying.outputs import Built, differences, read
from tests.lying.tree import Tree, write
from tests.support import GitRepo

LONG = int(os.environ.get("CKPT_LYING") or 0)
"""How many builds are to be grown besides, where not just a few cases are asked for."""

Result = Mapping[str, Any]
"""What ``git ckpt build --json`` says of one package."""


@dataclass(frozen=True)
class Comparison:
    """One package of one commit: what was said of its build, what that came to, and a clean one."""

    result: Result
    ours: Built
    clean: Built

    @property
    def differences(self) -> list[str]:
        return differences(self.ours, self.clean)


Packages = Mapping[str, Comparison]


class Site:
    """A repository and its double below ``folder``. ``init`` has it find out how it is built."""

    def __init__(self, folder: Path, *, init: bool = False) -> None:
        self._folder, self._init = folder, init
        self._repo = GitRepo.init(folder / "r")
        self._double = GitRepo.init(folder / "double")
        objects = self._double.path / ".git" / "objects" / "info" / "alternates"
        objects.write_text(f"{self._repo.path}/.git/objects\n")
        self._tree: Tree = {}
        self._heads: list[str] = []
        self._beside = ThreadPoolExecutor(1)

    @classmethod
    @contextmanager
    def at(cls, folder: Path, *, init: bool = False) -> Iterator[Site]:
        site = cls(folder, init=init)
        try:
            yield site
        finally:
            site._beside.shutdown(wait=True, cancel_futures=True)

    def base(self, tree: Tree) -> Mapping[str, Built]:
        """The first commit, which has nothing to start from."""
        self._commit(tree)
        return {name: built for name, (_, built) in self._ours().items()}

    def commits(self, trees: Sequence[Tree]) -> list[Packages]:
        """Commit and build one tree after the other, and each of them clean beside."""
        built = []
        for tree in trees:
            self._commit(tree)
            clean = self._beside.submit(self.clean, len(self._heads) - 1)
            built.append((self._ours(), clean))
        return [
            {name: Comparison(*one, clean.result()[name]) for name, one in ours.items()}
            for ours, clean in built
        ]

    def clean(self, number: int = -1) -> Mapping[str, Built]:
        """A clean build of a commit, once more each time."""
        self._double.git("update-ref", "refs/heads/main", self._heads[number])
        built = self._build(self._double, "double-store", "--clean")
        return {name: one for name, (_, one) in built.items()}

    def _ours(self) -> Mapping[str, tuple[Result, Built]]:
        return self._build(self._repo, "store")

    def _commit(self, tree: Tree) -> None:
        write(self._repo, self._tree, tree)
        self._tree = dict(tree)
        self._repo.git("add", "-A")
        if self._init:
            self._run(self._repo, "store", "init")
            self._repo.git("add", "-A")
            self._init = False
        skip = {"CKPT_SKIP": "1"}
        self._repo.git("commit", "-q", "--allow-empty", "-m", "change", env=skip)
        self._heads.append(self._repo.head)

    def _build(
        self, repo: GitRepo, store: str, *options: str
    ) -> Mapping[str, tuple[Result, Built]]:
        done = self._run(repo, store, "build", "HEAD", "--json", *options)
        results: Sequence[Result] = json.loads(done.stdout)["results"]
        passed = all(result["outcome"] == "passed" for result in results)
        assert done.returncode == (0 if passed else 1)
        return {result["package"]: (result, _built(result)) for result in results}

    def _run(
        self, repo: GitRepo, store: str, *arguments: str
    ) -> subprocess.CompletedProcess[bytes]:
        paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=repo.path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "CKPT_STORE": str(self._folder / store),
                "CKPT_PROGRAMS": os.environ.get("CKPT_PROGRAMS") or str(PROGRAMS),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        said = os.fsdecode(done.stderr)
        assert done.returncode in (0, 1), f"{arguments} ended with {done.returncode}:\n{said}"
        assert f'File "{ROOT}/ckpt_git' not in said, said
        assert "defect" not in said, said
        return done


def _built(result: Result) -> Built:
    # What failed has no output; nor has what passed and installed nothing.
    output = read(Path(result["out"])) if result["out"] else {}
    log = Path(result["log"]) if result["log"] else None
    said = log.read_text(errors="replace")[-800:] if log and log.exists() else ""
    return Built(result["outcome"], output, said)


def assert_right_or_refused(result: Result) -> None:
    """A build that wasn't made from what was there says why."""
    assert result["made"] in {"clean", "cached clean", "checkpointed", "remembered"}
    assert result["made"] not in {"clean", "cached clean"} or result["why_clean"], result


def remembers(result: Result) -> bool:
    """Whether it was made by an engine that answers commands from memory: not every one does."""
    return (result.get("commands") or {}).get("ran") is not None


def assert_answered(result: Result) -> None:
    """Some of what the build before ran was not run again. What a record answered ran nothing."""
    if remembers(result) and not result["cached"]:
        assert result["made"] == "remembered", result["why_clean"]
        assert result["commands"]["answered"] > 0, result["commands"]
