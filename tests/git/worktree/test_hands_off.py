"""Nothing of the user's is written, and any sequence of changes comes out as git has it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_git.git.repository import Repository
from ckpt_git.model.source_diff import SourceDiff
from tests.git.conftest import Contents, commit_all, contents, plain_umask
from tests.support import GitRepo


def state_of(repo: GitRepo) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file but ours, git's own among them.

    Of objects the content alone: git dates one anew where it would have written the same, so that
    no gc takes it meanwhile.
    """
    return {
        str(path.relative_to(repo.path)): (_date(path), path.read_bytes())
        for path in sorted(repo.path.rglob("*"))
        if path.is_file() and ".git/ckpt/" not in str(path)
    }


def _date(path: Path) -> int:
    return 0 if ".git/objects/" in str(path) else path.stat().st_mtime_ns


def use_everything(repo: GitRepo, out: Path) -> None:
    found = Repository.discover(repo.path)
    old = found.target("HEAD~1").tree
    for name in ("worktree", "index", "HEAD"):
        target = found.target(name)
        source = found.source(target.tree)
        diff = found.diff(old, target.tree)
        source.write(out / name)
        source.write(out / f"{name}-few", diff.written)
        assert source.conversions
        found.distances([old, target.tree], target.tree)
        found.key(target.tree, "src", ["*.md"])
        found.read(target.tree, "Makefile")
        found.tracked(target.tree)
    found.untracked()
    found.settings()
    found.in_progress()


def test_nothing_of_the_users_is_written(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("second", {"src/more.c": "int more;\n"})
    repo.write("staged.c", "int staged;\n")
    repo.git("add", "staged.c")
    repo.write("stashed.c", "int stashed;\n")
    repo.git("stash", "-q", "--include-untracked")
    repo.write("Makefile", "edited\n")
    repo.write("untracked.c", "int u;\n")
    (repo.path / "src/main.c").touch()  # makes git want to refresh its index
    refs = repo.git("for-each-ref"), repo.git("log", "--all", "--format=%H")
    before = state_of(repo)
    use_everything(repo, tmp_path / "out")
    assert state_of(repo) == before
    assert (repo.git("for-each-ref"), repo.git("log", "--all", "--format=%H")) == refs


def test_a_locked_index_is_no_obstacle(repo: GitRepo) -> None:
    """git commit holds the lock while its hooks run."""
    repo.write("Makefile", "edited\n")
    repo.write(".git/index.lock", "")
    found = Repository.discover(repo.path)
    assert found.read(found.target().tree, "Makefile") == b"edited\n"
    assert found.target("index").tree == repo.tree()


NAMES = st.sampled_from(["a", "b", "a/x", "a/y/z", "b/x", ".d/x", "é\n", "*", "-r", "a b/'q\""])
CONTENTS = st.sampled_from([b"", b"text\n", b"other\n", b"\0\xff\r\n", b"text"])
KINDS = st.sampled_from(["write", "script", "link", "remove"])
EDITS = st.lists(st.tuples(KINDS, NAMES, CONTENTS), min_size=1, max_size=6)


def apply_edit(repo: GitRepo, kind: str, name: str, content: bytes) -> None:
    """Make one edit; files that are where a folder is needed give way to it."""
    for end, letter in enumerate(name):
        parent = repo.path / name[:end]
        if letter == "/" and (parent.is_symlink() or parent.is_file()):
            parent.unlink()
    if kind == "remove":
        repo.remove(name)
    elif kind == "link":
        repo.link(name, content.decode("latin-1").replace("\0", "0") or "empty")
    else:
        repo.write(name, content, executable=kind == "script")


def apply_diff(repo: GitRepo, diff: SourceDiff, tree: str, out: Path) -> None:
    """What an engine does with a checkpoint's sources."""
    for path in diff.deleted:
        (out / path).unlink()
        for parent in (out / path).parents:
            if parent == out or any(parent.iterdir()):
                break
            parent.rmdir()
    Repository.discover(repo.path).source(tree).write(out, diff.written)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(steps=st.lists(EDITS, min_size=1, max_size=3))
def test_any_edits_step_upon_step(steps: list[list[tuple[str, str, bytes]]]) -> None:
    """The snapshot is what git would commit, and the diffs lead from each to the next."""
    folder = Path(tempfile.mkdtemp())
    try:
        repo, out = GitRepo.init(folder / "repo"), folder / "out"
        repo.commit("start", {"a": "text\n", "b/x": "text\n"})
        found, tree = Repository.discover(repo.path), repo.tree()
        found.source(tree).write(out)
        for edits in steps:
            for edit in edits:
                apply_edit(repo, *edit)
            repo.git("add", "--all", "--intent-to-add")
            new = found.target().tree
            assert new == commit_all(repo)
            apply_diff(repo, found.diff(tree, new), new, out)
            assert contents(out) == tracked_contents(repo, new, folder / "whole")
            tree = new
    finally:
        shutil.rmtree(folder)


def tracked_contents(repo: GitRepo, tree: str, folder: Path) -> Contents:
    """``tree`` as git reads it into a new work tree."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    env = {
        "GIT_DIR": str(repo.path / ".git"),
        "GIT_WORK_TREE": str(folder),
        "GIT_INDEX_FILE": str(folder.parent / "index"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.path / ".git/ckpt/objects"),
    }
    repo.git("read-tree", tree, env=env)
    with plain_umask():
        repo.git("checkout-index", "--all", env=env)
    return contents(folder)
