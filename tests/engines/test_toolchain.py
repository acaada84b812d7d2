"""What else a result depends on: compilers, headers, the recipe; a change is noticed and named."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ckpt_git.engines.local.toolchain import fingerprint
from tests.engines.project import Project, toml_strings


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A folder outside the system's own, with a compiler and a header."""
    folder = tmp_path / "sdk"
    (folder / "bin").mkdir(parents=True)
    (folder / "include").mkdir()
    _compiler(folder, "first")
    (folder / "include" / "header.h").write_text("header 1\n")
    return folder


def _compiler(folder: Path, said: str) -> None:
    path = folder / "bin" / "compile"
    path.write_text(f'#!/bin/sh\necho {said}; cat {folder}/include/header.h "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def built(project: Project, sdk: Path) -> Project:
    """A project with a checkpoint that was compiled with ``sdk``."""
    project.toml("test -e object || compile source >object", inputs=toml_strings(sdk))
    project.repo.commit(files={"source": "1\n"})
    project.passes()
    assert project.from_checkpoint().checkpoint is not None
    return project


@pytest.mark.parametrize("name", ["bin/compile", "include/header.h"])
@pytest.mark.parametrize("kind", ["bubblewrap", "namespaces", "none"])
def test_a_change_in_an_input_is_noticed_and_named(
    built: Project, sdk: Path, name: str, kind: str
) -> None:
    project = built.setting(CKPT_SANDBOX=kind)
    first = project.passes()
    path = sdk / name
    info = path.stat()
    path.write_text(path.read_text().replace("first", "other").replace("header 1", "header 2"))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))  # as some installers leave them
    assert path.stat().st_size == info.st_size
    record = project.passes()
    assert record.checkpoint is None
    assert record.why_clean == f"the toolchain changed: {path}"
    assert (record.output / "object").read_bytes() != (first.output / "object").read_bytes()
    assert project.from_checkpoint().passed


def test_a_change_on_the_path_of_a_build_without_a_sandbox_is_noticed_and_named(
    project: Project, sdk: Path
) -> None:
    """It is no input: it is listed with the system's own, whose fingerprint is remembered."""
    on_path = project.setting(CKPT_SANDBOX="none", PATH=f"{sdk}/bin:{os.environ['PATH']}")
    on_path.toml("test -e object || compile source >object")
    on_path.repo.commit(files={"source": "1\n"})
    on_path.passes()
    assert on_path.from_checkpoint().checkpoint is not None
    _compiler(sdk, "other")
    assert on_path.passes().why_clean == f"the toolchain changed: {sdk}/bin/compile"
    assert on_path.from_checkpoint().checkpoint is not None
    _compiler(sdk, "first")  # another file by its ctime
    assert on_path.passes().why_clean == f"the toolchain changed: {sdk}/bin/compile"


def test_a_new_file_in_an_input_is_noticed(built: Project, sdk: Path) -> None:
    (sdk / "include" / "more.h").write_text("")
    assert built.passes().why_clean == f"the toolchain changed: {sdk}/include/more.h"


@pytest.mark.parametrize("find", [None, "exit 1", "exit 2"], ids=["gnu", "of few options", "none"])
def test_what_is_listed_is_the_same_whatever_find_there_is(
    find: str | None, sdk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sdk / "include" / "doc").mkdir()
    (sdk / "include" / "doc" / "unread").write_text("")
    (sdk / "include" / "bits").mkdir()
    (sdk / "include" / "bits" / "types.h").write_text("")
    (sdk / "tool").write_text("")
    (tmp_path / "link").symlink_to(sdk)
    if find is not None:
        (tmp_path / "path").mkdir()
        (tmp_path / "path" / "find").write_text(f"#!/bin/sh\n{find}\n")
        (tmp_path / "path" / "find").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "path"))
    listing = fingerprint.Listing([f"{sdk}/include"], [f"{tmp_path}/link", f"{sdk}/bin/compile"])
    assert {os.fsdecode(line.split(b"\0")[0]) for line in listing.lines().splitlines()} == {
        f"{sdk}/bin/compile",
        f"{sdk}/tool",
        f"{sdk}/include/header.h",
        f"{sdk}/include/bits/types.h",
    }


def test_an_input_that_is_gone_is_one_line(built: Project, sdk: Path) -> None:
    sdk.rename(sdk.with_name("elsewhere"))
    code, _, said = built.run("build")
    assert code == 3
    assert said == (
        f"ckpt: error: package it: the input {sdk} isn't there; "
        "install it, or change `inputs` in ckpt.toml\n"
    )


def test_a_changed_recipe_is_built_clean_and_the_old_checkpoint_serves_again(
    built: Project, sdk: Path
) -> None:
    build = "test -e object || compile source >object"
    for changed, keys in {
        "environment": {"inputs": toml_strings(sdk), "env": '{ A = "1" }'},
        "inputs": {"inputs": toml_strings(sdk, sdk / "include")},
    }.items():
        built.toml(build, **keys)
        record = built.passes()
        assert record.checkpoint is None
        assert record.why_clean == f"the {changed} of the recipe changed"
    built.toml(f"{build}; true", inputs=toml_strings(sdk))
    assert built.passes().why_clean == "the commands of the recipe changed"
    built.toml(build, inputs=toml_strings(sdk))
    again = built.from_checkpoint()
    assert again.checkpoint is not None
    assert again.checkpoint.commit == built.repo.head


def test_limits_are_no_part_of_what_is_built(built: Project, sdk: Path) -> None:
    built.toml("test -e object || compile source >object", inputs=toml_strings(sdk), timeout="77")
    built.from_checkpoint()


def test_another_kind_of_sandbox_is_another_recipe(built: Project) -> None:
    other = built.setting(CKPT_SANDBOX="namespaces")
    assert other.passes().why_clean == "the sandbox of the recipe changed"
    assert other.passes().checkpoint is not None


def test_several_threads_may_ask_for_the_system_at_once() -> None:
    """What was begun is one's; the others look anew, and find the same."""
    path = str(Path(sys.executable).parent)
    fingerprint.begin()
    fingerprint.go_on(path)
    with ThreadPoolExecutor(8) as pool:
        listed = list(pool.map(lambda _: fingerprint.take(path), range(24)))
    assert len({frozenset(one.splitlines()) for one in listed}) == 1
