"""Commits as reports name them, and results as notes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from ckpt_git.git.objects.commits import describe
from ckpt_git.git.objects.notes import write_note
from ckpt_git.git.objects.rev_list import range_of, shown
from ckpt_git.git.repository import Repository
from ckpt_git.model.errors import RepositoryError, StoreError
from tests.support import GitRepo

MESSAGE = "Größe: a summary\n\nand a body\n"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_commit_is_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_format: str
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2024-02-29T12:34:56+05:30")
    repo = GitRepo.init(tmp_path / "repo", object_format=object_format)
    commit = repo.commit(MESSAGE, {"a": "1"})
    told = describe(Repository.discover(repo.path), commit)
    assert (told.id, told.short, told.summary) == (commit, commit[:10], "Größe: a summary")
    assert told.authored == datetime.fromisoformat("2024-02-29T12:34:56+05:30")
    assert told.authored.isoformat() == "2024-02-29T12:34:56+05:30"


def test_in_a_linked_worktree_and_under_a_hooks_environment(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    found = Repository.discover(tmp_path / "linked")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert describe(found, found.target("HEAD").commit or "").summary == "first"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("encoding", ["nowhere-7", "hex", "UTF-7", "latin1", "\x1b[31m"])
def test_a_commit_in_any_encoding(tmp_path: Path, object_format: str, encoding: str) -> None:
    repo = GitRepo.init(tmp_path / "repo", object_format=object_format)
    repo.commit("first")
    more = ("-c", f"i18n.commitEncoding={encoding}")
    repo.git(*more, "commit", "-q", "--allow-empty", "-F", "-", stdin=b"it is: \xe4")
    found = Repository.discover(repo.path)
    assert describe(found, repo.head).summary.startswith("it is: ")
    [walked] = range_of(found, "HEAD~1..HEAD")
    assert walked.subject.startswith("it is: ")
    assert shown(found, repo.head)


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32", "latin1", "nowhere-7", ""])
def test_the_encoding_that_the_user_wants_of_a_log_is_not_ours(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    repo.commit("it is: \u00e4")
    found = Repository.discover(repo.path)
    before = range_of(found, "HEAD~1..HEAD"), shown(found, repo.head)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "i18n.logOutputEncoding")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", encoding)
    assert (range_of(found, "HEAD~1..HEAD"), shown(found, repo.head)) == before
    assert [walked.subject for walked in before[0]] == ["it is: \u00e4"]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_no_such_commit(tmp_path: Path, object_format: str) -> None:
    repo = GitRepo.init(tmp_path / "repo", object_format=object_format)
    absent = "1" * (40 if object_format == "sha1" else 64)
    with pytest.raises(RepositoryError, match=f"cannot read the commit {absent}"):
        describe(Repository.discover(repo.path), absent)


def test_nothing_slow_is_imported_on_the_hot_path() -> None:
    """GitPython, typer and rich cost more than a whole build may: they are imported on use."""
    names = "git, typer, rich, inspect, asyncio, urllib, email, concurrent, shutil, tempfile"
    code = (
        "import sys; before = set(sys.modules);"
        "import dataclasses, pathlib, subprocess; given = set(sys.modules);"
        "import ckpt_git.git.repository;"
        "ran = {name for name, module in sys.modules.items() if '__lazy__' not in vars(module)};"
        f"print(*sorted(set({names.split(', ')!r}) & (ran - given)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def note_of(repo: GitRepo, commit: str) -> str:
    return repo.git("notes", "--ref=ckpt", "show", commit)


def test_a_note_is_shown_by_log_and_replaced(repo: GitRepo) -> None:
    found = Repository.discover(repo.path)
    before = repo.git("for-each-ref"), repo.head, repo.git("status", "--porcelain")
    write_note(found, repo.head, "passed in 3 s\n")
    write_note(found, repo.head, "failed\nin two lines\n")
    assert note_of(repo, repo.head) == "failed\nin two lines"
    assert "failed" in repo.git("log", "-1", "--notes=ckpt")
    assert repo.git("log", "-1", "--format=%an", "refs/notes/ckpt") == "A U Thor"
    repo.git("update-ref", "-d", "refs/notes/ckpt")
    assert (repo.git("for-each-ref"), repo.head, repo.git("status", "--porcelain")) == before


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_note_where_git_knows_no_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_format: str
) -> None:
    repo = GitRepo.init(tmp_path / "repo", object_format=object_format)
    commit = repo.commit()
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("EMAIL", raising=False)
    repo.git("config", "user.useConfigOnly", "true")
    write_note(Repository.discover(repo.path), commit, "passed")
    assert note_of(repo, commit) == "passed"
    author = repo.git("log", "-1", "--format=%an <%ae>", "refs/notes/ckpt")
    assert author == "ckpt-git <ckpt-git@localhost>"


def test_a_note_on_nothing(repo: GitRepo) -> None:
    with pytest.raises(RepositoryError, match="cannot write a note on nope"):
        write_note(Repository.discover(repo.path), "nope", "passed")


def test_a_note_that_cannot_be_written(repo: GitRepo) -> None:
    """One line, whatever is in the way; here what another git left when it was killed."""
    repo.write(".git/refs/notes/ckpt.lock", "")
    with pytest.raises((RepositoryError, StoreError), match="cannot write a note") as caught:
        write_note(Repository.discover(repo.path), repo.head, "passed")
    assert "\n" not in str(caught.value)
