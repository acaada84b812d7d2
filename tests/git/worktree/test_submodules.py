"""Submodules, nested ones too: followed at their recorded commits, or named when not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ckpt_git.git.repository import MissingObjectsError, Repository
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import SourceDiff
from tests.git.conftest import FILES, checkout, contents
from tests.support import GitRepo

LIB_FILES = {"lib.c": "int lib;\n", "inc/lib.h": "#define LIB\n"}


def make_repositories(folder: Path) -> None:
    """``app``, which has ``lib`` as a submodule, which has ``deep`` as one; all checked out."""
    deep, lib, app = (GitRepo.init(folder / name) for name in ("deep", "lib", "app"))
    deep.commit("first", {"deep.c": "int deep;\n"})
    lib.add_submodule("third party/deep", deep)
    # The library has line endings of its own.
    lib.commit("first", {**LIB_FILES, ".gitattributes": "*.h eol=crlf\n"})
    app.commit("first", FILES)
    app.add_submodule("vendor/lib", lib)
    app.git("submodule", "--quiet", "update", "--init", "--recursive")
    app.commit("with a library")


@pytest.fixture
def app(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    """A copy of ``make_repositories``' app: to make them takes a second, to copy one does not."""
    made = tmp_path_factory.getbasetemp() / "repositories"
    if not made.exists():
        make_repositories(made)
    shutil.copytree(made / "app", tmp_path / "repo", symlinks=True)
    return GitRepo(tmp_path / "repo")


def step_lib(app: GitRepo) -> None:
    """A new commit in the library and in the library's, taken over by ``app``."""
    inner = GitRepo(app.path / "vendor/lib/third party/deep")
    inner.commit("deep again", {"deep.c": "int deeper;\n", "new.c": "int n;\n"})
    outer = GitRepo(app.path / "vendor/lib")
    outer.remove("inc")
    outer.commit("lib again", {"lib.c": "int lib2;\n"})
    app.commit("newer library")


def test_a_manifest_holds_their_files(app: GitRepo) -> None:
    found = Repository.discover(app.path)
    manifest = found.source(app.tree()).manifest()
    assert {p for p in manifest if p.startswith("vendor")} == {
        "vendor/lib/.gitattributes",
        "vendor/lib/.gitmodules",
        "vendor/lib/lib.c",
        "vendor/lib/inc/lib.h",
        "vendor/lib/third party/deep/deep.c",
    }
    assert all(entry.mode != "160000" for entry in manifest.values())
    below = found.source(app.tree(), "vendor").manifest()
    assert below["lib/lib.c"] == manifest["vendor/lib/lib.c"]


def test_they_are_written_as_a_checkout_writes_them(app: GitRepo, tmp_path: Path) -> None:
    source = Repository.discover(app.path).source(app.tree())
    expected = checkout(app, "HEAD", tmp_path / "witness")
    source.write(tmp_path / "out")
    assert contents(tmp_path / "out") == expected
    assert expected["vendor/lib/inc/lib.h"][1].endswith(b"\r\n")
    few = ["vendor/lib/third party/deep/deep.c", "Makefile", "vendor/lib/inc/lib.h"]
    source.write(tmp_path / "few", few)
    assert contents(tmp_path / "few") == {path: expected[path] for path in few}
    source.write(tmp_path / "all", [*source.manifest()])
    assert contents(tmp_path / "all") == expected


def test_below_a_folder(app: GitRepo, tmp_path: Path) -> None:
    source = Repository.discover(app.path).source(app.tree(), "vendor")
    source.write(tmp_path / "out")
    assert contents(tmp_path / "out").keys() == source.manifest().keys()
    source.write(tmp_path / "few", ["lib/lib.c"])
    assert contents(tmp_path / "few").keys() == {"lib/lib.c"}


def test_a_changed_one_is_followed_into_its_commits(app: GitRepo) -> None:
    old = app.tree()
    step_lib(app)
    found = Repository.discover(app.path)
    diff = found.diff(old, app.tree())
    assert {*diff.added} == {"vendor/lib/third party/deep/new.c"}
    assert {*diff.modified} == {"vendor/lib/lib.c", "vendor/lib/third party/deep/deep.c"}
    assert diff.deleted == ("vendor/lib/inc/lib.h",)
    manifests = found.source(old).manifest(), found.source(app.tree()).manifest()
    assert diff == SourceDiff.between(*manifests)
    assert found.diff(old, app.tree(), "vendor").deleted == ("lib/inc/lib.h",)
    assert found.distances([old], app.tree()) == {old: 1}


def test_ignored_by_status_is_not_ignored_here(app: GitRepo) -> None:
    app.git("config", "-f", ".gitmodules", "submodule.vendor/lib.ignore", "all")
    app.commit("status shall not show it")
    old = app.tree()
    lib = GitRepo(app.path / "vendor/lib")
    new = lib.commit("lib again", {"lib.c": "int lib2;\n"})
    # `git add` of a newer git passes it by.
    app.git("update-index", "--cacheinfo", f"160000,{new},vendor/lib")
    app.commit("newer library")
    assert "vendor/lib/lib.c" in Repository.discover(app.path).diff(old, app.tree()).modified
    lib.commit("once more")
    assert Repository.discover(app.path).target().tree != app.tree()


@pytest.mark.parametrize("replacement", ["nothing", "file", "folder"])
def test_one_that_comes_or_goes(app: GitRepo, replacement: str) -> None:
    with_lib = app.tree()
    app.git("rm", "-q", "-f", "vendor/lib")
    if replacement == "file":
        app.write("vendor/lib", "a file\n")
    if replacement == "folder":
        app.write("vendor/lib/lib.c", "int other;\n")
        app.write("vendor/lib/inc/lib.h", "#define LIB\n")
    app.commit("no library")
    without = app.tree()
    found = Repository.discover(app.path)
    for old, new in ((with_lib, without), (without, with_lib)):
        diff = found.diff(old, new)
        manifests = found.source(old).manifest(), found.source(new).manifest()
        assert diff == SourceDiff.between(*manifests)
    if replacement == "folder":
        assert "vendor/lib/lib.c" in found.diff(with_lib, without).modified
        assert "vendor/lib/inc/lib.h" not in {*found.diff(with_lib, without).paths()}


def test_one_as_the_folder_that_is_built(app: GitRepo) -> None:
    found = Repository.discover(app.path)
    with pytest.raises(RepositoryError, match=r"'vendor/lib' in the tree .* is a submodule"):
        found.source(app.tree(), "vendor/lib").manifest()


def test_reading_a_file_of_one(app: GitRepo) -> None:
    found = Repository.discover(app.path)
    assert found.read(app.tree(), "vendor/lib/lib.c") == b"int lib;\n"
    assert found.read(app.tree(), "vendor/lib/third party/deep/deep.c") == b"int deep;\n"
    assert found.read(app.tree(), "vendor/lib/nope") is None
    assert found.read(app.tree(), "vendor/lib") is None
    assert found.source(app.tree(), "vendor").read("lib/lib.c") == b"int lib;\n"
    assert "vendor/lib" in found.tracked(app.tree())


def test_the_checked_out_commit_counts_and_edits_do_not(app: GitRepo) -> None:
    found = Repository.discover(app.path)
    app.write("vendor/lib/lib.c", "edited, not committed\n")
    assert found.target().tree == app.tree()
    GitRepo(app.path / "vendor/lib").commit("moved on")
    target = found.target()
    assert found.diff(app.tree(), target.tree).modified.keys() == {"vendor/lib/lib.c"}
    assert found.target("index").tree == app.tree()


def test_one_that_is_not_initialised(app: GitRepo, tmp_path: Path) -> None:
    clone = app.clone(tmp_path / "clone")
    found = Repository.discover(clone.path)
    assert found.target().tree == clone.tree()
    source = found.source(clone.tree())
    commit = clone.git("rev-parse", "HEAD:vendor/lib")
    expected = (
        f"commit {commit} of the submodule vendor/lib is needed, which is not initialised; "
        "run `git submodule update --init --recursive vendor/lib`"
    )
    for action in (source.manifest, lambda: source.write(tmp_path / "out")):
        with pytest.raises(RepositoryError) as caught:
            action()
        assert str(caught.value) == expected
    source.write(tmp_path / "fine", ["Makefile"])
    clone.git("submodule", "--quiet", "update", "--init", "--recursive", "vendor/lib")
    source.write(tmp_path / "out")
    assert (tmp_path / "out/vendor/lib/third party/deep/deep.c").exists()


def test_a_nested_one_that_is_not_initialised(app: GitRepo, tmp_path: Path) -> None:
    clone = app.clone(tmp_path / "clone")
    clone.git("submodule", "--quiet", "update", "--init")
    with pytest.raises(RepositoryError) as caught:
        Repository.discover(clone.path).source(clone.tree()).manifest()
    assert "submodule vendor/lib/third party/deep is needed, which is not" in str(caught.value)
    assert "git submodule update --init --recursive vendor/lib`" in str(caught.value)


def test_one_that_lacks_the_commit(app: GitRepo, tmp_path: Path) -> None:
    clone = app.clone(tmp_path / "clone")
    clone.git("submodule", "--quiet", "update", "--init", "--recursive")
    old = clone.tree()
    step_lib(app)
    clone.git("pull", "-q", "--no-recurse-submodules")
    found = Repository.discover(clone.path)
    for new in (found.source(clone.tree()).manifest, lambda: found.diff(old, clone.tree())):
        with pytest.raises(
            RepositoryError, match=r"vendor/lib is needed, which lacks it"
        ) as caught:
            new()
        assert not isinstance(caught.value, MissingObjectsError)
    with pytest.raises(MissingObjectsError):
        found.diff(clone.tree(), old)


def test_an_old_commit_that_is_gone_with_its_submodule(app: GitRepo) -> None:
    """The caller then compares with the manifest that the checkpoint carries."""
    with_lib = app.tree()
    app.git("rm", "-q", "vendor/lib")
    app.commit("no library")
    shutil.rmtree(app.path / ".git/modules")
    with pytest.raises(MissingObjectsError, match="vendor/lib"):
        Repository.discover(app.path).diff(with_lib, app.tree())


def test_one_that_is_not_checked_out_any_more(app: GitRepo) -> None:
    """Its objects are still in .git/modules, found by the name in the tree's .gitmodules."""
    with_lib = app.tree()
    app.git("submodule", "--quiet", "deinit", "-f", "--all")
    found = Repository.discover(app.path)
    assert "vendor/lib/third party/deep/deep.c" in found.source(with_lib).manifest()
    shutil.rmtree(app.path / "vendor")
    assert "vendor/lib/third party/deep/deep.c" in found.source(with_lib).manifest()


def test_one_that_was_moved(app: GitRepo) -> None:
    before = app.tree()
    app.git("mv", "vendor/lib", "library")
    app.commit("moved")
    found = Repository.discover(app.path)
    diff = found.diff(before, app.tree())
    assert "library/third party/deep/deep.c" in diff.added
    assert "vendor/lib/lib.c" in diff.deleted


def test_one_with_its_git_folder_inside(repo: GitRepo, tmp_path: Path) -> None:
    """As git made them before 1.7.8, and as `git clone` into a work tree still does."""
    inside = GitRepo.init(repo.path / "vendor/old")
    inside.commit("first", LIB_FILES)
    repo.git("add", "vendor/old")
    repo.commit("a submodule without .gitmodules")
    source = Repository.discover(repo.path).source(repo.tree())
    source.write(tmp_path / "out")
    assert (tmp_path / "out/vendor/old/lib.c").read_text() == "int lib;\n"


def test_in_linked_worktrees(app: GitRepo, tmp_path: Path) -> None:
    linked = GitRepo(tmp_path / "linked")
    app.git("worktree", "add", "-q", str(linked.path))
    # Nothing checked out there yet: the objects are those of the main work tree's submodule.
    assert "vendor/lib/lib.c" in Repository.discover(linked.path).source(app.tree()).manifest()
    linked.git("submodule", "--quiet", "update", "--init", "--recursive")
    inner = GitRepo(linked.path / "vendor/lib")
    inner.commit("only there", {"lib.c": "int linked;\n"})
    linked.commit("newer library")
    for place in (linked, app):
        found = Repository.discover(place.path)
        content = found.read(linked.tree(), "vendor/lib/lib.c")
        assert content == b"int linked;\n", place
    found.source(linked.tree()).write(tmp_path / "out")
    assert (tmp_path / "out/vendor/lib/lib.c").read_text() == "int linked;\n"


def test_a_bare_repository_has_no_submodules_objects(app: GitRepo, tmp_path: Path) -> None:
    bare = app.clone(tmp_path / "bare.git", "--bare")
    with pytest.raises(RepositoryError, match="submodule vendor/lib is needed"):
        Repository.discover(bare.path).source(app.tree()).manifest()


def test_a_name_that_leads_out_of_the_git_folder(app: GitRepo, tmp_path: Path) -> None:
    """.gitmodules comes from whoever wrote the commit."""
    stray = tmp_path / "stray"
    shutil.copytree(app.path / ".git/modules/vendor/lib", stray)
    app.git("submodule", "--quiet", "deinit", "-f", "--all")
    shutil.rmtree(app.path / ".git/modules/vendor")
    app.write(".gitmodules", '[submodule "../../../stray"]\n\tpath = vendor/lib\n\turl = x\n')
    app.git("add", ".gitmodules")
    app.git("commit", "-q", "-m", "evil")
    with pytest.raises(RepositoryError, match="not initialised"):
        Repository.discover(app.path).source(app.tree()).manifest()


@pytest.mark.parametrize(
    ("ignore", "same"),
    [
        (["vendor/**"], True),
        (["vendor/lib/"], True),
        (["lib"], False),
        (["*.c"], False),
        (["vendor/lib/*"], False),
        (["vendor/lib/lib.c"], False),
    ],
)
def test_key_ignores_one_only_as_a_whole(app: GitRepo, ignore: list[str], same: bool) -> None:
    found = Repository.discover(app.path)
    before = found.key(app.tree(), ".", ignore)
    step_lib(app)
    assert (found.key(app.tree(), ".", ignore) == before) is same


def test_one_where_a_link_was(app: GitRepo, tmp_path: Path) -> None:
    """A submodule's files are not written through what an older tree left in its place."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / "vendor").mkdir(parents=True)
    (out / "vendor/lib").symlink_to(elsewhere)
    Repository.discover(app.path).source(app.tree()).write(out, ["vendor/lib/lib.c"])
    assert list(elsewhere.iterdir()) == []
    assert (out / "vendor/lib/lib.c").exists()
