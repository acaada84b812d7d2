"""``init``, ``install``, ``uninstall`` and ``doctor``, in repositories of several kinds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ckpt_git.model.config import ckpt_toml
from tests.cli.project import CONFIG, Project
from tests.support import GitRepo

MAIN = "int main(void) { return 0; }\n"

MAKE = {
    "Makefile": "prefix = /usr/local\nall: it\nit: it.c\ninstall: it\n"
    "\tinstall -D it $(DESTDIR)$(prefix)/bin/it\n",
    "it.c": MAIN,
}
CMAKE = {
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.13)\nproject(it C)\n"
    "add_executable(it it.c)\ninstall(TARGETS it DESTINATION bin)\n",
    "it.c": MAIN,
}
MESON = {
    "meson.build": "project('it', 'c')\nexecutable('it', 'it.c', install: true)\n",
    "it.c": MAIN,
}
AUTOTOOLS = {
    "configure.ac": "AC_INIT([it], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "bin_PROGRAMS = it\nit_SOURCES = it.c\n",
    "it.c": MAIN,
}
GO = {"go.mod": "module example.com/it\n\ngo 1.19\n", "main.go": "package main\n\nfunc main() {}\n"}

KINDS = {
    "make": (MAKE, "make"),
    "cmake": (CMAKE, "cmake"),
    "meson": (MESON, "meson"),
    "autotools": (AUTOTOOLS, "automake"),
    "go": (GO, "go"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_init_then_build_in_a_fresh_repository(tmp_path: Path, kind: str) -> None:
    """No question is asked and nothing has to be changed: what it wrote builds."""
    files, tool = KINDS[kind]
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    project = Project.make(tmp_path / "it", files, config=None)
    done = project.ckpt("init")
    written = (project.path / "ckpt.toml").read_text()
    config = ckpt_toml.parse(written)
    assert list(config.packages) == ["it"]
    assert f"wrote {project.path}/ckpt.toml" in done.out
    for line in written.splitlines():
        assert line in done.out
    assert "git add ckpt.toml" in done.out, "what is to be done next"
    project.ckpt("build", "-q")
    assert project.ckpt("run", "it").code == 0


def test_init_names_the_hook_and_the_next_commit_is_built(project: Project) -> None:
    project.repo.git("rm", "-q", "--cached", "ckpt.toml")
    (project.path / "ckpt.toml").unlink()
    done = project.ckpt("init")
    assert "installed post-commit, post-merge, post-rewrite" in done.out
    assert f" in {project.path}/.git/hooks\n" in done.out
    project.repo.git("add", "ckpt.toml")
    project.repo.git("commit", "-q", "-m", "built", env=project.environment())
    watched = project.ckpt("watch")
    assert watched.err.splitlines()[-1] == "ckpt: passed"
    [package] = project.ckpt("status", "--json").json()["packages"]
    assert package["last"]["commit"] == project.repo.head


def test_init_again_keeps_what_was_written(project: Project) -> None:
    project.ckpt("init")
    mine = CONFIG + "timeout = 60\n"
    project.repo.write("ckpt.toml", mine)
    done = project.ckpt("init")
    assert f"kept {project.path}/ckpt.toml as it is (--force writes it anew)" in done.out
    assert (project.path / "ckpt.toml").read_text() == mine
    assert "installed already: " in done.out
    project.ckpt("init", "--force")
    assert (project.path / "ckpt.toml").read_text() != mine


def test_init_names_the_fault_of_a_ckpt_toml_that_is_there(project: Project) -> None:
    project.repo.write("ckpt.toml", CONFIG + "bild = 1\n")
    done = project.ckpt("init", code=2)
    assert done.err.startswith('ckpt: error: ckpt.toml:4: unknown key "bild"')
    project.repo.write("ckpt.toml", b"\xff")
    assert "is not UTF-8" in project.ckpt("init", code=2).err
    assert not (project.path / ".git/hooks/post-commit").exists()


def test_init_in_a_repository_without_a_commit(tmp_path: Path) -> None:
    project = Project(GitRepo.init(tmp_path / "it"))
    for path, text in MAKE.items():
        project.repo.write(path, text)
    assert project.ckpt("init", code=2).err == (
        f"ckpt: error: git tracks no files in {project.path}; `git add` the sources first\n"
    )
    project.repo.git("add", ".")
    project.ckpt("init")
    project.ckpt("build", "-q")


def test_init_where_nothing_is_recognised_says_what_to_write(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "p", {"notes.txt": "nothing to build\n"}, config=None)
    [line] = project.ckpt("init", code=2).err.splitlines()
    assert line.startswith("ckpt: error: found no way to build this repository;")
    assert "[package.NAME]" in line
    assert not (project.path / "ckpt.toml").exists()
    assert not (project.path / ".git/hooks/post-commit").exists()


def test_init_without_hooks(project: Project) -> None:
    project.ckpt("init", "--no-hooks")
    assert not (project.path / ".git/hooks/post-commit").exists()


def test_init_from_a_folder_below(project: Project) -> None:
    done = project.ckpt("init", "--force", cwd=project.path / "src")
    assert f"wrote {project.path}/ckpt.toml" in done.out


def test_install_and_uninstall_leave_what_was_there(project: Project) -> None:
    hook = project.repo.write(".git/hooks/post-commit", "#!/bin/sh\necho mine\n", executable=True)
    before = hook.read_bytes()
    assert "hooks.ckpt-chained/post-commit and runs first" in project.ckpt("install").out
    assert hook.read_bytes() != before
    assert "already" in project.ckpt("install").out
    project.ckpt("uninstall")
    assert hook.read_bytes() == before
    assert project.ckpt("uninstall").code == 0


def test_what_a_hook_is_to_call_is_described(project: Project) -> None:
    usage = project.ckpt("hook", "-h").out
    for event in ("post-commit", "post-merge", "post-rewrite", "post-checkout", "pre-push"):
        assert event in usage
    assert project.ckpt("hook", "--help").out == usage == project.ckpt("hook").out


# --- doctor --------------------------------------------------------------------------------


def test_doctor_finds_a_fresh_setup_fine(project: Project) -> None:
    project.ckpt("install")
    findings = project.ckpt("doctor", "--json").json()["findings"]
    levels = {finding["subject"]: finding["level"] for finding in findings}
    looked_at = {"git", "repository", "hello", "hooks", "store", "sandbox", "layers", "watcher"}
    assert looked_at <= set(levels)
    assert "missing" not in levels.values()
    assert levels["watcher"] == "fine"
    text = project.ckpt("doctor").out
    assert all(f" {finding['subject']} " in text for finding in findings)


def test_doctor_says_what_to_do_about_each_thing_that_is_wrong(project: Project) -> None:
    (project.path / ".git/hooks/post-commit").unlink(missing_ok=True)
    project.repo.write("ckpt.toml", '[package.hello]\nbuild = "nosuch-tool -x && make"\n')
    forced = project.with_env(CKPT_SANDBOX="none")
    done = forced.ckpt("doctor", "--json", code=3)
    findings = {finding["subject"]: finding for finding in done.json()["findings"]}
    assert "`git ckpt install`" in findings["hooks"]["advice"]
    assert "nosuch-tool" in findings["hello"]["text"]
    assert findings["hello"]["level"] == "missing"
    assert findings["sandbox"]["level"] == "note"
    assert "as asked for" in findings["sandbox"]["text"]


def test_doctor_says_where_nothing_can_watch_a_build(project: Project, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "bwrap", "unshare"):
        found = shutil.which(name)
        if found is not None:
            (programs / name).symlink_to(found)
    alone = project.with_env(PATH=str(programs), CKPT_PROGRAMS=str(tmp_path / "programs"))
    findings = alone.ckpt("doctor", "--json", code=None).json()["findings"]
    [watcher] = [finding for finding in findings if finding["subject"] == "watcher"]
    assert watcher["level"] == "note"
    assert "there is no C compiler" in watcher["text"]


def test_doctor_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    done = Project(GitRepo(tmp_path / "plain")).ckpt("doctor", code=3)
    assert "✗ repository" in done.out
    assert "git init" in done.out


def test_doctor_names_a_store_that_cannot_be_used(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = project.with_env(CKPT_STORE=str(tmp_path / "file" / "store")).ckpt("doctor", code=3)
    assert "✗ store" in done.out
    assert "CKPT_STORE" in done.out


def test_doctor_names_a_broken_configuration(project: Project) -> None:
    project.repo.write("ckpt.toml", CONFIG + "bild = 1\n")
    done = project.ckpt("doctor", code=3)
    assert 'ckpt.toml:4: unknown key "bild"' in done.out
    assert "did you mean `build`?" in done.out


def test_doctor_writes_nothing_into_the_repository(project: Project) -> None:
    before = _files(project)
    project.ckpt("doctor", code=None)
    assert _files(project) == before


def _files(project: Project) -> set[str]:
    return {str(path) for path in project.path.rglob("*") if ".git/ckpt" not in os.fspath(path)}
