"""What else a result depends on: what its build read of the system, the recipe, the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ckpt_git.engines.local import listing
from ckpt_git.model.record import Record
from tests.engines.conftest import SANDBOXES
from tests.engines.project import Project, log, snapshot, toml_strings
from tests.watch.test_unseen import LISTENER


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A folder outside the system's own, with a compiler and a header."""
    folder = tmp_path / "sdk"
    (folder / "bin").mkdir(parents=True)
    (folder / "include").mkdir()
    _compiler(folder, "first")
    (folder / "include" / "header.h").write_text("header 1\n")
    (folder / "include" / "other.h").write_text("header 1\n")
    return folder


def _compiler(folder: Path, said: str) -> None:
    path = folder / "bin" / "compile"
    path.write_text(f'#!/bin/sh\n{{ echo {said}; cat {folder}/include/header.h "$1"; }} >"$2"\n')
    path.chmod(0o755)


_BUILD = "compile source object; cp plain copied"


@pytest.fixture
def built(project: Project, sdk: Path) -> Project:
    """A project with a checkpoint that was compiled with ``sdk``."""
    project.toml(_BUILD, inputs=toml_strings(sdk))
    project.repo.commit(files={"source": "1\n", "plain": "2\n"})
    project.passes()
    return project


def _made(project: Project, record: Record) -> list[str]:
    """What commands that ran made of the source folder."""
    names = (path.removeprefix("/build/source/") for path in project.made(record))
    return [name for name in names if "/" not in name]


# --- what was read -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bin/compile", "include/header.h"])
@pytest.mark.parametrize("kind", SANDBOXES)
def test_what_a_build_read_changes_and_its_commands_run_again(
    built: Project, sdk: Path, name: str, kind: str
) -> None:
    """By its content: some installers leave dates and sizes as they were."""
    project = built.setting(CKPT_SANDBOX=kind)
    first = project.passes()
    assert project.build().cached
    path = sdk / name
    info = path.stat()
    path.write_text(path.read_text().replace("first", "other").replace("header 1", "header 2"))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert path.stat().st_size == info.st_size
    record = project.build()
    assert not record.cached
    assert (record.output / "object").read_bytes() != (first.output / "object").read_bytes()
    assert record.answered > 0
    assert snapshot(record.output) == snapshot(project.passes(clean=True).output)
    assert project.build().cached


def test_only_the_commands_that_read_it_run(built: Project, sdk: Path) -> None:
    (sdk / "include" / "header.h").write_text("header 2\n")
    assert _made(built, built.from_checkpoint()) == ["object"]


_UNSEEN: dict[str, Callable[[Path], object]] = {
    "an edit": lambda sdk: (sdk / "include" / "other.h").write_text("header 2\n"),
    "a new header": lambda sdk: (sdk / "include" / "more.h").write_text(""),
    "a new program": lambda sdk: (sdk / "bin" / "more").write_text(""),
    "a date": lambda sdk: os.utime(sdk / "include" / "header.h", (0, 0)),
    "the same again": lambda sdk: _compiler(sdk, "first"),
}


@pytest.mark.parametrize("change", _UNSEEN)
def test_what_no_build_looked_at_changes_nothing(built: Project, sdk: Path, change: str) -> None:
    _UNSEEN[change](sdk)
    assert built.build().cached
    record = built.from_checkpoint()
    assert record.ran == 0
    assert _made(built, record) == []


def test_what_was_looked_for_in_vain_is_noticed_when_it_is_there(built: Project, sdk: Path) -> None:
    built.toml("cat /dev/null $(ls SDK/include/extra.h) >object || :".replace("SDK", str(sdk)),
               inputs=toml_strings(sdk))  # fmt: skip
    built.passes()
    assert built.build().cached
    (sdk / "include" / "extra.h").write_text("extra\n")
    record = built.build()
    assert not record.cached
    assert (record.output / "object").read_text() == "extra\n"


def test_a_program_that_comes_to_lie_before_another_one_on_the_path_is_noticed(
    built: Project, sdk: Path
) -> None:
    assert built.build().cached
    cp = sdk / "bin" / "cp"
    cp.write_text('#!/bin/sh\n/bin/cp "$@"; echo another one >>copied\n')
    cp.chmod(0o755)
    record = built.build()
    assert not record.cached
    assert (record.output / "copied").read_text() == "2\nanother one\n"


def test_a_change_on_the_path_of_a_build_without_a_sandbox_is_noticed(
    project: Project, sdk: Path
) -> None:
    on_path = project.setting(CKPT_SANDBOX="none", PATH=f"{sdk}/bin:{os.environ['PATH']}")
    on_path.toml("compile source object")
    on_path.repo.commit(files={"source": "1\n"})
    on_path.passes()
    assert on_path.build().cached
    _compiler(sdk, "other")
    assert (on_path.build().output / "object").read_text() == "other\nheader 1\n1\n"
    _compiler(sdk, "first")
    assert (on_path.build().output / "object").read_text() == "first\nheader 1\n1\n"


@pytest.mark.parametrize("kind", ["bubblewrap", "namespaces"])
def test_a_link_of_an_input_to_what_no_sandbox_shows_is_no_change(
    project: Project, sdk: Path, tmp_path: Path, kind: str
) -> None:
    """Broken for the build, not for who asks afterwards; in Debian's /usr there are dozens."""
    (tmp_path / "outside").write_text("outside\n")
    (sdk / "link").symlink_to(tmp_path / "outside")
    project = project.setting(CKPT_SANDBOX=kind)
    project.toml(f"cat {sdk}/link >object || :", inputs=toml_strings(sdk))
    project.repo.commit()
    record = project.passes()
    assert (record.output / "object").read_text() == ""
    assert project.build().cached
    (tmp_path / "inside").symlink_to(sdk)
    project.toml(f"cat {tmp_path}/inside/link", inputs=toml_strings(tmp_path / "inside"))
    assert not project.build().cached
    assert project.build().cached


def test_an_input_that_is_a_link_is_looked_at_where_it_leads(
    project: Project, sdk: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(sdk)
    project.toml(f"cat {tmp_path}/link/include/header.h >object",
                 inputs=toml_strings(tmp_path / "link"))  # fmt: skip
    project.repo.commit()
    project.passes()
    assert project.build().cached
    (sdk / "include" / "header.h").write_text("header 2\n")
    assert (project.build().output / "object").read_text() == "header 2\n"


def test_an_input_that_is_gone_is_one_line(built: Project, sdk: Path) -> None:
    sdk.rename(sdk.with_name("elsewhere"))
    code, _, said = built.run("build")
    assert code == 3
    assert said == (
        f"ckpt: error: package it: the input {sdk} isn't there; "
        "install it, or change `inputs` in ckpt.toml\n"
    )


# --- the recipe ----------------------------------------------------------------------------


def test_a_changed_recipe_gives_what_a_clean_build_gives(built: Project, sdk: Path) -> None:
    for keys in (
        {"inputs": toml_strings(sdk), "env": '{ A = "1" }'},
        {"inputs": toml_strings(sdk, sdk / "include")},
    ):
        built.toml(f"{_BUILD}; echo $A >env", **keys)
        assert not built.build().cached
        built.as_clean()
    built.toml(_BUILD, inputs=toml_strings(sdk))
    again = built.build()
    assert again.cached or again.answered > 0


def test_limits_are_no_part_of_what_is_built(built: Project, sdk: Path) -> None:
    built.toml(_BUILD, inputs=toml_strings(sdk), timeout="77")
    assert _made(built, built.from_checkpoint()) == []


def test_another_kind_of_sandbox_is_another_recipe(built: Project) -> None:
    """A record is of one kind; what is known serves in the other as far as it fits."""
    other = built.setting(CKPT_SANDBOX="namespaces")
    record = other.build()
    assert not record.cached
    assert snapshot(record.output) == snapshot(other.passes(clean=True).output)


# --- unwatched -----------------------------------------------------------------------------


def _is_unwatched(project: Project) -> Record:
    project.passes()
    assert project.build().cached
    record = project.passes()
    assert record.made == "clean"
    assert record.result()["trace"] == "none"
    assert record.result()["commands"] == {"ran": None, "answered": 0}
    assert project.checkpoints() == []
    return record


@pytest.mark.parametrize("kind", SANDBOXES)
def test_where_nothing_can_watch_each_build_is_clean_and_says_why(
    project: Project, sdk: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "path"
    path.mkdir()
    for name in ("git", "bwrap", "python3", "sh", "find"):
        for folder in os.environ["PATH"].split(os.pathsep):
            if (Path(folder) / name).exists() and not (path / name).exists():
                (path / name).symlink_to(Path(folder) / name)
    for name, value in {"PATH": str(path), "CKPT_PROGRAMS": str(tmp_path / "none")}.items():
        monkeypatch.setenv(name, value)
    found = project.setting(CKPT_SANDBOX=kind)
    if kind == "none":
        found = found.setting(PATH=f"{path}:/usr/bin:/bin")
    found.toml(f"PATH={sdk}/bin:$PATH; {_BUILD}", inputs=toml_strings(sdk))
    found.repo.commit(files={"source": "1\n", "plain": "2\n"})
    record = _is_unwatched(found)
    why = "not watched: there is no C compiler for the programs that watch a build"
    assert why in record.warnings
    assert record.no_base == "it was not watched"
    _compiler(sdk, "other")
    changed = found.build()
    assert not changed.cached
    assert (changed.output / "object").read_text().startswith("other")


def test_what_is_written_not_to_be_watched_isnt(project: Project, sdk: Path) -> None:
    project.toml(_BUILD, inputs=toml_strings(sdk), trace="false")
    project.repo.commit(files={"source": "1\n", "plain": "2\n"})
    record = _is_unwatched(project)
    assert not [one for one in record.warnings if "watched" in one]
    (sdk / "include" / "more.h").write_text("")
    assert not project.build().cached  # nobody knows what it read


def test_a_program_that_would_be_a_watcher_is_built_without_one(project: Project) -> None:
    """The kernel allows one, and says EBUSY to the next: the program would take another way."""
    project.toml("cc -o program program.c; ./program a listen > b")
    project.repo.commit(files={"program.c": LISTENER, "a": "content\n"})
    record = _is_unwatched(project)
    assert (record.output / "b").read_text() == "1\ncontent\n"
    why = "a program asked for a seccomp listener of its own, and the kernel allows one"
    assert f"not watched: {why}" in record.warnings


def test_a_checkpoint_serves_no_build_that_isnt_watched(built: Project, sdk: Path) -> None:
    built.toml(_BUILD, inputs=toml_strings(sdk), trace="false")
    record = built.passes()
    assert record.checkpoint is None
    assert record.why_clean == ("the build isn't watched, so nothing can be answered from memory")


# --- as clean ------------------------------------------------------------------------------

_KINDS_OF_FILES = """\
set -e
mkdir -p made/empty made/closed
printf 'printed %s\n' "$(cat source)"; echo told >&2
cp plain made/plain; chmod 640 made/plain; cp source made/program; chmod 755 made/program
ln -s plain made/link; ln -s nowhere made/dangling; ln made/plain made/same
cp source made/closed/file; chmod 500 made/closed
: >made/nothing
"""


@pytest.mark.parametrize("kind", SANDBOXES)
def test_an_answered_build_is_a_clean_one(project: Project, kind: str) -> None:
    """Its files, modes and links, which of them are one file, and what it printed, in order."""
    project = project.setting(CKPT_SANDBOX=kind)
    project.repo.write("make.sh", _KINDS_OF_FILES)
    project.toml("sh make.sh; echo done", install="cp -a made $out/; echo installed")
    project.repo.commit(files={"source": "1\n", "plain": "2\n"})
    clean = project.passes()
    answered = project.from_checkpoint()
    assert answered.ran == 0
    assert answered.made == "remembered"
    assert snapshot(answered.output) == snapshot(clean.output)
    assert (answered.output / "made/plain").samefile(answered.output / "made/same")
    assert log(answered) == log(clean)
    assert "told" in log(clean)


@pytest.mark.parametrize("kind", SANDBOXES)
def test_what_cant_be_put_back_is_no_failure_of_a_command(project: Project, kind: str) -> None:
    """One that a script would make something of."""
    project = project.setting(CKPT_SANDBOX=kind)
    project.repo.write("two.sh", "chmod 700 d; rm d/x; chmod 500 d\n")
    one = "mkdir d; cp plain d/x; cp source d/y; chmod 500 d"
    project.toml(f"{one}; sh two.sh || echo failed >note", install="cp -a d $out/; test ! -e note")
    project.repo.commit(files={"source": "1\n", "plain": "2\n"})
    project.passes()
    project.repo.commit(files={"source": "2\n"})
    record = project.as_clean()
    assert sorted(path.name for path in record.output.iterdir()) == ["d"]
    assert (record.output / "d/y").read_text() == "2\n"


# --- what is listed ------------------------------------------------------------------------


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
    found = listing.Listing([f"{sdk}/include"], [f"{tmp_path}/link", f"{sdk}/bin/compile"])
    assert {os.fsdecode(line.split(b"\0")[0]) for line in found.lines().splitlines()} == {
        f"{sdk}/bin/compile",
        f"{sdk}/tool",
        f"{sdk}/include/header.h",
        f"{sdk}/include/other.h",
        f"{sdk}/include/bits/types.h",
    }
