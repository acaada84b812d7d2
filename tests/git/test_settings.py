"""The user's own settings change nothing of what we read from git: all that git can list."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.git.repository import Repository
from tests.engines.project import snapshot
from tests.support import GitRepo

VALUES = ("true", "false", "always", "1", "/bin/false")
"""Of each setting those that git itself takes are tried out."""

_WHAT_A_FILE_IS = re.compile(
    r"core\.(autocrlf|eol|attributesfile|excludesfile|filemode|symlinks|ignorecase|worktree|bare"
    r"|precomposeunicode|repositoryformatversion|protecthfs|protectntfs)$"
    r"|extensions\.|filter\.|safe\.|include\.|includeif\.",
    re.IGNORECASE,
)
"""Settings that say what belongs to a tree and what is written for it, or where a repository is:
git-config(1). A checkout of the user's own heeds them, and so do we."""

Setting = tuple[str, str]


def _names() -> list[str]:
    """All settings, with a word in each place where one is to be chosen."""
    listed = subprocess.run(
        ["git", "help", "--config"], check=True, capture_output=True, text=True
    ).stdout.split()
    names = {re.sub(r"<[^>]*>|\*", "it", name) for name in listed if "." in name}
    return sorted(name for name in names if not _WHAT_A_FILE_IS.match(name))


@pytest.fixture
def repository(tmp_path: Path) -> GitRepo:
    repo = GitRepo.init(tmp_path / "repository")
    files: dict[str, str | bytes] = {
        ".gitattributes": "* text=auto\n*.bin -text\n",
        **{f"folder/{number}": f"{number}\n" * 40 for number in range(5)},
        "na\u00efve name": "a\n",
        "data.bin": b"a\0b\r\n",
        "lines": "one\r\ntwo\r\n",
        "gone": "gone\n",
        ".gitignore": "ignored\n",
    }
    repo.commit("first", files)
    repo.git("mv", "folder/1", "moved")
    repo.link("link", "moved")
    repo.write("run", "#!/bin/sh\n", executable=True)
    repo.commit("second")
    repo.git("branch", "other")
    repo.write("folder/2", "changed\n")
    repo.write("data.bin", b"b\0c\r\n")
    repo.remove("gone")
    repo.write("new file", "new\n")
    repo.git("add", "new file")
    repo.write("untracked", "untracked\n")
    return repo


def _observed(repo: GitRepo, room: Path) -> dict[str, Any]:
    """What we make of the repository."""
    found = Repository.discover(repo.path)
    trees = {name: found.target(name).tree for name in ("HEAD~1", "HEAD", "index", "worktree")}
    room.mkdir()
    found.source(trees["worktree"]).write(room / "all")
    found.source(trees["worktree"]).write(room / "few", ["folder/2", "link"])
    found.source(trees["worktree"], "folder").write(room / "below")
    return {
        "trees": trees,
        "diffs": [found.diff(old, trees["worktree"]) for old in trees.values()],
        "distances": found.distances([*trees.values()], trees["worktree"]),
        "manifest": found.source(trees["HEAD"]).manifest(),
        "tips": found.branch_tips(9),
        "key": found.key(trees["worktree"], "folder"),
        "read": found.read(trees["worktree"], "data.bin"),
        "tracked": found.tracked(trees["HEAD"]),
        "untracked": found.untracked(),
        "in progress": found.in_progress(),
        "written": snapshot(room),
    }


def _variables(settings: Sequence[Setting]) -> dict[str, str]:
    pairs = [
        (f"GIT_CONFIG_{kind}_{number}", word)
        for number, setting in enumerate(settings)
        for kind, word in zip(("KEY", "VALUE"), setting, strict=True)
    ]
    return {"GIT_CONFIG_COUNT": str(len(settings)), **dict(pairs)}


def _is_taken(repo: GitRepo, settings: Sequence[Setting]) -> bool:
    """Whether git itself does its work with them."""
    room = repo.path.parent / "taken"
    calls = (
        ["status", "--porcelain"],
        ["read-tree", "HEAD"],
        ["add", "--all"],
        ["checkout-index", "--all", "--force", f"--prefix={room}/"],
        ["ls-tree", "-r", "HEAD"],
    )
    index = {"GIT_INDEX_FILE": f"{room}.index"}
    variables = {**os.environ, **_variables(settings), **index}
    return all(
        subprocess.run(
            ["git", *call], cwd=repo.path, env=variables, capture_output=True, check=False
        ).returncode
        == 0
        for call in calls
    )


class _Hunt:
    """Finds those that change something: in halves, as most change nothing."""

    def __init__(self, repo: GitRepo, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._repo, self._room, self._monkeypatch = repo, room, monkeypatch
        self._count = 0
        self._plain = self._observe([])

    def _observe(self, settings: Sequence[Setting]) -> dict[str, Any]:
        self._count += 1
        with self._monkeypatch.context() as patch:
            for name, value in _variables(settings).items():
                patch.setenv(name, value)
            try:
                return _observed(self._repo, self._room / str(self._count))
            except Exception as error:
                return {"error": repr(error)}

    def wrong(self, settings: Sequence[Setting]) -> Iterator[tuple[Setting, object]]:
        if not settings or self._observe(settings) == self._plain:
            return
        if len(settings) > 1:
            middle = len(settings) // 2
            yield from self.wrong(settings[:middle])
            yield from self.wrong(settings[middle:])
        elif _is_taken(self._repo, settings):
            seen = self._observe(settings)
            yield settings[0], [name for name in seen if seen[name] != self._plain.get(name)]


@pytest.mark.parametrize("value", VALUES)
def test_none_of_them_changes_what_we_read(
    repository: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    names = _names()
    assert len(names) > 300
    (tmp_path / "room").mkdir()
    hunt = _Hunt(repository, tmp_path / "room", monkeypatch)
    assert dict(hunt.wrong([(name, value) for name in names])) == {}
