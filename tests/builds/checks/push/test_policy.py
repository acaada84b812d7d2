"""``[push]`` in ckpt.toml: which refs and remotes, which commits, how sure, what if it can't."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builds.checks.push.conftest import BROKEN, BUILD, CONFIG, Pushing


def _broken(pushing: Pushing, policy: str) -> None:
    pushing.configure(f"\n[push]\n{policy}\n")
    pushing.repo.commit("broken", {"build.sh": BROKEN})


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        *(("main", 1), ("release/1.0", 1), ("wip", 0)),
        *(("refs/tags/v1", 1), ("refs/tags/x1", 0), ("refs/for/main", 0)),
    ],
)
def test_only_names_what_counts_by_its_name_at_the_remote(
    pushing: Pushing, ref: str, code: int
) -> None:
    _broken(pushing, 'only = ["main", "release/*", "tags/v*"]')
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    pushing.push("origin", f"HEAD:{full}", code=code)
    assert (pushing.has(full) is None) == bool(code)


def test_only_these_remotes_count(pushing: Pushing, tmp_path: Path) -> None:
    _broken(pushing, 'remotes = ["upstream", "*/shared/*"]')
    pushing.push("origin", "main")
    pushing.repo.git("remote", "add", "upstream", str(pushing.remote.path))
    pushing.push("upstream", "main:other", code=1)
    (tmp_path / "shared").symlink_to(tmp_path)
    pushing.push(str(tmp_path / "shared" / "the remoté"), "main:other", code=1)


def test_every_commit_of_the_pushed_range(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.configure('\n[push]\ncommits = "all"\n')
    repo.commit("policy")
    pushing.push("origin", "main")
    assert len(pushing.records()) == 2  # the first commit was new to the remote too
    repo.commit("fine", {"in.txt": "2\n"})
    broken = repo.commit("broken", {"build.sh": BROKEN})
    repo.commit("mended", {"build.sh": BUILD})
    said = pushing.push("origin", "main", code=1)
    assert broken[:10] in said.line("does not build")
    pushing.push("origin", "main:new", code=1)
    assert len(pushing.records()) == 4


def test_tips_only_is_the_default(pushing: Pushing) -> None:
    pushing.repo.commit("broken", {"build.sh": BROKEN})
    pushing.repo.commit("mended", {"build.sh": BUILD})
    pushing.push("origin", "main")


def test_verified_takes_a_clean_build_that_is_identical(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.configure('\n[push]\nrequire = "verified"\n')
    repo.commit("policy")
    said = pushing.push("origin", "main")  # built clean, for there is no checkpoint
    assert "verified" in said.line("what is pushed to main builds")
    repo.commit("change", {"in.txt": "2\n"})
    pushing.project.ckpt("build", "HEAD")
    assert pushing.records()[0].depth == 1
    assert "a clean build, to compare with" in pushing.push("origin", "main").err
    assert pushing.records()[0].verified
    again = pushing.push("origin", "main:again")
    assert again.err == "ckpt: what is pushed to again builds (known from before, verified)\n"


def test_verified_asks_for_more_than_a_memory(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.configure('\n[push]\nrequire = "verified"\n')
    repo.commit("policy")
    pushing.push("origin", "main")
    repo.commit("nothing that the build reads", {"beside.txt": "\n"})
    pushing.project.ckpt("build", "HEAD")
    assert pushing.records()[0].made == "remembered"
    assert pushing.records()[0].ran == 0
    assert "a clean build, to compare with" in pushing.push("origin", "main").err
    assert pushing.records()[0].verified


# A process has another number where those before it were answered, not run.
TELLS_ITS_NUMBER = """\
sh -c '/bin/true; /bin/true; cat build.sh >first'
sh -c 'read what <in.txt; echo $$ $what >out.txt'
"""


def test_a_difference_from_a_clean_build_refuses_once(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.configure('\n[push]\nrequire = "verified"\n')
    repo.commit("number", {"build.sh": TELLS_ITS_NUMBER})
    pushing.push("origin", "main")
    repo.commit("change", {"in.txt": "2\n"})
    said = pushing.push("origin", "main", code=1)
    assert "another thing from a checkpoint" in said.line("push refused")
    assert "    out.txt" in said.err.splitlines()
    pushing.push("origin", "main")


def test_traced_takes_a_build_that_was_seen_whole(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.configure('\n[push]\nrequire = "traced"\n')
    repo.commit("policy")
    pushing.push("origin", "main")
    repo.commit("change", {"in.txt": "2\n"})
    pushing.project.ckpt("build", "HEAD")
    assert pushing.push("origin", "main").err.endswith("(known from before)\n")
    pushing.push("origin", "main:again")


def test_traced_refuses_what_was_not_seen_although_it_is_on_record(pushing: Pushing) -> None:
    repo = pushing.repo
    pushing.configure('trace = false\n[push]\nrequire = "traced"\n')
    repo.commit("trusts the build tool")
    pushing.project.ckpt("build", "HEAD")
    assert pushing.records()[0].trace == "none"
    for _ in range(2):  # built, and known from before
        said = pushing.push("origin", "main", code=1)
        assert "its build was not seen whole" in said.line("can't be validated")
    assert len(pushing.records()) == 1
    pushing.configure('trace = false\n[push]\nrequire = "traced"\non_error = "allow"\n')
    repo.commit("may go all the same")
    assert "its build was not seen whole" in pushing.push("origin", "main").err


@pytest.fixture
def tools() -> Iterator[Path]:
    """A folder that isn't where a build has its temporary files."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def test_what_was_built_with_another_compiler_is_built_anew(pushing: Pushing, tools: Path) -> None:
    """Its recipe is the same: what the build read of the system says it."""
    repo = pushing.repo
    compiler = tools / "compile"
    compiler.write_text('#!/bin/sh\ncp "$1" out.txt\n')
    compiler.chmod(0o755)
    pushing.configure(f'inputs = ["{tools}"]\n')
    repo.commit("a compiler", {"build.sh": f"{compiler} in.txt\n"})
    pushing.push("origin", "main")
    assert pushing.push("origin", "main:again").err.endswith("(known from before)\n")
    (tools / "beside").write_text("what no build looks at\n")
    assert pushing.push("origin", "main:beside").err.endswith("(known from before)\n")
    compiler.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    said = pushing.push("origin", "main:third", code=1)
    assert "does not build" in said.err
    assert pushing.has("third") is None


def test_a_broken_config_refuses_with_its_line_unless_it_allows(pushing: Pushing) -> None:
    repo = pushing.repo
    repo.commit("a slip", {"ckpt.toml": CONFIG + "biuld = 1\n"})
    said = pushing.push("origin", "main", code=1)
    assert 'ckpt.toml:4: unknown key "biuld"' in said.line("can't be validated")
    repo.commit("allow", {"ckpt.toml": CONFIG + 'biuld = 1\n[push]\non_error = "allow"\n'})
    said = pushing.push("origin", "main")
    assert 'unknown key "biuld"' in said.line("without having been validated")


def test_a_program_that_is_missing_is_an_error_not_a_failure(pushing: Pushing) -> None:
    pushing.repo.commit("x", {"build.sh": "no-such-compiler in.txt\n"})
    said = pushing.push("origin", "main", code=1)
    assert "`no-such-compiler` is not there" in said.line("can't be validated")
    pushing.configure('\n[push]\non_error = "allow"\n')
    pushing.repo.commit("allow")
    pushing.push("origin", "main")


def test_a_folder_that_is_not_there_is_an_error(pushing: Pushing) -> None:
    pushing.configure('inputs = ["/no/such/folder"]\n')
    pushing.repo.commit("x")
    assert "/no/such/folder" in pushing.push("origin", "main", code=1).line("can't be validated")
