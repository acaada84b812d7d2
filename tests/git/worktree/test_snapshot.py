"""The work tree and the index as trees: what ``git commit --all`` and ``git commit`` would give."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ckpt_git.git.repository import MissingObjectsError, Repository
from ckpt_git.model.errors import RepositoryError, StoreError
from tests.git.conftest import FILES, commit_all
from tests.support import GitRepo


def change_everything(repo: GitRepo) -> None:
    """Every kind of change that git can hold."""
    repo.write("Makefile", "all: edited\n")
    repo.write("data.bin", bytes(range(256)) * 9)
    repo.write("src/lib/deep.h", "")
    repo.remove("docs/guide.md")
    repo.write(".hidden/.config", "y = 2\n", executable=True)
    (repo.path / "run.sh").chmod(0o644)
    repo.link("current", "src")
    repo.remove("src/main.c")
    repo.write("src/main.c/inside", "a folder where a file was\n")
    repo.write(os.fsdecode(b"by\xfftes \t\n\"'\\"), "any byte\n")


def test_a_clean_work_tree_is_heads_tree(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    for kind in ("worktree", "index"):
        target = found.target(kind)
        assert (target.kind, target.name) == (kind, kind)
        assert (target.tree, target.commit) == (repo.tree(), repo.head)


def test_tracked_files_as_they_are_now(repo: GitRepo) -> None:
    change_everything(repo)
    repo.git("add", "data.bin")
    repo.write("data.bin", b"edited after it was added")
    target = Repository.discover(repo.path).target()
    assert target.tree == commit_all(repo)
    assert target.commit is None


def test_the_index_as_it_is_staged(repo: GitRepo) -> None:
    change_everything(repo)
    repo.git("add", "--all")
    expected = repo.git("write-tree")
    repo.write("Makefile", "all: not staged\n")
    target = Repository.discover(repo.path).target("index")
    assert (target.tree, target.commit) == (expected, None)


def test_every_kind_of_change_staged_or_not(repo: GitRepo) -> None:
    change_everything(repo)
    assert Repository.discover(repo.path).target().tree == commit_all(repo)
    repo.git("add", "--all")
    assert Repository.discover(repo.path).target().tree == commit_all(repo)


def test_a_folder_replaced_by_a_symlink(repo: GitRepo) -> None:
    shutil.move(repo.path / "src", repo.path.parent / "moved")
    repo.link("src", str(repo.path.parent / "moved"))
    found = Repository.discover(repo.path)
    assert [p for p in found.tracked(found.target().tree) if p.startswith("src")] == []
    repo.git("add", "src")
    assert found.target().tree == commit_all(repo)


def test_a_same_size_edit_in_the_indexs_last_instant(repo: GitRepo) -> None:
    """git tells such an edit by the index's own time, which a copy has to keep."""
    # Such an edit differs in nothing that a stat shows. A file's ctime can't be set back.
    repo.git("config", "core.trustctime", "false")
    repo.git("config", "core.checkStat", "minimal")
    instant = 1_700_000_000 * 10**9
    for content in ("all: one\n", "all: two\n"):
        os.utime(repo.write("Makefile", content), ns=(instant, instant))
        if content == "all: one\n":
            repo.git("add", "Makefile")
            os.utime(repo.path / ".git" / "index", ns=(instant, instant))
    found = Repository.discover(repo.path)
    assert found.read(found.target().tree, "Makefile") == b"all: two\n"


def test_before_the_first_commit(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    found = Repository.discover(repo.path)
    empty = repo.git("hash-object", "-t", "tree", "/dev/null")
    assert found.target().tree == found.target("index").tree == empty
    repo.write("a", "1")
    repo.git("add", "a")
    repo.write("a", "2")
    assert found.read(found.target().tree, "a") == b"2"
    assert found.read(found.target("index").tree, "a") == b"1"
    assert found.target().commit is None
    assert found.diff(empty, found.target().tree).added.keys() == {"a"}
    with pytest.raises(
        RepositoryError, match=r"no commit or tree 'HEAD' in .*; nothing is committed here yet"
    ):
        found.target("HEAD")


def test_untracked_and_ignored_files_are_not_in_it(repo: GitRepo) -> None:
    repo.write("new.c", "int x;\n")
    repo.write("build/new.o", "object")
    repo.write(".git/info/exclude", "*.o\n")
    found = Repository.discover(repo.path)
    assert found.target().tree == repo.tree()
    assert found.untracked() == ["new.c"]


def test_untracked_files_are_named_as_status_does(repo: GitRepo) -> None:
    repo.write("new/a.c", "")
    repo.write("new/b/c.c", "")
    repo.write("src/ünï\n.c", "")
    (repo.path / "empty").mkdir()
    found = Repository.discover(repo.path / "src")
    assert found.untracked() == ["new/", "src/ünï\n.c"]
    repo.git("config", "status.showUntrackedFiles", "no")
    assert Repository.discover(repo.path).untracked() == []


def test_announced_files_are_in_the_work_tree_but_not_in_the_index(repo: GitRepo) -> None:
    """``git add --intent-to-add``: as ``git commit --all`` and ``git commit`` have it."""
    repo.write("announced.c", "int x;\n")
    repo.git("add", "--intent-to-add", "announced.c")
    found = Repository.discover(repo.path)
    assert found.read(found.target().tree, "announced.c") == b"int x;\n"
    assert found.target("index").tree == repo.tree()
    repo.remove("announced.c")
    assert found.target().tree == repo.tree()


@pytest.mark.parametrize("kind", ["worktree", "index"])
def test_conflicts_are_named_in_one_line(repo: GitRepo, kind: str) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side", {"Makefile": "side\n", "src/main.c": "side\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"Makefile": "main\n", "src/main.c": "main\n"})
    repo.git("merge", "side", ok=(1,))
    found = Repository.discover(repo.path)
    with pytest.raises(RepositoryError) as caught:
        found.target(kind)
    assert str(caught.value).startswith("unresolved conflicts in Makefile, src/main.c; resolve")
    assert found.in_progress() == "merge"
    repo.git("add", "--all")
    assert found.read(found.target(kind).tree, "Makefile") is not None


def test_marked_files_are_as_the_index_has_them(repo: GitRepo) -> None:
    repo.git("update-index", "--skip-worktree", "Makefile")
    repo.git("update-index", "--assume-unchanged", "src/main.c")
    repo.write("Makefile", "edited\n")
    repo.write("src/main.c", "edited\n")
    repo.write("docs/guide.md", "seen\n")
    found = Repository.discover(repo.path)
    target = found.target()
    assert found.diff(repo.tree(), target.tree).modified.keys() == {"docs/guide.md"}


@pytest.mark.parametrize("sparse_index", [True, False])
def test_a_sparse_checkout_builds_what_it_leaves_out(repo: GitRepo, sparse_index: bool) -> None:
    option = "--sparse-index" if sparse_index else "--no-sparse-index"
    repo.git("sparse-checkout", "init", "--cone", option)
    repo.git("sparse-checkout", "set", "src/lib")
    assert not (repo.path / "docs").exists()
    assert (repo.git("ls-files", "--sparse", "-t").count("docs/\n") > 0) == sparse_index
    found = Repository.discover(repo.path)
    assert found.target().tree == found.target("index").tree == repo.tree()
    repo.write("src/lib/deep.h", "edited\n")
    target = found.target()
    assert found.diff(repo.tree(), target.tree).modified.keys() == {"src/lib/deep.h"}
    out = repo.path.parent / "out"
    found.source(target.tree).write(out)
    assert (out / "docs" / "guide.md").read_text() == FILES["docs/guide.md"]
    found.source(target.tree).write(out / "few", ["docs/guide.md"])
    assert (out / "few" / "docs" / "guide.md").read_text() == FILES["docs/guide.md"]


def test_a_file_present_outside_a_sparse_checkout(repo: GitRepo) -> None:
    """git status shows an edit of it, so it is in."""
    repo.git("sparse-checkout", "set", "--cone", "src")
    repo.write("docs/guide.md", "put back and edited\n")
    assert "docs/guide.md" in repo.git("status", "--porcelain")
    found = Repository.discover(repo.path)
    assert found.read(found.target().tree, "docs/guide.md") == b"put back and edited\n"


def test_a_split_index(repo: GitRepo) -> None:
    repo.git("config", "core.splitIndex", "true")
    repo.git("update-index", "--split-index")
    repo.commit("more", {"more.c": "int more;\n"})
    assert [*(repo.path / ".git").glob("sharedindex.*")]
    repo.write("Makefile", "edited\n")
    assert Repository.discover(repo.path).target().tree == commit_all(repo)


def test_an_index_that_is_yet_to_be_split(repo: GitRepo) -> None:
    """Not by us: the shared part would be in the user's git folder."""
    repo.git("config", "core.splitIndex", "true")
    repo.write("Makefile", "edited\n")
    found = Repository.discover(repo.path)
    found.source(found.target().tree).write(repo.path.parent / "out")
    assert [*(repo.path / ".git").glob("sharedindex*")] == []


def test_monitors_and_hooks_of_the_users_do_not_run(repo: GitRepo) -> None:
    witness = repo.path.parent / "ran"
    hook = repo.write(".git/hooks/post-index-change", f"#!/bin/sh\ntouch '{witness}'\n")
    hook.chmod(0o755)
    repo.git("config", "core.fsmonitor", str(hook))
    repo.git("config", "core.untrackedCache", "true")
    repo.git("update-index", "--untracked-cache", ok=(0, 1))
    witness.unlink(missing_ok=True)
    repo.write("Makefile", "edited\n")
    found = Repository.discover(repo.path)
    target = found.target()
    assert found.read(target.tree, "Makefile") == b"edited\n"
    found.source(target.tree).write(repo.path.parent / "out")
    assert not witness.exists()


def test_line_ending_checks_do_not_stop_it(repo: GitRepo) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "core.safecrlf", "true")
    repo.write("Makefile", "unix\nand\r\ndos\n")
    assert Repository.discover(repo.path).target().tree != repo.tree()


def test_a_file_that_git_cannot_hold(repo: GitRepo) -> None:
    repo.remove("Makefile")
    os.mkfifo(repo.path / "Makefile")
    with pytest.raises(RepositoryError, match=r"snapshot of the work tree: .*Makefile"):
        Repository.discover(repo.path).target()


def test_the_state_folder_cannot_be_made(repo: GitRepo) -> None:
    repo.write(".git/ckpt", "a file is in the way")
    with pytest.raises(StoreError, match=r"cannot make the folder .*\.git/ckpt"):
        Repository.discover(repo.path).target()


def test_an_object_that_cannot_be_written(repo: GitRepo) -> None:
    repo.write("Makefile", "edited\n")
    blob = repo.git("hash-object", "Makefile")
    found = Repository.discover(repo.path)
    for folder in (found.objects / blob[:2], found.objects / "pack"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.write_text("a file is in the way")
    with pytest.raises(StoreError, match=r"cannot take a snapshot of the work tree: "):
        found.target()
    assert [*(found.state / "tmp").iterdir()] == []


def test_snapshots_that_nobody_used_for_long_are_forgotten(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    trees = []
    for content in ("old\n", "new\n"):
        repo.write("Makefile", content)
        repo.write("src/main.c", "the same in both\n")
        for file in found.objects.rglob("*"):
            os.utime(file, (1, 1))
        trees.append(found.target().tree)
    assert found.forget_snapshots(before=1000) > 0
    assert found.distances(trees, trees[1]) == {trees[0]: None, trees[1]: 0}
    assert found.read(trees[1], "src/main.c") == b"the same in both\n"
    assert repo.git("fsck") == ""


def test_a_snapshot_can_be_asked_for_by_its_id(repo: GitRepo) -> None:
    repo.write("Makefile", "edited\n")
    found = Repository.discover(repo.path)
    tree = found.target().tree
    again = Repository.discover(repo.path).target(tree)
    assert (again.kind, again.tree, again.commit) == ("commit", tree, None)
    assert repo.git("cat-file", "-t", tree, ok=(128,)) == ""


def test_a_snapshot_that_is_gone(repo: GitRepo) -> None:
    repo.write("Makefile", "edited\n")
    found = Repository.discover(repo.path)
    tree = found.target().tree
    shutil.rmtree(found.objects)
    with pytest.raises(MissingObjectsError):
        found.diff(tree, repo.tree())
    assert found.distances([tree, repo.tree()], repo.tree()) == {tree: None, repo.tree(): 0}
    with pytest.raises(MissingObjectsError, match=tree):
        found.source(tree).manifest()
    assert found.target().tree == tree


def test_with_borrowed_objects(repo: GitRepo, tmp_path: Path) -> None:
    """The repository's own alternates are followed, relative ones and theirs too."""
    first = tmp_path / "first"
    repo.git("clone", "-q", "--shared", str(repo.path), str(first))
    (first / ".git/objects/info/alternates").write_text("../../../repo/.git/objects\n")
    second = tmp_path / "second"
    repo.git("clone", "-q", "--shared", str(first), str(second))
    borrower = GitRepo(second)
    borrower.write("Makefile", "edited\n")
    found = Repository.discover(second)
    target = found.target()
    assert found.diff(repo.tree(), target.tree).modified.keys() == {"Makefile"}
    found.source(target.tree).write(tmp_path / "out")
    assert (tmp_path / "out" / "src/main.c").read_text() == FILES["src/main.c"]


def test_sha256(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo", object_format="sha256")
    repo.commit("first", FILES)
    found = Repository.discover(repo.path)
    assert found.object_format == "sha256"
    assert found.target().tree == repo.tree()
    repo.write("Makefile", "edited\n")
    target = found.target()
    assert len(target.tree) == 64
    assert found.diff(repo.tree(), target.tree).modified.keys() == {"Makefile"}
    assert found.distances([repo.tree()], target.tree) == {repo.tree(): 1}
    found.source(target.tree).write(tmp_path / "out", ["Makefile"])
    assert (tmp_path / "out" / "Makefile").read_text() == "edited\n"


def test_leftovers_of_killed_processes_are_removed(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    old, new = found.state / "tmp" / "1-1", found.state / "tmp" / "1-2"
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "index").touch()
    os.utime(old, (1, 1))
    found.target()
    assert list((found.state / "tmp").iterdir()) == []
