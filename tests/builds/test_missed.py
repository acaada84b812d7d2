"""Where a bare incremental build is wrong by itself, ours is what a clean build gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from ckpt_git.engines.local.freshness.missed import RULES
from tests.builds.wrong_by_itself import ARCHIVE, CASES, MAKE, WILDCARD, Case, Link
from tests.cli.project import Project
from tests.support import GitRepo


def _build(project: Project, *options: str) -> dict[str, object]:
    document = project.ckpt("build", "--json", *options).json()
    result: dict[str, object] = document["results"][0]
    return result


def _contents(result: dict[str, object]) -> dict[str, bytes]:
    out = Path(str(result["out"]))
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


def _project(folder: Path, case: Case) -> Project:
    project = Project.make(folder / "project", {}, case.config)
    _write_all(project.repo, case.files)
    project.repo.commit("all of it")
    return project


def _write_all(repo: GitRepo, files: Mapping[str, str | None]) -> None:
    for path, content in files.items():
        if content is None:
            repo.remove(path)
        elif isinstance(content, Link):
            repo.link(path, content)
        else:
            repo.write(path, content)


def _bare(work_tree: GitRepo, case: Case, out: Path, *, configure: bool = True) -> dict[str, bytes]:
    """What the phases install without us, on whatever was built there before."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for name, phase in tomllib.loads(case.config)["package"]["p"].items():
        if name == "configure" and not configure:
            continue
        env = {**os.environ, "out": str(out), "NIX_BUILD_CORES": "1", "SOURCE_DATE_EPOCH": "1"}
        env.pop("MAKEFLAGS", None)
        command = ["sh", "-ec", phase]
        subprocess.run(command, cwd=work_tree.path, env=env, capture_output=True, check=False)
    return _contents({"out": out})


@pytest.mark.parametrize("case", [case for case in CASES if case.bare], ids=lambda case: case.name)
def test_the_build_tool_is_wrong_by_itself(case: Case, tmp_path: Path) -> None:
    out, work_tree = tmp_path / "out", GitRepo.init(tmp_path / "work")
    _write_all(work_tree, case.files)
    _bare(work_tree, case, out)
    _write_all(work_tree, case.change)
    incremental = _bare(work_tree, case, out, configure=False)
    shutil.rmtree(work_tree.path)
    clean = GitRepo.init(work_tree.path)
    _write_all(clean, {**case.files, **case.change})
    assert incremental != _bare(clean, case, out)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_a_clean_build_and_says_why_it_was_not_trusted(case: Case, tmp_path: Path) -> None:
    project = _project(tmp_path, case)
    _build(project)
    _write_all(project.repo, case.change)
    project.repo.git("add", "-A")
    ours = _build(project)
    if case.why is None:
        assert ours["checkpoint"] is not None, ours["why_clean"]
    else:
        assert case.why in str(ours["why_clean"])
    assert _contents(ours) == _contents(_build(project, "--clean"))


ASKED = {name for rule in RULES if "make is asked" in rule.done for name in rule.cases}


@pytest.mark.parametrize("case", [c for c in CASES if c.name in ASKED], ids=lambda c: c.name)
def test_what_make_said_before_is_trusted_no_longer_than_it_holds(
    case: Case, tmp_path: Path
) -> None:
    project = _project(tmp_path, case)
    _build(project)
    for text in ("1\n", "2\n"):  # the first has make asked, the second doesn't concern it
        project.repo.write("beside/it.data", text)
        project.repo.git("add", "-A")
        _build(project)
    _write_all(project.repo, case.change)
    project.repo.git("add", "-A")
    ours = _build(project)
    assert _contents(ours) == _contents(_build(project, "--clean"))
    assert case.why is None or case.why in str(ours["why_clean"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a header of which no rule tells", "make isn't told what main.c includes"),
        ("a link that leads to another header", "a link leads to two.h now"),
        ("a file that a script reads", "make would miss that this changed: sh say.sh"),
    ],
)
def test_the_log_says_what_was_not_left_to_make(name: str, said: str, tmp_path: Path) -> None:
    [case] = (case for case in CASES if case.name == name)
    project = _project(tmp_path, case)
    _build(project)
    _write_all(project.repo, case.change)
    assert f"=== {said}" in Path(str(_build(project)["log"])).read_text()


def test_a_recipe_that_failed_and_left_its_target_fails_again(tmp_path: Path) -> None:
    """make would take the target for made: a build that failed is no checkpoint."""
    makefile = "all: text\ntext: words.txt\n\tcp words.txt $@ && ! grep bad $@\n"
    makefile += "install: all\n\tmkdir -p $(out) && cp text $(out)\n"
    files = {"Makefile": makefile, "words.txt": "good\n", "beside.c": "\n"}
    project = Project.make(tmp_path / "project", files, MAKE)
    _build(project)
    project.repo.write("words.txt", "bad\n")
    project.ckpt("build", "-q", code=1)
    project.repo.write("beside.c", "int beside;\n")
    project.ckpt("build", "-q", code=1)


def test_an_edit_of_what_no_makefile_reads_is_not_rehearsed(tmp_path: Path) -> None:
    """The common change must not pay for the rare one: where make refuses a dry run, an edit
    does not care, and a new name leads to a clean build that says why."""
    refuses = "ifneq (,$(findstring n,$(MAKEFLAGS)))\n$(error not here)\nendif\n"
    workflow = ".github/workflows/ci.yml"
    files = {**WILDCARD, "Makefile": refuses + WILDCARD["Makefile"], workflow: "on: push\n"}
    project = Project.make(tmp_path / "project", files, MAKE)
    _build(project)
    project.repo.write(workflow, "on: pull_request\n")
    project.repo.write("other.c", 'const char *other(void) { return "new"; }\n')
    assert _build(project)["checkpoint"] is not None
    project.repo.write("added.c", "int added;\n")
    project.repo.git("add", "-A")
    assert "dry run" in str(_build(project)["why_clean"])


@pytest.mark.parametrize(
    ("path", "text", "again"),
    [
        ("tests/one.data", "2\n", False),
        ("tests/more/two.data", "1\n", False),
        ("tests/one.data", None, False),
        ("VERSION", "2\n", True),
        ("name.sh", "#!/bin/sh\necho new\n", True),
        ("parts.mk", "LDLIBS = -lm\n", True),
        ("more.mk", "LDLIBS = -lm\n", True),
        ("src/b.c", "int b;\n", True),
        ("src/a.c", None, True),
        ("src/notes.data", "1\n", True),
    ],
)
def test_make_is_asked_again_only_where_it_read_what_changed(
    path: str, text: str | None, again: bool, tmp_path: Path
) -> None:
    files = {
        "Makefile": """\
include parts.mk
-include more.mk
VERSION := $(shell cat VERSION)
NAME := $(shell ./name.sh)
program: $(patsubst %.c,%.o,$(wildcard src/*.c))
\t$(CC) -o $@ $^ $(LDLIBS)
src/%.o: src/%.c
\t$(CC) -DVERSION='"$(VERSION)$(NAME)"' -c -o $@ $<
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
        "parts.mk": "LDLIBS =\n",
        "VERSION": "1\n",
        "src/a.c": "const char *version = VERSION;\n",
        "src/main.c": "int main(void) { return 0; }\n",
        "tests/one.data": "1\n",
    }
    project = Project.make(tmp_path / "project", files, MAKE)
    project.repo.write("name.sh", "#!/bin/sh\necho old\n", executable=True)
    project.repo.commit("a script")
    _build(project)
    project.repo.write("tests/asked.data")
    project.repo.git("add", "-A")
    assert _build(project)["checkpoint"] is not None
    [asked] = _asked(tmp_path)
    if text is None:
        project.repo.remove(path)
    else:
        project.repo.write(path, text, executable=path.endswith(".sh"))
    project.repo.git("add", "-A")
    ours = _build(project)
    assert ours["checkpoint"] is not None
    assert (_asked(tmp_path) != {asked}) == again
    assert _contents(ours) == _contents(_build(project, "--clean"))


def test_what_make_said_is_forgotten_where_configuring_made_another_makefile(
    tmp_path: Path,
) -> None:
    """By a source that is only compiled, so that make isn't asked; what it says then is another
    thing, and names a script."""
    config = MAKE.replace("build =", "configure = \"sed -n 's/^.. //p' main.c >rules.mk\"\nbuild =")
    main = "// all: program\n{}int main(void) {{ return 0; }}\n"
    files = {
        "Makefile": "include rules.mk\nprogram: main.c\n\t$(CC) -o $@ main.c\n"
        "install: all\n\tmkdir -p $(out)/bin && cp program *.text $(out)/bin/\n",
        "say.sh": "echo one\n",
        "main.c": main.format(""),
        "it.text": "text\n",
        "tests/one.data": "1\n",
    }
    project = Project.make(tmp_path / "project", files, config)
    _build(project)
    project.repo.write("tests/one.data", "2\n")
    _build(project)  # make is asked
    rules = "// all: said.text\n// said.text:\n// \tsh say.sh >$@\n"
    project.repo.write("main.c", main.format(rules))
    _build(project)
    project.repo.write("say.sh", "echo two\n")
    ours = _build(project)
    assert _contents(ours) == _contents(_build(project, "--clean"))
    assert b"two\n" in _contents(ours).values()


@pytest.mark.parametrize("by_hook", [False, True])
def test_make_is_asked_after_a_long_clean_build_has_been_told(
    by_hook: bool, tmp_path: Path
) -> None:
    config = MAKE.replace("make -j", "[ -e program ] || sleep 3; make -j")
    files = {**WILDCARD, "tests/one.data": "1\n"}
    project = Project.make(tmp_path / "project", files, config)
    if by_hook:
        project.ckpt("build", "--background")
        project.ckpt("watch")
    else:
        _build(project)
    deadline = time.monotonic() + 20
    while not _asked(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    [asked] = _asked(tmp_path)
    project.repo.write("tests/one.data", "2\n")
    assert _build(project)["checkpoint"] is not None
    assert _asked(tmp_path) == {asked}


def _asked(tmp_path: Path) -> set[int]:
    """The files in which make's answers are kept; one that is kept on is the same file."""
    return {path.stat().st_ino for path in (tmp_path / "store" / "layers").glob("*/asked")}


def test_the_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", ARCHIVE, MAKE)
    _build(project)
    project.repo.remove("parts/m.c")
    project.repo.git("add", "-A")
    _build(project)
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
