"""Installing and uninstalling: into the folder git uses, and back to what was, byte for byte."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ckpt_git.git.hooks.folder import hooks_folder
from ckpt_git.git.hooks.install import HOOKS, install, uninstall
from ckpt_git.git.repository import Repository
from ckpt_git.model.errors import RepositoryError
from tests.support import GitRepo

PYTHON = "/opt/it's a pythön/bin/python3"
THEIRS = "#!/bin/sh\necho theirs\n"


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A repository without any hook, not even samples."""
    repo = GitRepo.init(tmp_path / "the répo")
    shutil.rmtree(repo.path / ".git" / "hooks", ignore_errors=True)
    return repo


def _hook(repo: GitRepo) -> Path:
    return repo.path / ".git" / "hooks" / "post-commit"


def _kept(repo: GitRepo) -> Path:
    """Where a hook is kept that was there before ours."""
    return repo.path / ".git" / "hooks.ckpt-chained" / "post-commit"


def _install(repo: GitRepo, python: str = PYTHON, **options: bool) -> str:
    return "\n".join(install(Repository.discover(repo.path), python, **options))


def _uninstall(repo: GitRepo) -> str:
    return "\n".join(uninstall(Repository.discover(repo.path)))


def _their_hook(repo: GitRepo) -> os.stat_result:
    """A hook of someone else's, with a mode and a time of its own."""
    _hook(repo).parent.mkdir()
    _hook(repo).write_text(THEIRS)
    _hook(repo).chmod(0o751)
    os.utime(_hook(repo), ns=(1, 1_600_000_000_123_456_789))
    return _hook(repo).stat()


def test_the_folder_is_made_and_is_empty_again_afterwards(repo: GitRepo) -> None:
    assert "installed" in _install(repo)
    assert os.access(_hook(repo), os.X_OK)
    assert "removed" in _uninstall(repo)
    assert list(_hook(repo).parent.iterdir()) == []
    assert "no hook of ours" in _uninstall(repo)


def test_installing_again_changes_nothing(repo: GitRepo) -> None:
    _their_hook(repo)
    _install(repo)
    before = {path: path.stat().st_mtime_ns for path in _hook(repo).parent.iterdir()}
    assert "already" in _install(repo)
    assert {path: path.stat().st_mtime_ns for path in _hook(repo).parent.iterdir()} == before


def test_each_event_has_its_hook_and_checkout_where_it_is_asked_for(repo: GitRepo) -> None:
    folder = _hook(repo).parent
    assert _install(repo).splitlines() == [f"installed {', '.join(HOOKS)} in {folder}"]
    assert {path.name for path in folder.iterdir()} == set(HOOKS)
    assert "installed post-checkout" in _install(repo, checkout=True)
    assert "post-checkout" in _install(repo)
    assert "removed post-checkout" in _install(repo, checkout=False)
    assert {path.name for path in folder.iterdir()} == set(HOOKS)
    _install(repo, checkout=True)
    _uninstall(repo)
    assert list(folder.iterdir()) == []


def test_an_older_version_that_had_one_hook_gets_the_others(repo: GitRepo) -> None:
    _install(repo, "/old/python")
    for name in HOOKS[1:]:
        _hook(repo).with_name(name).unlink()
    said = _install(repo)
    assert "updated post-commit in" in said
    assert f"installed {', '.join(HOOKS[1:])} in" in said


def test_a_moved_interpreter_is_updated_and_the_chained_hook_kept(repo: GitRepo) -> None:
    _their_hook(repo)
    _install(repo, "/old/python")
    assert "updated" in _install(repo, "/new/python")
    text = _hook(repo).read_text()
    assert "/new/python" in text
    assert "/old/python" not in text
    _uninstall(repo)
    assert _hook(repo).read_text() == THEIRS


def test_uninstalling_brings_back_the_very_file_that_was_there(repo: GitRepo) -> None:
    before = _their_hook(repo)
    assert "hooks.ckpt-chained/post-commit" in _install(repo)
    _uninstall(repo)
    after = _hook(repo).stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_ino, after.st_nlink) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_ino,
        before.st_nlink,
    )
    assert _hook(repo).read_text() == THEIRS
    assert list(_hook(repo).parent.iterdir()) == [_hook(repo)]


@pytest.mark.parametrize("target", ["../../hooks/post-commit", "/nowhere/at all"])
def test_a_symlink_stays_a_symlink(repo: GitRepo, target: str) -> None:
    repo.write("hooks/post-commit", THEIRS, executable=True)
    _hook(repo).parent.mkdir()
    _hook(repo).symlink_to(target)
    _install(repo)
    assert not _hook(repo).is_symlink()
    assert _kept(repo).readlink() == Path(target)
    assert (repo.path / "hooks" / "post-commit").read_text() == THEIRS
    _uninstall(repo)
    assert _hook(repo).readlink() == Path(target)


def test_a_hook_of_ours_that_was_edited_is_left_alone(repo: GitRepo) -> None:
    _install(repo)
    edited = _hook(repo).read_text() + "echo mine\n"
    _hook(repo).write_text(edited)
    assert "edited" in _install(repo, "/new/python")
    assert "edited" in _uninstall(repo)
    assert _hook(repo).read_text() == edited
    assert "updated" in _install(repo, force=True)
    assert "removed" in _uninstall(repo)


def test_a_hook_that_replaced_ours_is_left_alone(repo: GitRepo) -> None:
    _their_hook(repo)
    _install(repo)
    _hook(repo).write_text("#!/bin/sh\necho newer\n")
    with pytest.raises(RepositoryError, match="replaced by another tool"):
        _install(repo, force=True)
    assert "stays" in _uninstall(repo)
    assert _hook(repo).read_text() == "#!/bin/sh\necho newer\n"
    assert _kept(repo).read_text() == THEIRS


def test_the_chained_hook_comes_back_though_ours_was_deleted(repo: GitRepo) -> None:
    _their_hook(repo)
    _install(repo)
    _hook(repo).unlink()
    _uninstall(repo)
    assert _hook(repo).read_text() == THEIRS


def test_ours_that_pre_commit_moved_aside_is_updated_and_removed_there(repo: GitRepo) -> None:
    _install(repo, "/old/python")
    legacy = _hook(repo).with_name("post-commit.legacy")
    _hook(repo).rename(legacy)
    _hook(repo).write_text(THEIRS)
    assert "updated" in _install(repo)
    assert _hook(repo).read_text() == THEIRS
    assert "pythön" in legacy.read_text()
    _uninstall(repo)
    assert list(_hook(repo).parent.iterdir()) == [_hook(repo)]


def test_the_frameworks_hook_that_ours_chained_does_not_come_back_twice(repo: GitRepo) -> None:
    """``pre-commit install`` after ours moves ours aside and puts its own in place once more."""
    theirs = "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n"
    repo.write(".git/hooks/post-commit", theirs, executable=True)
    _install(repo)
    _hook(repo).rename(_hook(repo).with_name("post-commit.legacy"))
    _hook(repo).write_text(theirs)
    assert "removed" in _uninstall(repo)
    assert list(_hook(repo).parent.iterdir()) == [_hook(repo)]


def test_linked_work_trees_share_the_hook(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit()
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    _install(GitRepo(tmp_path / "linked"))
    assert _hook(repo).exists()
    assert "already" in _install(repo)


def test_a_relative_hooks_path_is_one_from_the_top(repo: GitRepo) -> None:
    repo.git("config", "core.hooksPath", "my/höoks")
    repo.write("sub/file")
    _install(GitRepo(repo.path / "sub"))
    assert (repo.path / "my" / "höoks" / "post-commit").exists()
    assert not _hook(repo).exists()
    assert "removed" in _uninstall(GitRepo(repo.path / "sub"))
    assert not (repo.path / "my" / "höoks" / "post-commit").exists()


def test_a_hooks_path_chosen_since_does_not_hide_ours_from_uninstall(repo: GitRepo) -> None:
    _install(repo)
    repo.git("config", "core.hooksPath", "elsewhere")
    assert "removed" in _uninstall(repo)
    assert not _hook(repo).exists()


def test_a_folder_that_the_project_tracks_is_written_to_only_by_force(repo: GitRepo) -> None:
    repo.write(".githooks/pre-commit", THEIRS, executable=True)
    repo.commit()
    repo.git("config", "core.hooksPath", ".githooks")
    with pytest.raises(RepositoryError, match="part of the project") as caught:
        _install(repo)
    assert "git ckpt hook EVENT" in str(caught.value)
    assert repo.git("status", "--porcelain") == ""
    _install(repo, force=True)
    assert (repo.path / ".githooks" / "post-commit").exists()
    _uninstall(repo)
    assert repo.git("status", "--porcelain") == ""


def test_a_link_from_the_git_folder_into_the_project_counts_as_the_project(repo: GitRepo) -> None:
    repo.write("hooks/pre-commit", THEIRS, executable=True)
    repo.commit()
    _hook(repo).parent.symlink_to("../hooks")
    with pytest.raises(RepositoryError, match="part of the project"):
        _install(repo)


def test_husky_is_asked_to_call_us(repo: GitRepo) -> None:
    repo.write(".husky/_/post-commit", THEIRS, executable=True)
    repo.write(".husky/_/.gitignore", "*")
    repo.git("config", "core.hooksPath", ".husky/_")
    with pytest.raises(RepositoryError, match="husky"):
        _install(repo)


def test_a_global_folder_is_written_to_only_by_force(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[core]\n\thooksPath = ~/hooks\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    everyones = tmp_path / "home" / "hooks"
    everyones.mkdir()
    with pytest.raises(RepositoryError, match="other repositories"):
        _install(repo)
    assert list(everyones.iterdir()) == []
    _install(repo, force=True)
    assert {path.name for path in everyones.iterdir()} == set(HOOKS)


def test_a_folder_that_a_conditional_include_names_is_the_one(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "at work").write_text(f'[core]\n\thooksPath = "{tmp_path}/hooks at work"\n')
    config = tmp_path / "gitconfig"
    config.write_text(f'[includeIf "gitdir:{tmp_path}/the*/"]\n\tpath = "{tmp_path}/at work"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    with pytest.raises(RepositoryError, match="other repositories"):
        _install(repo)
    _install(repo, force=True)
    assert (tmp_path / "hooks at work" / "pre-push").exists()
    assert "removed" in _uninstall(repo)


def test_a_bare_repository_and_its_work_trees_have_one_folder(
    repo: GitRepo, tmp_path: Path
) -> None:
    repo.commit()
    bare = repo.clone(tmp_path / "bare.git", "--bare")
    bare.git("worktree", "add", "-q", str(tmp_path / "linked"))
    _install(bare)
    assert (bare.path / "hooks" / "pre-push").exists()
    assert "already" in _install(GitRepo(tmp_path / "linked"))
    _uninstall(GitRepo(tmp_path / "linked"))
    assert not (bare.path / "hooks" / "pre-push").exists()


def test_hooks_that_came_from_a_template_folder_are_ours_or_chained(
    repo: GitRepo, tmp_path: Path
) -> None:
    _install(repo, "/old/python")
    template = tmp_path / "template"
    shutil.copytree(_hook(repo).parent, template / "hooks")
    (template / "hooks" / "pre-push").write_text(THEIRS)
    there = GitRepo(tmp_path / "there")
    repo.git("init", "-q", f"--template={template}", str(there.path))
    said = _install(there)
    assert "updated post-commit, post-merge, post-rewrite, post-applypatch in" in said
    assert "the pre-push hook that was there is now hooks.ckpt-chained/pre-push" in said
    _uninstall(there)
    assert [path.name for path in _hook(there).parent.iterdir()] == ["pre-push"]


def test_a_hooks_folder_that_a_template_links_to_is_everyones(
    repo: GitRepo, tmp_path: Path
) -> None:
    (tmp_path / "everyone's").mkdir()
    _hook(repo).parent.symlink_to(tmp_path / "everyone's")
    with pytest.raises(RepositoryError, match="other repositories"):
        _install(repo)


def test_a_folder_outside_that_this_repository_chose_is_used(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("config", "core.hooksPath", str(tmp_path / "outside"))
    assert str(tmp_path / "outside") in _install(repo)
    assert (tmp_path / "outside" / "post-commit").exists()


def test_hooks_that_are_switched_off_are_said_to_be(repo: GitRepo) -> None:
    repo.git("config", "core.hooksPath", "/dev/null")
    with pytest.raises(RepositoryError, match="no hooks") as caught:
        hooks_folder(Repository.discover(repo.path))
    assert "--unset core.hooksPath" in str(caught.value)
    with pytest.raises(RepositoryError):
        _install(repo, force=True)


def test_a_folder_that_cannot_be_written_is_one_line(repo: GitRepo) -> None:
    _hook(repo).parent.write_text("a file in the folder's place")
    with pytest.raises(RepositoryError) as caught:
        _install(repo)
    assert len(str(caught.value).splitlines()) == 1
