"""The tree that Nix reads: always that of one tree, whichever it was before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ckpt_git.engines.nix.snapshot import Snapshot
from ckpt_git.git.repository import Repository
from ckpt_git.model.errors import RepositoryError
from tests.engines.edits import edit
from tests.git.conftest import Contents, contents
from tests.support import GitRepo


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.init(tmp_path / "repo")


def _hold(repo: GitRepo, room: Path) -> Contents:
    room.mkdir(exist_ok=True)
    snapshot = Snapshot(room)
    snapshot.hold(Repository.discover(repo.path).source(repo.tree()).whole())
    assert not [path for path in _folders(snapshot.files) if not any(path.iterdir())]
    return contents(snapshot.files)


def _folders(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_dir() and not path.is_symlink()]


def _afresh(repo: GitRepo, folder: Path) -> Contents:
    Repository.discover(repo.path).source(repo.tree()).write(folder)
    return contents(folder)


@pytest.mark.parametrize("seed", range(2))
def test_it_is_what_is_written_afresh(repo: GitRepo, tmp_path: Path, seed: int) -> None:
    """Files that become folders and links, names of any bytes, attributes that come and go."""
    chance = random.Random(seed)
    repo.write("lines/same", "one\ntwo\n")
    for number in range(25):
        edit(repo.path / "some", seed * 100 + number)
        if chance.random() < 0.3:
            end = chance.choice(("crlf", "lf"))
            repo.write("lines/.gitattributes", f"* text eol={end}\n")
        elif chance.random() < 0.2:
            repo.remove("lines/.gitattributes")
        repo.commit()
        assert _hold(repo, tmp_path / "room") == _afresh(repo, tmp_path / str(number))


def test_what_is_the_same_is_not_written_again(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("one", {"a": "a\n", "b/c": "c\n"})
    _hold(repo, tmp_path)
    before = (tmp_path / "source/a").stat()
    repo.commit("two", {"b/c": "d\n"})
    assert _hold(repo, tmp_path)["b/c"][1] == b"d\n"
    assert (tmp_path / "source/a").stat().st_ctime_ns == before.st_ctime_ns


def test_another_configuration_writes_all_anew(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("one", {"a": "a\n", "b": "b\n", ".gitattributes": "* text=auto\n"})
    _hold(repo, tmp_path)
    repo.git("config", "core.eol", "crlf")
    repo.commit("two", {"b": "c\n"})
    assert _hold(repo, tmp_path)["a"][1] == b"a\r\n"


def test_half_of_a_tree_is_not_taken_for_one(repo: GitRepo, tmp_path: Path) -> None:
    """What a filter that fails left behind."""
    failing = tmp_path / "failing"
    repo.git("config", "filter.x.required", "true")
    repo.git("config", "filter.x.clean", "cat")
    repo.git("config", "filter.x.smudge", f"test ! -e '{failing}' && cat")
    repo.commit("one", {"a": "a\n", "b": "b\n", "c.x": "c\n", ".gitattributes": "*.x filter=x\n"})
    _hold(repo, tmp_path / "room")
    repo.git("rm", "-q", "a")
    repo.commit("two", {"b": "c\n", "c.x": "d\n"})
    failing.touch()
    with pytest.raises(RepositoryError):
        _hold(repo, tmp_path / "room")
    failing.unlink()
    assert _hold(repo, tmp_path / "room") == _afresh(repo, tmp_path / "afresh")
