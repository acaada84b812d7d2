"""What is pushed is validated: each ref's own tree, from its record or by a build."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from ckpt_git.git.hooks.install import install
from ckpt_git.git.repository import Repository
from tests.builds.checks.push.conftest import BROKEN, BUILD, Pushing
from tests.hooks.picture import picture
from tests.support import GitRepo, eventually


def test_three_refs_of_which_one_fails_are_refused_together(pushing: Pushing) -> None:
    repo = pushing.repo
    repo.git("branch", "good")
    repo.git("branch", "better")
    broken = repo.commit("Hope for the best", {"build.sh": BROKEN})
    said = pushing.push("origin", "good", "better", "main", code=1)
    line = said.line("push refused: app does not build")
    assert f'{broken[:10]} "Hope for the best" (main)' in line
    # Told at once as failed from the checkpoint, and again when a clean build has confirmed it.
    told = [line for line in said.err.splitlines() if "error: expected hope" in line]
    assert told[-1].startswith(f"    {repo.path}/in.txt:1: ")
    assert "git push --no-verify" in said.line("pushes all the same")
    assert pushing.has("good") is None
    assert len(pushing.records()) == 2  # good and better are one tree
    pushing.push("origin", "good", "better")
    assert pushing.has("better") == repo.git("rev-parse", "better")


def test_a_push_leaves_what_it_leaves_without_us(pushing: Pushing, tmp_path: Path) -> None:
    """Three refs of which one fails, which changes nothing; then branches, a tag and a deletion."""
    repo, remote = pushing.repo, pushing.remote
    repo.git("remote", "set-url", "origin", f"../{remote.path.name}")
    repo.git("tag", "-a", "-m", "one", "v1")
    repo.git("branch", "good")
    repo.commit("broken", {"build.sh": BROKEN})
    repo.write("in.txt", "staged\n")
    repo.git("add", ".")
    repo.write("in.txt", "edited\n")
    twin, twins_remote = (GitRepo(tmp_path / "twin" / one.path.name) for one in (repo, remote))
    for one, copy in ((repo, twin), (remote, twins_remote)):
        shutil.copytree(one.path, copy.path)
    shutil.rmtree(twin.path / ".git" / "hooks")
    for refs, code in (
        (("good", "main", "v1"), 1),
        (("-u", "good", "v1", "good:other"), 0),
        (("--delete", "other", "v1"), 0),
    ):
        index = (repo.path / ".git/index").read_bytes()
        pushing.push("origin", *refs, code=code)
        assert (repo.path / ".git/index").read_bytes() == index
        if code == 0:
            twin.git("push", "-q", "origin", *refs)
        assert picture(repo) == picture(twin), refs
        assert remote.git("for-each-ref") == twins_remote.git("for-each-ref")


def test_a_known_failure_refuses_without_a_build(pushing: Pushing) -> None:
    repo = pushing.repo
    repo.commit("broken", {"build.sh": BROKEN})
    pushing.push("origin", "main", code=1)
    repo.git("checkout", "-q", "-b", "other", "HEAD~")
    repo.commit("not built yet", {"in.txt": "2\n"})
    said = pushing.push("origin", "other", "main", code=1)
    assert "building" not in said.err
    assert len(pushing.records()) == 1


def test_what_passed_answers_in_one_line_and_builds_nothing(pushing: Pushing) -> None:
    pushing.project.ckpt("build", "HEAD")
    said = pushing.push("origin", "main", "main:refs/heads/copy")
    assert said.err == "ckpt: what is pushed to main, copy builds (known from before)\n"
    assert len(pushing.records()) == 1


def test_the_tree_that_is_pushed_counts_not_the_work_tree_or_the_index(pushing: Pushing) -> None:
    repo = pushing.repo
    good = repo.head
    repo.write("build.sh", BROKEN)
    repo.git("add", ".")
    repo.write("ckpt.toml", "not even a table")
    pushing.push("origin", "main")
    assert pushing.has("main") == good
    assert repo.git("status", "--porcelain") == "M  build.sh\n M ckpt.toml"
    repo.commit("broken", {"build.sh": BROKEN, "ckpt.toml": repo.git("show", "HEAD:ckpt.toml")})
    repo.write("build.sh", BUILD)
    pushing.push("origin", "main", code=1)
    assert pushing.has("main") == good


def test_tags_are_peeled_and_what_is_no_commit_goes_with_a_word(pushing: Pushing) -> None:
    repo = pushing.repo
    repo.git("tag", "-a", "-m", "annotated", "v1")
    repo.git("tag", "tree", "HEAD^{tree}")
    repo.git("tag", "blob", "HEAD:in.txt")
    said = pushing.push("origin", "v1", "tree", "blob")
    assert "refs/tags/tree" in said.line("nothing to build", "tags/tree")
    assert pushing.has("v1^{commit}") == repo.head
    assert len(pushing.records()) == 1
    repo.commit("broken", {"build.sh": BROKEN})
    repo.git("tag", "-a", "-m", "annotated", "v2")
    pushing.push("origin", "v2", code=1)
    assert pushing.has("v2") is None


def test_a_deletion_builds_nothing(pushing: Pushing) -> None:
    pushing.push("--no-verify", "origin", "main:gone")
    assert pushing.push("origin", ":gone").err == ""
    assert pushing.has("gone") is None
    assert pushing.records() == []


def test_a_forced_push_and_a_mirror(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.push("origin", "main")
    repo.git("commit", "-q", "--amend", "-m", "another")
    pushing.push("--force", "origin", "main")
    assert len(pushing.records()) == 1
    repo.git("notes", "add", "-m", "no source")
    repo.git("branch", "other")
    repo.git("fetch", "-q", "origin")
    pushing.push("--mirror", "origin")
    assert pushing.has("refs/notes/commits") is not None
    assert len(pushing.records()) == 1


def test_sha256(tmp_path: Path) -> None:
    pushing = Pushing.make(tmp_path, object_format="sha256")
    pushing.push("origin", "main")
    pushing.repo.commit("Break it", {"build.sh": BROKEN})
    said = pushing.push("origin", "main", code=1)
    assert '"Break it"' in said.line("does not build")


def test_a_failure_is_seen_from_the_checkpoint_and_confirmed_clean(pushing: Pushing) -> None:
    repo = pushing.repo
    # A process has another number where those before it were answered, not run.
    first = "sh -c 'echo $$ >first; /bin/true; /bin/true'\n"
    second = "sh -c 'read first <first; test $$ -gt $((first + 2)) && cp in.txt out.txt'\n"
    repo.commit("x", {"build.sh": first + second})
    pushing.push("origin", "main")
    repo.commit("y", {"in.txt": "2\n"})
    said = pushing.push("origin", "main")
    assert "failed from the checkpoint" in said.err
    assert pushing.has("main") == repo.head


def test_a_build_that_runs_is_joined(pushing: Pushing, tmp_path: Path) -> None:
    repo = pushing.repo
    pushing.configure(f'inputs = ["{tmp_path / "shown"}"]\n')
    (tmp_path / "shown").mkdir()
    gate = tmp_path / "shown" / "gate"
    script = f"echo began\nwhile [ ! -e '{gate}' ]; do sleep 0.05; done\ncp in.txt out.txt\n"
    repo.commit("slow", {"build.sh": script})
    with pushing.project.start("build", "HEAD", stdout=subprocess.DEVNULL) as builder:
        logs = repo.path / ".git" / "ckpt" / "logs"
        eventually(lambda: any("began" in log.read_text() for log in logs.glob("*")), "it builds")
        push = subprocess.Popen(
            ["git", "push", "-q", "origin", "main"], cwd=repo.path, stderr=subprocess.PIPE
        )
        assert push.stderr is not None
        told = b""
        while b"already being built" not in told:
            told += push.stderr.readline()
        gate.touch()
        assert push.wait(60) == 0, told + push.stderr.read()
        push.stderr.close()
        assert builder.wait(60) == 0
        assert builder.stderr is not None
    assert len(pushing.records()) == 1
    assert pushing.has("main") == repo.head


def test_an_interrupted_validation_pushes_nothing(pushing: Pushing) -> None:
    pushing.repo.commit("slow", {"build.sh": "echo began\nsleep 60\n"})
    logs = pushing.repo.path / ".git" / "ckpt" / "logs"
    with subprocess.Popen(
        ["git", "push", "origin", "main"],
        cwd=pushing.repo.path,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as push:
        eventually(lambda: any("began" in log.read_text() for log in logs.glob("*")), "it builds")
        os.killpg(push.pid, signal.SIGINT)  # as the terminal does
        assert push.wait(30) != 0
        assert push.stderr is not None
        assert b"interrupted; nothing is pushed" in push.stderr.read()
    assert pushing.has("main") is None
    assert pushing.records() == []


def test_skipping(pushing: Pushing) -> None:
    pushing.repo.commit("broken", {"build.sh": BROKEN})
    assert pushing.push("origin", "main", env={"CKPT_SKIP": "1"}).err == ""
    assert pushing.has("main") == pushing.repo.head


def test_without_a_ckpt_toml_everything_goes_silently(pushing: Pushing) -> None:
    pushing.repo.remove("ckpt.toml")
    pushing.repo.commit("none")
    assert pushing.push("origin", "main").err == ""
    assert not (pushing.repo.path / ".git" / "ckpt" / "records").exists()


def test_a_bare_repository_pushes_too(pushing: Pushing, tmp_path: Path) -> None:
    bare = GitRepo.init(tmp_path / "bare", bare=True)
    pushing.repo.git("push", "-q", "--no-verify", str(bare.path), "main")
    install(Repository.discover(bare.path))
    bare.git("push", "-q", str(pushing.remote.path), "main")
    assert pushing.has("main") == pushing.repo.head
    assert (bare.path / "ckpt" / "records").exists()
