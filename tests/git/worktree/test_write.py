"""Writing a tree out: the same files that git checks out, and no way for anything else in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ckpt_git.engines.protocol import SourceTree
from ckpt_git.git.repository import Repository
from ckpt_git.git.worktree import materialise
from ckpt_git.model.errors import RepositoryError, StoreError
from tests.git.conftest import checkout, contents
from tests.support import GitRepo

STRANGE = os.fsdecode(b"by\xfftes \t\n:\"'\\")


@pytest.fixture
def rich(repo: GitRepo) -> GitRepo:
    """A repository with all that git does to files on their way out."""
    repo.write(
        ".gitattributes",
        "*.txt text eol=crlf\n*.id ident\n*.u16 text working-tree-encoding=UTF-16LE\n"
        "secret export-ignore\nversion export-subst\n",
    )
    repo.write("dos.txt", "one\ntwo\n")
    repo.write("stamp.id", "$Id$\n")
    repo.write("wide.u16", "wide\n".encode("utf-16-le"))
    repo.write("secret", "kept\n")
    repo.write("version", "$Format:%H$\n")
    repo.write("src/.gitattributes", "*.txt eol=lf\n")
    repo.write("src/unix.txt", "one\ntwo\n")
    repo.write(f"{STRANGE}/{STRANGE}", "any byte\n")
    repo.write("*", "star\n")
    repo.write("A", "upper\n")
    repo.write("a", "lower\n")
    repo.write("empty", "")
    repo.write("-dash", "--all\n")
    repo.write(":!magic", "no pathspec\n")
    repo.commit()
    return repo


def source_of(repo: GitRepo, folder: str = ".") -> SourceTree:
    """As engines get it; mypy sees that it is what their protocol asks for."""
    return Repository.discover(repo.path).source(repo.tree(), folder)


def test_as_a_checkout(rich: GitRepo, tmp_path: Path) -> None:
    source_of(rich).write(tmp_path / "out")
    expected = checkout(rich, "HEAD", tmp_path / "witness")
    assert contents(tmp_path / "out") == expected
    assert expected["dos.txt"][1] == b"one\r\ntwo\r\n"
    assert expected["run.sh"][0] == "755"


@pytest.mark.parametrize("few", [1000, 0])
def test_each_path_as_a_checkout(
    rich: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """By both ways: looked up one by one, and out of the whole tree."""
    monkeypatch.setattr(materialise, "_FEW", few)
    expected = checkout(rich, "HEAD", tmp_path / "witness")
    source = source_of(rich)
    for number, paths in enumerate(
        [["dos.txt"], ["src/unix.txt", STRANGE + "/" + STRANGE, ":!magic", "*", "-dash"], []]
    ):
        out = tmp_path / str(number)
        source.write(out, paths)
        assert contents(out) == {path: expected[path] for path in paths}
    source.write(tmp_path / "all", [*expected])
    assert contents(tmp_path / "all") == expected


def test_the_folder_lands_directly_in_the_target(rich: GitRepo, tmp_path: Path) -> None:
    everything = checkout(rich, "HEAD", tmp_path / "witness")
    expected = {
        path.removeprefix("src/"): entry
        for path, entry in everything.items()
        if path.startswith("src/")
    }
    source_of(rich, "src").write(tmp_path / "out")
    assert contents(tmp_path / "out") == expected
    source_of(rich, "src/").write(tmp_path / "few", ["main.c", "lib/deep.h"])
    assert contents(tmp_path / "few").keys() == {"main.c", "lib/deep.h"}


def test_attributes_above_the_folder_hold(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("second", {".gitattributes": "*.c eol=crlf\n"})
    source_of(repo, "src").write(tmp_path / "out")
    assert (tmp_path / "out/main.c").read_bytes().endswith(b"\r\n")


def test_attributes_lying_about_do_not(repo: GitRepo, tmp_path: Path) -> None:
    """Neither the user's untracked ones nor a build's, below the target."""
    repo.write(".gitattributes", "* eol=crlf\n")
    out = tmp_path / "out"
    (out / "src").mkdir(parents=True)
    for folder in (out, out / "src"):
        (folder / ".gitattributes").write_text("* eol=crlf\n")
    source_of(repo).write(out)
    source_of(repo).write(out, ["src/main.c"])
    assert b"\r" not in (out / "src/main.c").read_bytes()
    assert b"\r" not in (out / "Makefile").read_bytes()


@pytest.mark.parametrize("setting", ["core.autocrlf=true", "core.symlinks=false"])
def test_the_users_configuration_holds(repo: GitRepo, tmp_path: Path, setting: str) -> None:
    repo.git("config", *setting.split("="))
    source_of(repo).write(tmp_path / "out")
    expected = checkout(repo, "HEAD", tmp_path / "witness", setting)
    assert contents(tmp_path / "out") == expected
    assert expected != checkout(repo, "HEAD", tmp_path / "plain")


def test_whatever_the_umask(repo: GitRepo, tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        source_of(repo).write(tmp_path / "out")
    finally:
        os.umask(umask)
    assert {entry[0] for entry in contents(tmp_path / "out").values()} == {"644", "755", "link"}
    assert (tmp_path / "out/src/lib").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("folder", [".", "src"])
def test_what_is_in_the_way_is_replaced(repo: GitRepo, tmp_path: Path, folder: str) -> None:
    repo.commit("second", {"src/a/b/c": "new\n", "src/file": "new\n", "src/link/x": "new\n"})
    out = tmp_path / "out"
    below = out / ("src" if folder == "." else ".")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    below.mkdir(parents=True)
    (below / "a").write_text("a file where a folder goes")
    (below / "file" / "inside").mkdir(parents=True)
    (below / "link").symlink_to(elsewhere)
    (below / "main.c").write_text("old")
    (below / "main.o").write_text("not ours")
    source_of(repo, folder).write(out)
    assert (below / "a/b/c").read_text() == (below / "file").read_text() == "new\n"
    assert (below / "link/x").read_text() == "new\n"
    assert list(elsewhere.iterdir()) == []
    assert (below / "main.c").read_text().startswith("int main")
    assert (below / "main.o").read_text() == "not ours"


def test_a_hard_linked_file_is_parted(repo: GitRepo, tmp_path: Path) -> None:
    """What a checkpoint shares must not change under it."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "kept").write_text("old")
    (out / "Makefile").hardlink_to(tmp_path / "kept")
    source_of(repo).write(out, ["Makefile"])
    assert (tmp_path / "kept").read_text() == "old"
    assert (out / "Makefile").read_text() != "old"


@pytest.mark.parametrize("paths", [["Makefile", "nope"], ["src"], ["../Makefile"], ["src/"]])
def test_a_path_that_is_not_in_the_tree(repo: GitRepo, tmp_path: Path, paths: list[str]) -> None:
    with pytest.raises(RepositoryError, match="there is no file"):
        source_of(repo).write(tmp_path / "out", paths)


def test_a_target_that_cannot_be_written(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        source_of(repo).write(tmp_path / "file" / "out")


def test_a_relative_target(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source_of(repo, "src").write(Path("out"))
    source_of(repo).write(Path("out"), ["Makefile"])
    assert contents(tmp_path / "out").keys() == {"main.c", "lib/deep.h", "Makefile"}


def test_a_target_with_a_strange_name(repo: GitRepo, tmp_path: Path) -> None:
    out = tmp_path / STRANGE
    source_of(repo).write(out)
    source_of(repo).write(out, ["Makefile"])
    assert (out / "Makefile").exists()


def test_filters(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("config", "filter.rot.smudge", "tr a-y b-z")
    repo.git("config", "filter.rot.clean", "tr b-z a-y")
    repo.commit("second", {".gitattributes": "*.rot filter=rot\n", "x.rot": "bcd\n"})
    found = Repository.discover(repo.path)
    assert found.read(repo.tree(), "x.rot") == b"abc\n"
    found.source(repo.tree()).write(tmp_path / "out", ["x.rot"])
    assert (tmp_path / "out/x.rot").read_text() == "bcd\n"
    repo.write("x.rot", "yz\n")
    assert found.read(found.target().tree, "x.rot") == b"xy\n"


@pytest.mark.parametrize("required", ["true", "false"])
@pytest.mark.parametrize("kind", ["smudge", "process"])
@pytest.mark.parametrize("program", ["no-such-program --x", "false"])
def test_a_filter_that_fails(
    repo: GitRepo, tmp_path: Path, required: str, kind: str, program: str
) -> None:
    repo.commit("second", {".gitattributes": "*.big filter=lfs\n", "x.big": "pointer\n"})
    repo.git("config", f"filter.lfs.{kind}", program)
    repo.git("config", "filter.lfs.required", required)
    source = source_of(repo)
    for paths in (None, ["x.big"]):
        with pytest.raises(RepositoryError, match=r"filter .*failed: ") as caught:
            source.write(tmp_path / "out", paths)
        assert "\n" not in str(caught.value)
    source.write(tmp_path / "fine", ["Makefile"])


def test_a_clean_filter_that_fails(repo: GitRepo) -> None:
    repo.commit("second", {".gitattributes": "*.big filter=lfs\n", "x.big": "pointer\n"})
    repo.git("config", "filter.lfs.clean", "no-such-program")
    repo.git("config", "filter.lfs.required", "true")
    repo.write("x.big", "edited\n")
    with pytest.raises(
        RepositoryError, match=r"git's filter lfs for x.big failed: cannot run no-s"
    ):
        Repository.discover(repo.path).target()


@pytest.mark.parametrize("few", [1000, 0])
def test_a_tree_with_paths_that_git_refuses(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Nobody's tree can write into a ``.git`` folder."""
    monkeypatch.setattr(materialise, "_FEW", few)
    blob = repo.git("rev-parse", "HEAD:Makefile")
    inner = repo.git("mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
    tree = repo.git("mktree", stdin=f"040000 tree {inner}\t.git\n".encode())
    source = Repository.discover(repo.path).source(tree)
    for paths in (None, [".git/config"]):
        with pytest.raises(RepositoryError, match=r"\.git/config"):
            source.write(tmp_path / "out", paths)
    assert not (tmp_path / "out/.git").exists()


def test_conversions_name_what_changes_files_on_their_way_out(repo: GitRepo) -> None:
    seen = {source_of(repo).conversions}
    for setting in (
        ("core.autocrlf", "true"),
        ("core.eol", "crlf"),
        ("core.symlinks", "false"),
        ("filter.x.smudge", "cat"),
        ("filter.x.process", "cat"),
    ):
        repo.git("config", *setting)
        seen.add(source_of(repo).conversions)
    for file in (".git/info/attributes", "../home/.config/git/attributes"):
        repo.write(file, "*.c eol=crlf\n")
        seen.add(source_of(repo).conversions)
    repo.git("config", "core.attributesFile", "~/attributes")
    seen.add(source_of(repo).conversions)
    repo.write("../home/attributes", "*.c eol=lf\n")
    seen.add(source_of(repo).conversions)
    assert len(seen) == 9  # a file that isn't there says as little as none
    repo.git("config", "user.name", "Somebody")
    repo.git("config", "filter.x.clean", "cat")
    repo.commit("second", {"Makefile": "edited\n"})
    assert source_of(repo).conversions in seen


def test_settings(repo: GitRepo) -> None:
    repo.git("config", "ckpt.onCommit", "worktree")
    repo.git("config", "--add", "ckpt.onCommit", "commit")
    repo.git("config", "ckpt.Nothing", "")
    (repo.path / ".git/config").open("a").write("[ckpt]\n\tnotes\n")
    repo.git("config", "other.key", "x")
    settings = Repository.discover(repo.path).settings()
    assert dict(settings) == {"oncommit": "commit", "nothing": "", "notes": "true"}
    (repo.path / ".git/config").open("a").write("[broken\n")
    with pytest.raises(RepositoryError, match="config"):
        Repository.discover(repo.path)
