"""Diffs, distances and keys: what differs between two trees, and what of it matters."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ckpt_git.git.repository import MissingObjectsError, Repository
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import SourceDiff
from tests.support import GitRepo


def test_every_kind_of_change(repo: GitRepo) -> None:
    old = repo.tree()
    strange = os.fsdecode(b"by\xfftes \t\n:100644 \"'\\")
    repo.write(strange, "any byte\n")
    repo.write("empty", "")
    repo.write("Makefile", "edited\n")
    (repo.path / "run.sh").chmod(0o644)
    repo.link("current", "src")
    repo.remove("docs/guide.md")
    repo.link(".hidden/.config", "target")
    repo.remove("src/main.c")
    repo.write("src/main.c/inside", "a folder where a file was\n")
    repo.remove("src/lib")
    repo.write("src/lib", "a file where a folder was\n")
    repo.commit()
    diff = Repository.discover(repo.path).diff(old, repo.tree())
    assert {*diff.added} == {strange, "empty", "src/main.c/inside", "src/lib"}
    assert {*diff.deleted} == {"docs/guide.md", "src/main.c", "src/lib/deep.h"}
    modes = {path: entry.mode for path, entry in diff.modified.items()}
    assert modes == {
        "Makefile": "100644",
        "run.sh": "100644",
        "current": "120000",
        ".hidden/.config": "120000",
    }
    assert diff.modified["Makefile"].oid == repo.git("rev-parse", "HEAD:Makefile")


def test_a_rename_is_a_deletion_and_an_addition(repo: GitRepo) -> None:
    old = repo.tree()
    repo.git("config", "diff.renames", "copies")
    repo.git("mv", "src/main.c", "src/start.c")
    repo.commit()
    diff = Repository.discover(repo.path).diff(old, repo.tree())
    assert (set(diff.added), diff.deleted) == ({"src/start.c"}, ("src/main.c",))


def test_the_diff_is_what_the_manifests_say(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    old = repo.tree()
    repo.remove("docs")
    repo.commit("second", {"Makefile": "edited\n", "src/new.c": "int x;\n"})
    before, after = found.source(old).manifest(), found.source(repo.tree()).manifest()
    assert found.diff(old, repo.tree()) == SourceDiff.between(before, after)
    assert found.diff(old, old) == SourceDiff()


def test_only_below_the_folder(repo: GitRepo) -> None:
    old = repo.tree()
    repo.commit("second", {"src/lib/deep.h": "edited\n", "docs/guide.md": "edited\n"})
    found = Repository.discover(repo.path)
    for folder in ("src", "./src/", "src/."):
        diff = found.diff(old, repo.tree(), folder)
        assert (set(diff.modified), diff.added, diff.deleted) == ({"lib/deep.h"}, {}, ())
    assert found.source(repo.tree(), "src").manifest().keys() == {"main.c", "lib/deep.h"}


def test_a_folder_that_is_new(repo: GitRepo) -> None:
    old = repo.tree()
    repo.commit("second", {"tools/gen.c": "int x;\n"})
    found = Repository.discover(repo.path)
    assert found.diff(old, repo.tree(), "tools").added.keys() == {"gen.c"}
    with pytest.raises(RepositoryError, match="no folder 'tools' in the tree"):
        found.diff(repo.tree(), old, "tools")


@pytest.mark.parametrize("folder", ["..", "../x", "/etc", "src/../.."])
def test_a_folder_outside_the_repository(repo: GitRepo, folder: str) -> None:
    with pytest.raises(RepositoryError, match="not inside the repository"):
        Repository.discover(repo.path).source(repo.tree(), folder)


def test_a_file_is_no_folder(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    with pytest.raises(RepositoryError, match=r"'Makefile' in the tree .* is a file"):
        found.source(repo.tree(), "Makefile").manifest()


def test_a_shallow_clone_whose_base_is_missing(repo: GitRepo, tmp_path: Path) -> None:
    old_commit, old = repo.head, repo.tree()
    repo.commit("second", {"Makefile": "edited\n"})
    found = Repository.discover(repo.clone(tmp_path / "shallow", "--depth=1").path)
    with pytest.raises(MissingObjectsError, match=old):
        found.diff(old, repo.tree())
    assert found.distances([old], repo.tree()) == {old: None}
    with pytest.raises(RepositoryError, match=f"{old_commit}.*git fetch --unshallow"):
        found.target(old_commit)


@pytest.mark.parametrize("filtering", ["blob:none", "tree:0"])
def test_a_partial_clone_brings_what_is_needed(
    repo: GitRepo, tmp_path: Path, filtering: str
) -> None:
    old = repo.tree()
    repo.commit("second", {"Makefile": "edited\n"})
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = repo.clone(tmp_path / "partial", "--no-checkout", f"--filter={filtering}")
    found = Repository.discover(clone.path)
    assert found.diff(old, repo.tree()).modified.keys() == {"Makefile"}
    found.source(repo.tree()).write(tmp_path / "out", ["src/main.c"])
    assert (tmp_path / "out" / "src" / "main.c").exists()


def test_a_tree_that_is_there_in_part(repo: GitRepo) -> None:
    """Not taken for whole: neither compared, nor listed without what is missing."""
    other = repo.tree()
    repo.commit("second", {"src/lib/deep.h": "edited\n"})
    damaged, subtree = repo.tree(), repo.tree("HEAD:src/lib")
    repo.commit("third", {"Makefile": "edited\n", "src/lib/deep.h": "again\n"})
    (repo.path / ".git/objects" / subtree[:2] / subtree[2:]).unlink()
    found = Repository.discover(repo.path)
    with pytest.raises(MissingObjectsError):
        found.diff(damaged, repo.tree())
    for folder in (".", "src", "src/lib"):
        with pytest.raises(MissingObjectsError):
            found.source(damaged, folder).manifest()
    wanted = [other, damaged, repo.tree()]
    assert found.distances(wanted, repo.tree()) == {other: 2, damaged: None, repo.tree(): 0}


def test_distances_count_files(repo: GitRepo) -> None:
    trees = [repo.tree()]
    ids = f"{'0' * 40} {'1' * 40}"  # looks like the line that parts git's answers
    for change in ({"a": "1", "b": "1", ids: "1"}, {"a": "2"}, {"a": "1", "c": "1"}):
        repo.commit("next", change)
        trees.append(repo.tree())
    absent = "1" * 40
    found = Repository.discover(repo.path)
    assert found.distances([absent, *trees, absent, trees[0]], trees[-1]) == {
        absent: None,
        trees[0]: 4,
        trees[1]: 1,
        trees[2]: 2,
        trees[3]: 0,
    }
    assert found.distances([], trees[0]) == {}
    assert found.distances(trees[:1], absent) == {trees[0]: None}


def test_key_without_ignore_is_the_trees_own_id(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    assert found.key(repo.tree()) == repo.tree()
    assert found.key(repo.tree(), "src") == repo.tree("HEAD:src")
    with pytest.raises(RepositoryError, match="no folder 'nope'"):
        found.key(repo.tree(), "nope")
    with pytest.raises(MissingObjectsError):
        found.key("1" * 40, "src")


@pytest.mark.parametrize(
    ("path", "content", "same"),
    [
        ("docs/guide.md", "edited\n", True),
        ("docs/new/page.txt", "new\n", True),
        ("src/README.md", "new\n", True),
        ("src/main.c", "edited\n", False),
        ("src/docs/x.c", "new\n", False),
    ],
)
def test_key_is_of_what_is_not_ignored(repo: GitRepo, path: str, content: str, same: bool) -> None:
    found, ignore = Repository.discover(repo.path), ["/docs/**", "*.md"]
    before = found.key(repo.tree(), ".", ignore)
    repo.commit("second", {path: content})
    assert (found.key(repo.tree(), ".", ignore) == before) is same


def test_key_sees_modes(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    before = found.key(repo.tree(), ".", ["*.md"])
    (repo.path / "run.sh").chmod(0o644)
    repo.commit()
    assert found.key(repo.tree(), ".", ["*.md"]) != before


def test_patterns_are_relative_to_the_folder(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    before = found.key(repo.tree(), "src", ["lib/**"])
    repo.commit("second", {"src/lib/deep.h": "edited\n", "lib/x": "outside\n"})
    assert found.key(repo.tree(), "src", ["lib/**"]) == before
    repo.commit("third", {"src/main.c": "edited\n"})
    assert found.key(repo.tree(), "src", ["lib/**"]) != before


@pytest.mark.parametrize("ignore", [[], ["*.md"]])
def test_attributes_above_the_folder_matter(repo: GitRepo, ignore: list[str]) -> None:
    """They say how the folder's files come out, though the folder is the same."""
    found = Repository.discover(repo.path)
    before = found.key(repo.tree(), "src", ignore)
    conversions = found.source(repo.tree(), "src").conversions
    repo.commit("second", {".gitattributes": "*.c eol=crlf\n"})
    assert found.key(repo.tree(), "src", ignore) != before
    assert found.source(repo.tree(), "src").conversions != conversions


def test_what_changed_attributes_convert_otherwise_is_modified(repo: GitRepo) -> None:
    found, old = Repository.discover(repo.path), repo.tree()
    repo.commit("second", {"src/.gitattributes.c": "no attributes\n"})
    middle = repo.tree()
    assert found.converted(found.diff(old, middle), old, found.source(middle)) == found.diff(
        old, middle
    )
    repo.commit("third", {"src/.gitattributes": "main.c eol=crlf\nlib/* -diff\n"})
    last = repo.tree()
    diff = found.converted(found.diff(middle, last), middle, found.source(last))
    assert set(diff.added) == {"src/.gitattributes"}
    assert set(diff.modified) == {"src/main.c"}
    below = found.diff(last, middle, "src")
    diff = found.converted(below, last, found.source(middle, "src"))
    assert diff.deleted == (".gitattributes",)
    assert set(diff.modified) == {"main.c"}


def test_reading_files(repo: GitRepo) -> None:
    strange = os.fsdecode(b"by\xfftes \n:x")
    repo.commit("second", {strange: b"\0\r\n", "*": "star\n"})
    found, tree = Repository.discover(repo.path), repo.tree()
    assert found.read(tree, strange) == b"\0\r\n"
    assert found.read(tree, "*") == b"star\n"
    assert found.read(tree, "current") == b"src/lib"
    assert found.source(tree, "src").read("lib/deep.h") == b"#define DEEP 1\n"
    for absent in ("nope", "src", "src/nope", "nope/deeper", "Makefile/below"):
        assert found.read(tree, absent) is None
    with pytest.raises(MissingObjectsError):
        found.read("1" * 40, "Makefile")


def test_a_file_whose_content_is_gone(repo: GitRepo, tmp_path: Path) -> None:
    blob = repo.git("rev-parse", "HEAD:Makefile")
    (repo.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    found = Repository.discover(repo.path)
    with pytest.raises(MissingObjectsError, match="Makefile"):
        found.read(repo.tree(), "Makefile")
    for paths in (None, ["Makefile"]):
        with pytest.raises(MissingObjectsError, match="Makefile"):
            found.source(repo.tree()).write(tmp_path / "out", paths)


def test_tracked_paths(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    assert found.tracked(repo.tree()) == sorted(repo.git("ls-files").split("\n"))


def test_revisions(repo: GitRepo) -> None:
    first, first_tree = repo.head, repo.tree()
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.commit("second", {"Makefile": "edited\n"})
    found = Repository.discover(repo.path)
    for name in ("v1", "HEAD~1", first[:12], "v1^0", "HEAD@{1}"):
        target = found.target(name)
        assert (target.kind, target.name) == ("commit", name)
        assert (target.tree, target.commit) == (first_tree, first)
    folder = found.target("v1:src")
    assert (folder.tree, folder.commit) == (repo.tree("v1:src"), None)
    assert found.target(first_tree).commit is None


@pytest.mark.parametrize(
    "name",
    ["nope", "1" * 40, "HEAD:Makefile", "main..HEAD", "-x", "--all", "", "a\nb", "a\x0cb", "^HEAD"],
)
def test_no_such_revision(repo: GitRepo, name: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        Repository.discover(repo.path).target(name)
    assert f"no commit or tree {name!r}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_objects_packed_and_pruned_around_a_snapshot(repo: GitRepo, tmp_path: Path) -> None:
    repo.write("Makefile", "edited\n")
    found = Repository.discover(repo.path)
    tree = found.target().tree
    repo.git("gc", "-q", "--prune=now")
    found.source(tree).write(tmp_path / "out")
    assert (tmp_path / "out/Makefile").read_text() == "edited\n"
    shutil.rmtree(found.state)
    assert repo.git("fsck", "--full") == ""
