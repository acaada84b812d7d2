"""What scripts rely on: exit codes, and the keys and types of every ``--json``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ckpt_git import __version__
from tests.cli.project import COMMAND, CONFIG, Project, allowed_files

TWO = (
    CONFIG
    + """
[package.other]
build = "test ! -e broken"
install = "mkdir -p $out && echo other >$out/name"
"""
)

NULL = type(None)
RESULT: dict[str, object] = {
    "package": str,
    "engine": str,
    "outcome": str,
    "made": str,
    "cached": bool,
    "tree": str,
    "commit": (str, NULL),
    "answered_by": (dict, NULL),
    "checkpoint": (dict, NULL),
    "why_clean": (str, NULL),
    "compiled": (int, NULL),
    "commands": {"ran": (int, NULL), "answered": int},
    "trace": str,
    "forced": list,
    "sandbox": str,
    "changes": {"added": int, "modified": int, "deleted": int},
    "out": (str, NULL),
    "log": str,
    "seconds": {"total": float, "diff": float, "materialise": float, "build": float},
}
CHECKPOINT: dict[str, object] = {"commit": (str, NULL), "tree": str, "depth": int}
VERDICT = {**RESULT, "identical": bool, "differences": list, "unreproducible": list}


def assert_form(value: Any, form: Any) -> None:
    """``value`` has exactly the keys of ``form``, with values of its types."""
    if isinstance(form, dict):
        assert set(value) == set(form)
        for key, expected in form.items():
            assert_form(value[key], expected)
    else:
        assert isinstance(value, form), f"{value!r} is no {form}"


def assert_result(result: Any, form: dict[str, object] = RESULT) -> None:
    assert_form(result, form)
    if result["checkpoint"] is not None:
        assert_form(result["checkpoint"], CHECKPOINT)


def test_build_json_has_exactly_the_documented_form(project: Project) -> None:
    document = project.ckpt("build", "--json").json()
    assert set(document) == {"version", "results"}
    assert document["version"] == 1
    [first] = document["results"]
    assert_result(first)
    assert (first["package"], first["engine"], first["outcome"]) == ("hello", "local", "passed")
    assert (first["cached"], first["checkpoint"]) == (False, None)
    assert first["why_clean"] == "there is no checkpoint yet"
    assert (first["tree"], first["commit"]) == (project.repo.tree(), project.repo.head)
    assert (Path(first["out"]) / "share/greeting.txt").read_text() == "hello\n"
    assert "cc -" in Path(first["log"]).read_text()


def test_a_second_build_starts_from_the_first_and_counts_what_changed(project: Project) -> None:
    project.build()
    base = project.repo.head
    project.edit("greeting.txt", "hello", "good day")
    project.repo.write("new.txt", "new\n")
    project.repo.git("add", "new.txt")
    result = project.build()
    assert_result(result)
    assert result["checkpoint"] == {"commit": base, "tree": project.repo.tree(), "depth": 0}
    assert result["why_clean"] is None
    assert (result["made"], result["trace"], result["forced"]) == ("remembered", "complete", [])
    assert result["commands"]["ran"] > 0
    assert result["commands"]["answered"] >= 3, "two that compile, and one that links"
    assert result["compiled"] == 0
    assert result["commit"] is None
    assert result["changes"] == {"added": 1, "modified": 1, "deleted": 0}
    log = Path(result["log"]).read_text()
    assert "good day" in (Path(result["out"]) / "share/greeting.txt").read_text()
    assert "cc -c" not in log, "no source changed, so nothing is compiled"


def test_the_same_tree_again_is_answered_from_the_record(project: Project) -> None:
    first = project.build()
    project.repo.commit("says the same")
    again = project.build("HEAD")
    built = {"commit": first["commit"], "tree": first["tree"]}
    now = {"cached": True, "commit": project.repo.head, "answered_by": built}
    assert again == {**first, **now}


def test_where_a_change_needs_no_build_it_says_whose_record_answers(tmp_path: Path) -> None:
    config = f'{CONFIG}ignore = ["*.md"]\n'
    project = Project.make(tmp_path / "ignored", config=config)
    first = project.build()
    project.repo.commit("words", {"README.md": "words"})
    again = project.build("HEAD")
    assert (again["tree"], again["commit"]) == (project.repo.tree(), project.repo.head)
    assert again["answered_by"] == {"tree": first["tree"], "commit": first["commit"]}
    assert project.ckpt("verify", "HEAD", "--json").json()["results"][0]["identical"]
    [record] = project.ckpt("log", "--json", "-n", "1").json()["records"]
    assert record["answered_by"] is None


def test_a_failed_build_has_the_same_form_and_ends_with_1(project: Project) -> None:
    project.build()
    project.edit("src/main.c", "return", "retrun")
    result = project.build(code=1)
    assert_result(result)
    assert result["outcome"] == "failed"
    assert result["out"] is None
    assert result["why_clean"] == "the build from the checkpoint failed (build ended with 2)"


@pytest.mark.parametrize("options", [[], ["--clean"]])
def test_prepare_prints_the_same_form(project: Project, options: list[str]) -> None:
    document = project.ckpt("prepare", "--json", *options).json()
    assert document["version"] == 1
    assert_result(document["results"][0])
    assert document["results"][0]["commit"] == project.repo.head


def test_prepare_makes_a_checkpoint_of_an_older_commit(project: Project) -> None:
    old = project.repo.head
    project.edit("greeting.txt", "hello", "good day")
    project.repo.commit("second")
    project.ckpt("prepare", "HEAD~1")
    assert project.build()["checkpoint"]["commit"] == old


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_prepare_says_where_no_checkpoint_came_about_and_ends_with_1(
    tmp_path: Path, options: list[str]
) -> None:
    config = """[package.unseen]\nbuild = "true"\ntrace = false\n"""
    project = Project.make(tmp_path / "unseen", {}, config)
    for _ in range(2):
        done = project.ckpt("prepare", *options, code=1)
        assert done.err.splitlines()[-1] == (
            "ckpt: unseen: no checkpoint could be made of it: it was not watched"
        )
    assert project.ckpt("build", *options).code == 0


def test_verify_adds_identical_and_differences(project: Project) -> None:
    project.build()
    project.edit("greeting.txt", "hello", "good day")
    document = project.ckpt("verify", "--json").json()
    assert document["version"] == 1
    [verdict] = document["results"]
    assert_result(verdict, VERDICT)
    assert verdict["checkpoint"] is not None
    assert (verdict["identical"], verdict["differences"]) == (True, [])


def test_verify_names_every_difference_and_ends_with_1(tmp_path: Path) -> None:
    config = """\
[package.limit]
build = "ulimit -n >limit"
install = "mkdir -p $out/lib && cp limit $out/lib/limit && cp plain $out/plain"
"""
    for number, arguments in enumerate(((), ("--json",))):
        project = Project.make(tmp_path / str(number), {"plain": "1\n"}, config)
        with allowed_files(701):
            project.build()
        project.repo.write("plain", "2\n")
        with allowed_files(702):
            done = project.ckpt("verify", *arguments, code=1)
        if arguments:
            [verdict] = done.json()["results"]
            assert (verdict["identical"], verdict["differences"]) == (False, ["lib/limit"])
        else:
            assert "limit: differs from a clean build: lib/limit" in done.out
        # What was shown to be wrong is not what is used from then on.
        assert (Path(project.ckpt("path").out.strip()) / "lib/limit").read_text() == "702\n"
        project.repo.write("plain", "3\n")
        with allowed_files(703):
            project.build()
            [verdict] = project.ckpt("verify", "--json").json()["results"]
        assert verdict["identical"]


def test_verify_of_what_fails_does_not_call_it_identical(project: Project) -> None:
    project.build()
    assert ", 0 files away, nothing to compile" in project.ckpt("status").out
    project.edit("src/main.c", "return", "retrun")
    said = project.ckpt("verify", "-q", code=1).said
    assert "hello: a clean build fails, too" in said
    assert "identical" not in said


def test_verify_tells_what_is_not_reproducible_from_what_differs(tmp_path: Path) -> None:
    config = """\
[package.dice]
build = "true"
install = "mkdir -p $out && cp /proc/sys/kernel/random/uuid $out/dice && cp plain $out/"
"""
    project = Project.make(tmp_path / "p", {"plain": "1\n"}, config)
    project.build()
    project.repo.write("plain", "2\n")
    done = project.ckpt("verify")
    assert "dice: identical to a clean build" in done.out
    assert "dice: not reproducible, two clean builds differ: dice" in done.out


def test_status_json(project: Project) -> None:
    empty = project.ckpt("status", "--json").json()
    assert set(empty.pop("store")) == {"path", "bytes", "limit"}
    assert empty == {
        "version": 1,
        "packages": [
            {
                "package": "hello",
                "checkpoint": None,
                "drift": None,
                "last": None,
                "next_seconds": None,
                "staying": None,
                "checkpoints": [],
            }
        ],
        "running": None,
        "last_run": None,
        "waiting": [],
    }
    built = project.build()
    project.edit("greeting.txt", "hello", "good\nday")
    project.edit("src/main.c", "int main", "int\nmain")
    status = project.ckpt("status", "--json").json()
    [package] = status["packages"]
    assert set(package) == {
        *("package", "checkpoint", "drift", "last", "checkpoints", "next_seconds", "staying")
    }
    [nearest] = package["checkpoints"]
    assert (nearest["files"], nearest["compiled"]) == (2, 1.1)
    assert package["next_seconds"] > 0
    assert package["checkpoint"]["commit"] == project.repo.head
    assert package["checkpoint"]["tree"] == project.repo.tree()
    assert package["checkpoint"]["depth"] == 0
    assert package["drift"] == {"files": 2, "lines": 6}
    assert built.items() <= package["last"].items()


def test_the_status_of_a_thousand_packages(tmp_path: Path) -> None:
    """Of the processor's time, with what is started: another process' work doesn't count."""
    config = "".join(
        f"[package.p{number}]\nsource = 'p{number}'\nbuild = 'true'\n" for number in range(1000)
    )
    files = {f"p{number}/a": "" for number in range(1000)}
    project = Project.make(tmp_path / "p", files, config)
    before = os.times()
    done = subprocess.run(
        [*COMMAND, "status", "--json"],
        cwd=project.path, env=project.environment(), capture_output=True, check=True,
    )  # fmt: skip
    after = os.times()
    assert len(json.loads(done.stdout)["packages"]) == 1000
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 2


def test_log_json_is_newest_first_and_says_why_a_build_failed(project: Project) -> None:
    project.build()
    project.edit("src/main.c", "return", "retrun")
    project.build(code=1)
    records = project.ckpt("log", "--json").json()["records"]
    assert [record["outcome"] for record in records] == ["failed", "passed"]
    assert records[0]["error"][0].startswith(f"{project.path}/src/main.c")
    assert records[0]["failed_phase"] == "build"
    assert len(project.ckpt("log", "--json", "-n", "1").json()["records"]) == 1


# --- packages ------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> Project:
    return Project.make(tmp_path / "two", config=TWO)


def _packages(done: Any) -> list[tuple[str, str]]:
    return [(result["package"], result["outcome"]) for result in done.json()["results"]]


def test_all_packages_are_built_in_the_order_of_the_file(two: Project) -> None:
    done = two.ckpt("build", "--json")
    assert _packages(done) == [("hello", "passed"), ("other", "passed")]


@pytest.mark.parametrize("names", [["other"], ["other", "hello"], ["other", "other"]])
def test_package_chooses_and_may_be_repeated(two: Project, names: list[str]) -> None:
    options = [part for name in names for part in ("--package", name)]
    done = two.ckpt("build", "--json", *options)
    assert [name for name, _ in _packages(done)] == sorted(set(names))


def test_one_failing_package_does_not_keep_the_other_from_being_built(two: Project) -> None:
    two.edit("src/main.c", "return", "retrun")
    done = two.ckpt("build", "--json", code=1)
    assert _packages(done) == [("hello", "failed"), ("other", "passed")]
    assert two.ckpt("path", "-p", "other").out.strip() != ""


@pytest.mark.parametrize(
    "command",
    [
        *(["build"], ["prepare"], ["verify"], ["status"], ["log"], ["path"], ["run"]),
        *(["build", "--background"], ["log", "--output"]),
    ],
)
def test_an_unknown_package_is_named_with_those_that_there_are(
    two: Project, command: list[str]
) -> None:
    rest = ["hello"] if command == ["run"] else []
    done = two.ckpt(*command, "-p", "nope", *rest, code=2)
    assert done.err == ("ckpt: error: no package `nope` in ckpt.toml; it has: hello, other\n")
    assert done.out == ""


def test_the_log_knows_a_package_that_is_gone_from_the_configuration(two: Project) -> None:
    two.ckpt("build")
    two.repo.write("ckpt.toml", CONFIG)
    assert "clean       first" in two.ckpt("log", "-p", "other").out


# --- targets -------------------------------------------------------------------------------


@pytest.fixture
def versions(tmp_path: Path) -> Project:
    """Commit ``one`` (tag ``v1``), commit ``two`` (branch ``side``), index and work tree apart."""
    config = '[package.it]\nbuild = "true"\ninstall = "mkdir -p $out && cp what $out/"\n'
    project = Project.make(tmp_path / "versions", {"what": "one\n"}, config)
    project.repo.git("tag", "-a", "-m", "one", "v1")
    project.repo.commit("two", {"what": "two\n"})
    project.repo.git("branch", "side")
    project.repo.write("what", "index\n")
    project.repo.git("add", "what")
    project.repo.write("what", "worktree\n")
    return project


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ([], "worktree"),
        (["worktree"], "worktree"),
        (["index"], "index"),
        (["HEAD"], "two"),
        (["HEAD~1"], "one"),
        (["v1"], "one"),
        (["side"], "two"),
        (["HEAD~1^{tree}"], "one"),
    ],
)
def test_what_is_built_is_the_target(versions: Project, target: list[str], expected: str) -> None:
    before = versions.repo.git("status", "--porcelain=v2")
    result = versions.build(*target)
    assert (Path(result["out"]) / "what").read_text() == f"{expected}\n"
    tree = versions.repo.git("ls-tree", result["tree"], "what", env=_with_snapshots(versions))
    assert versions.repo.git("cat-file", "-p", tree.split()[2], env=_with_snapshots(versions)) == (
        expected
    )
    if target[:1] == ["v1"]:
        assert result["commit"] == versions.repo.git("rev-parse", "v1^{commit}")
    assert versions.repo.git("status", "--porcelain=v2") == before


def _with_snapshots(project: Project) -> dict[str, str]:
    objects = project.path / ".git/ckpt/objects"
    return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)} if objects.is_dir() else {}


@pytest.mark.parametrize("target", ["nonsense", "HEAD~7", "v1:what", "--", "0" * 40])
def test_a_target_that_is_no_tree_is_named(versions: Project, target: str) -> None:
    done = versions.ckpt("build", "--", target, code=2)
    [line] = done.err.splitlines()
    assert line.startswith(
        f"ckpt: error: there is no commit or tree '{target}' in {versions.path};"
    )


# --- wrong usage ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "no such command 'frobnicate'"),
        (["biuld"], "did you mean 'build'?"),
        (["build", "--frob"], "no such option: --frob"),
        (["log", "-n", "0"], "0 is not in the range"),
        (["build", "HEAD", "HEAD~1"], "unexpected extra argument"),
        (["run"], "missing argument"),
    ],
)
def test_wrong_usage_is_one_line_and_ends_with_2(
    project: Project, arguments: list[str], said: str
) -> None:
    done = project.ckpt(*arguments, code=2)
    [line] = done.err.splitlines()
    assert line.startswith("ckpt: error: ")
    assert said in line.lower()
    assert " -h` shows what there is" in line


def test_version(project: Project) -> None:
    assert project.ckpt("--version").out == f"git-ckpt {__version__}\n"


def test_help_is_a_page_of_80_columns_that_names_every_command(project: Project) -> None:
    page = project.with_env(COLUMNS="80", TERM="dumb").ckpt("-h").out
    assert max(map(len, page.splitlines())) <= 80
    for command in ("init", "install", "uninstall", "prepare", "rebase-checkpoint",
                    "build", "verify", "status", "log",
                    "watch", "cancel", "path", "run", "gc", "doctor", "demo"):  # fmt: skip
        assert f"│ {command} " in page
    assert "TARGET is worktree" in page
    assert "Exit codes: 0 done" in page
    # A paragraph fills its lines: none ends early and goes on in the next.
    introduction = page[page.index("First time") : page.index("TARGET is")].splitlines()
    assert all(len(line.rstrip()) > 60 for line in introduction[:-3])


@pytest.mark.parametrize("command", ["build", "log", "init", "run"])
def test_every_command_describes_its_options(project: Project, command: str) -> None:
    page = project.with_env(COLUMNS="80", TERM="dumb").ckpt(command, "-h").out
    assert f"Usage: git ckpt {command}" in page
    assert max(map(len, page.splitlines())) <= 80


def test_as_a_subcommand_of_git_through_path(project: Project, tmp_path: Path) -> None:
    from tests.cli.project import COMMAND  # noqa: PLC0415

    script = tmp_path / "bin" / "git-ckpt"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    script.chmod(0o755)
    path = f"{script.parent}:{os.environ['PATH']}"
    below = project.path / "src"
    done = subprocess.run(
        ["git", "ckpt", "build", "--quiet"],
        cwd=below,
        env={**project.environment(), "PATH": path},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"hello: passed" in done.stdout
    failed = subprocess.run(
        ["git", "ckpt", "build", "nonsense"],
        cwd=below,
        env={**project.environment(), "PATH": path},
        capture_output=True,
        check=False,
    )
    assert failed.returncode == 2
