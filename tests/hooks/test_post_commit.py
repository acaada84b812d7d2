"""hooks/background.sh after a commit: what it says, what it leaves to others, what it chains."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ckpt_git.git.hooks.install import install, uninstall
from tests.background.project import Project
from tests.records.values import notices
from tests.support import eventually

SHELLS = (["bash", "--posix"], ["busybox", "sh"], ["ksh"], ["mksh"], ["zsh", "--emulate", "sh"])
STARTS = "ckpt: rebuilding in the background (git ckpt watch)\n"


def _hook(project: Project) -> Path:
    return project.repo.path / ".git" / "hooks" / "post-commit"


def _chain(project: Project, theirs: str) -> None:
    """Make ``theirs`` the hook that was there before ours."""
    uninstall(project.repository)
    _hook(project).write_text(theirs)
    _hook(project).chmod(0o755)
    install(project.repository, str(project.python))


def _started(project: Project) -> bool:
    """Whether a builder was started: it would show up within a fraction of this time."""
    time.sleep(0.4)
    return project.processes() != [] or project.built() != []


def test_a_builder_is_started(project: Project) -> None:
    assert project.commit() == STARTS
    assert _started(project)


@pytest.mark.parametrize("shell", [["sh"], *filter(lambda s: shutil.which(s[0]), SHELLS)])
def test_any_shell_will_do(project: Project, shell: list[str]) -> None:
    project.state.post_notice("ckpt: caf\\ne")
    done = subprocess.run(
        [*shell, _hook(project)], cwd=project.repo.path, capture_output=True, check=True
    )
    assert done.stderr.decode() == "ckpt: caf\\ne\n" + STARTS
    assert _started(project)


def test_it_can_be_skipped(project: Project) -> None:
    assert project.git("commit", "-q", "--allow-empty", "-m", "x", CKPT_SKIP="1") == ""
    assert not _started(project)


def test_a_setting_that_has_it_skipped_is_known_from_the_second_time_on(project: Project) -> None:
    project.repo.git("config", "ckpt.skip", "true")
    project.commit()
    eventually((project.state.path / "skip").exists, "it was found")
    assert project.commit() == ""
    project.repo.git("config", "ckpt.skip", "false")
    assert project.commit() == STARTS
    project.open_gate()
    project.wait_for_records(1)
    project.wait_until_idle()
    assert not (project.state.path / "skip").exists()
    assert len(project.built()) == 1


def test_a_repository_without_configuration_hears_nothing(project: Project) -> None:
    project.repo.remove("ckpt.toml")
    assert project.commit() == ""
    assert not _started(project)


@pytest.mark.parametrize("mark", ["rebase-merge", "rebase-apply", "BISECT_LOG"])
def test_a_step_is_not_built(project: Project, mark: str) -> None:
    (project.repo.path / ".git" / mark).mkdir()
    done = subprocess.run([_hook(project)], cwd=project.repo.path, capture_output=True, check=True)
    assert done.stderr == b""
    assert not _started(project)


def test_a_git_folder_that_only_git_dir_names_is_said_not_to_be_found(project: Project) -> None:
    elsewhere = project.aside / "git folder"
    (project.repo.path / ".git").rename(elsewhere)
    named = (f"--git-dir={elsewhere}", f"--work-tree={project.repo.path}")
    said = project.git(*named, "commit", "-q", "--allow-empty", "-m", "x")
    assert said == f"ckpt: nothing is rebuilt: there is no .git in {project.repo.path}\n"
    elsewhere.rename(project.repo.path / ".git")


def test_an_interpreter_that_is_gone_is_told_and_git_goes_on(project: Project) -> None:
    project.python.unlink()
    said = project.commit()
    assert said == (
        f"ckpt: nothing is rebuilt: {project.python} is gone; run `git ckpt install` again\n"
    )


def test_a_python_that_does_not_start_is_told_once_at_the_next_commit(project: Project) -> None:
    whole = project.python.read_text()
    project.python.write_text("#!/bin/sh\necho 'No module named ckpt_git' >&2\nexit 1\n")
    project.commit()
    log = project.state.path / "start.log"
    eventually(lambda: log.exists() and log.stat().st_size > 0, "it failed")
    project.python.write_text(whole)
    said = project.commit()
    assert said.startswith("ckpt: the last background build did not start: No module named")
    assert "did not start" not in project.commit()


def test_a_module_of_the_repository_is_not_imported(project: Project) -> None:
    mark = project.aside / "imported"
    for name in ("json.py", "ckpt_git.py", "subprocess.py"):
        project.repo.write(name, f"open({str(mark)!r}, 'w')\nraise SystemExit(1)\n")
    project.open_gate()
    project.commit()
    assert project.wait_for_records(1)[0].passed
    assert not mark.exists()


def test_the_hook_that_was_there_gets_all_it_got_before(project: Project) -> None:
    out = project.aside / "out"
    _chain(project, f"#!/bin/sh\n{{ echo \"$#|$1|$2\"; cat; }} >'{out}'\nexit 7\n")
    done = subprocess.run(
        [_hook(project), "one two", "*"],
        cwd=project.repo.path,
        input=b"from git\n",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 7
    assert out.read_text() == "2|one two|*\nfrom git\n"
    assert done.stderr.decode() == STARTS


def test_the_hook_that_was_there_runs_when_ours_is_skipped_and_git_ignores_its_failure(
    project: Project,
) -> None:
    _chain(project, "#!/bin/sh\necho theirs >&2\nexit 1\n")
    assert project.git("commit", "-q", "--allow-empty", "-m", "x", CKPT_SKIP="1") == "theirs\n"


def test_a_hook_that_git_would_not_have_run_is_not_run(project: Project) -> None:
    _chain(project, "#!/bin/sh\necho theirs >&2\n")
    (project.repo.path / ".git" / "hooks.ckpt-chained" / "post-commit").chmod(0o644)
    assert project.commit() == STARTS


def test_hooks_that_chain_each_other_end(project: Project) -> None:
    """The pre-commit framework keeps ours as ``.legacy``; a second install then chains it."""
    manager = '#!/bin/sh\necho manager >&2\nexec "$(cd "${0%/*}" && pwd)/post-commit.legacy"\n'
    _chain(project, manager)
    legacy = _hook(project).with_name("post-commit.legacy")
    legacy.write_bytes(_hook(project).read_bytes())
    legacy.chmod(0o755)
    assert project.commit() == "manager\n" + STARTS


def test_linked_work_trees_find_the_shared_state(project: Project) -> None:
    other = project.repo.path.parent / "other wörk tree"
    project.repo.git("worktree", "add", "-q", str(other), "-b", "other")
    project.state.post_notice("ckpt: told in the other work tree")
    there = Project(type(project.repo)(other), project.aside)
    assert there.commit() == "ckpt: told in the other work tree\n" + STARTS
    assert notices(project.state) == []
    project.wait_for_builds(1)


def test_a_repository_whose_git_folder_lies_elsewhere_finds_its_state(project: Project) -> None:
    elsewhere = project.aside / "git folder"
    project.repo.git("init", "-q", "--separate-git-dir", str(elsewhere))
    project.state.post_notice("ckpt: told")
    assert project.commit() == "ckpt: told\n" + STARTS
    project.wait_for_builds(1)


def test_another_hook_manager_gets_the_same_in_the_foreground(project: Project) -> None:
    project.state.post_notice("ckpt: told")
    uninstall(project.repository)
    began = time.monotonic()
    assert project.hook("post-commit") == "ckpt: told\n" + STARTS
    assert time.monotonic() - began < 5
    project.open_gate()
    assert project.wait_for_records(1)[0].commit == project.repo.head


def test_events_that_are_not_known_never_stop_git(project: Project) -> None:
    assert "post-index-change" in project.hook("post-index-change")
