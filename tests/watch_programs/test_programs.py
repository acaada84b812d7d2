"""The watcher's programs: compiled once, found again at once, and refused in one line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.project import Done, Project
from tests.support import read_only
from tests.watch_programs.installation import (
    REAL_COMPILER,
    Installation,
    contents,
    folder_of,
    rewrite,
    said_by,
)

_ALL = ["cc"] * 3
"""The calls of a compiler that makes the programs."""
_HEAVY = {"dataclasses", "json", "shutil", "subprocess", "tempfile", "ckpt_git.records.files"}
_BROKEN = "echo 'note: hm' >&2; echo 'x.c:1:2: error: it is broken' >&2; exit 1"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    if shutil.which(REAL_COMPILER) is None:
        pytest.skip("needs a C compiler")
    room = tmp_path / "a room"
    room.mkdir()
    return Installation.make(room)


# --- compiling ----------------------------------------------------------------------------


def test_they_are_compiled_once(installation: Installation) -> None:
    first = installation.find()
    assert first.is_relative_to(installation.store)
    assert said_by(first) == "one"
    assert installation.find() == first
    assert installation.calls() == _ALL


def test_twice_is_the_same(installation: Installation, tmp_path: Path) -> None:
    first = contents(installation.find())
    assert first == contents(installation.find(tmp_path / "another store"))
    assert sorted(first) == ["answer", "checksums", "ckpt-watch", "libsee.so"]


def test_who_comes_at_the_same_time_waits(installation: Installation) -> None:
    installation.compiler("cc", "sleep 0.2")
    processes = [installation.begin() for _ in range(5)]
    done = [(process.communicate(timeout=60), process.returncode) for process in processes]
    folders = {folder_of(Done(code, out, err)) for (out, err), code in done}
    assert len(folders) == 1
    assert installation.calls() == _ALL


def test_what_a_killed_process_left_is_no_hindrance(installation: Installation) -> None:
    rest = installation.store / "watch" / "programs" / "new"
    rest.mkdir(parents=True)
    (rest / "ckpt-watch").write_text("half of it")
    assert said_by(installation.find()) == "one"
    assert not rest.exists()


def test_the_users_environment_has_no_part_in_it(
    installation: Installation, tmp_path: Path
) -> None:
    plain = contents(installation.find())
    headers = tmp_path / "headers"
    headers.mkdir()
    (headers / "unistd.h").write_text("#error another header\n")
    theirs = {
        "CPATH": str(headers),
        "C_INCLUDE_PATH": str(headers),
        "CFLAGS": "-DSAID=",
        "GCC_EXEC_PREFIX": "/nowhere/",
        "LIBRARY_PATH": str(headers),
        "LD_PRELOAD": "/nowhere/lib.so",
        "LANG": "de_DE.UTF-8",
        "LANGUAGE": "de",
        "SOURCE_DATE_EPOCH": "1",
        "TMPDIR": "/nowhere",
    }
    assert contents(installation.find(tmp_path / "another store", **theirs)) == plain


# --- finding them again -------------------------------------------------------------------


def test_what_is_there_is_found_without_importing_what_makes_it(
    installation: Installation,
) -> None:
    """The start of a build pays for nothing that only a compilation needs."""
    installation.find()
    imported = set(json.loads(installation.ask().out)["imported"])
    assert "ckpt_git.watch.program" in imported
    assert imported.isdisjoint(_HEAVY)


def test_changed_sources_are_compiled_and_those_from_before_are_known(
    installation: Installation,
) -> None:
    first = installation.find()
    header = installation.sources / "said.h"
    rewrite(header, "one", "two")
    second = installation.find()
    assert (said_by(first), said_by(second)) == ("one", "two")
    rewrite(header, "two", "one")
    assert installation.find() == first
    assert installation.calls() == _ALL * 2


def test_sources_that_change_meanwhile_are_compiled_again(installation: Installation) -> None:
    """As by an upgrade of the package: what lies in the store is what its name says."""
    header = installation.sources / "said.h"
    mark = installation.room / "mark"
    change = f"sed -i s/one/two/ '{header}'"
    installation.compiler("cc", f"[ -e '{mark}' ] || {{ >'{mark}'; {change}; }}")
    assert said_by(installation.find()) == "two"
    header.write_text('#define SAID "one"\n')
    assert said_by(installation.find()) == "one"


def test_another_compiler_compiles_anew(installation: Installation) -> None:
    first = installation.find()
    installation.compiler("cc", "# a newer version")
    second = installation.find()
    assert first != second
    assert installation.calls() == _ALL * 2


def test_a_damaged_folder_is_made_anew(installation: Installation) -> None:
    first = installation.find()
    (first / "answer").unlink()
    assert installation.find() == first
    assert (first / "answer").exists()


def test_those_that_dont_run_any_more_are_made_anew(installation: Installation) -> None:
    """A home folder may be that of several machines."""
    first = installation.find()
    (first / "ckpt-watch").write_text("#!/bin/sh\nexit 1\n")
    installation.compiler("other")
    assert said_by(installation.find(CC="other")) == "one"


def test_a_store_that_moved_is_no_hindrance(installation: Installation, tmp_path: Path) -> None:
    installation.find()
    moved = installation.store.rename(tmp_path / "moved")
    assert said_by(installation.find(moved)) == "one"
    assert installation.find(moved).is_relative_to(moved)
    assert installation.calls() == _ALL


def test_a_read_only_store_is_of_use(installation: Installation) -> None:
    first = installation.find()
    with read_only(installation.store):
        assert installation.find() == first
        # Noted nowhere, but there.
        assert installation.find(CC=str(installation.compiler("other"))) == first
    assert installation.calls() == _ALL


def test_a_store_that_cant_be_written_is_one_line(installation: Installation) -> None:
    installation.store.write_text("a file")
    assert installation.refused().startswith(f"cannot write {installation.store}")
    installation.store.unlink()
    installation.store.mkdir()
    with read_only(installation.store):
        line = installation.refused()
    assert line.startswith(f"cannot write {installation.store}")


# --- refusals -----------------------------------------------------------------------------


def test_without_a_compiler_there_are_none(installation: Installation) -> None:
    (installation.path / "cc").unlink()
    assert "there is no C compiler" in installation.refused()
    installation.compiler("clang")
    assert said_by(installation.find()) == "one"


def test_without_a_compiler_those_made_before_are_found(installation: Installation) -> None:
    first = installation.find()
    (installation.path / "cc").unlink()
    assert installation.find() == first


def test_a_failing_compiler_is_asked_once_and_quoted(installation: Installation) -> None:
    cc = installation.compiler("cc", _BROKEN)
    for _ in range(2):
        line = installation.refused()
        assert f"{cc} can't compile ckpt-watch: x.c:1:2: error: it is broken" in line
        assert "`git ckpt doctor` tries again" in line
    assert installation.calls() == ["cc"]


def test_the_doctor_forgets_it(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project")
    refused = tmp_path / "store" / "watch" / "known" / "a"
    refused.parent.mkdir(parents=True)
    refused.write_text("it failed")
    linked = refused.with_name("b")
    linked.symlink_to("folder")
    project.ckpt("doctor", code=None)
    assert not refused.exists()
    assert linked.is_symlink()


def test_a_fault_in_the_sources_is_quoted(installation: Installation) -> None:
    (installation.sources / "see.c").write_text("int seen\n")
    line = installation.refused()
    assert "can't compile libsee.so: see.c:1:" in line
    assert "error: " in line


def test_the_next_compiler_may_do(installation: Installation) -> None:
    """CC may be one for another machine."""
    other = installation.compiler("other", _BROKEN)
    assert said_by(installation.find(CC="other")) == "one"
    assert said_by(installation.find(CC=str(other))) == "one"
    assert installation.calls() == ["other", *_ALL]


def test_no_room_is_not_remembered(installation: Installation) -> None:
    installation.compiler("cc", "echo 'ld: final link failed: No space left on device' >&2; exit 1")
    assert "No space left on device" in installation.refused()
    assert not list(installation.store.glob("watch/known/*"))


def test_what_doesnt_run_is_refused(installation: Installation) -> None:
    (installation.sources / "main.c").write_text("int main(void) { return 0; }\n")
    assert "ckpt-watch in " in (line := installation.refused())
    assert "doesn't run" in line


def test_a_library_that_cant_be_preloaded_is_refused(installation: Installation) -> None:
    text = "extern int nowhere(void);\nint seen(void) { return nowhere(); }\n"
    (installation.sources / "see.c").write_text(text)
    assert "libsee.so in " in installation.refused()


# --- those of a wheel ---------------------------------------------------------------------


def _bring(installation: Installation, watch: str, machine: str) -> Path:
    """Programs as a wheel brings them; ``ckpt-watch`` is a script."""
    made = installation.find(installation.room / "elsewhere")
    built = installation.sources / "built" / machine
    shutil.copytree(made, built)
    (built / "ckpt-watch").write_text(f"#!/bin/sh\necho run >>'{installation.room}/runs'\n{watch}")
    (installation.room / "calls").unlink()
    return built


def test_those_of_a_wheel_are_used_and_tried_once(installation: Installation) -> None:
    built = _bring(installation, "exit 64", os.uname().machine)
    (installation.path / "cc").unlink()
    assert installation.find() == installation.find() == built
    assert (installation.room / "runs").read_text() == "run\n"


@pytest.mark.parametrize("watch", ["exit 1", "kill -9 $$"])
def test_where_those_of_a_wheel_dont_run_ours_are_compiled(
    installation: Installation, watch: str
) -> None:
    _bring(installation, watch, os.uname().machine)
    assert installation.find().is_relative_to(installation.store)
    assert installation.find().is_relative_to(installation.store)
    assert installation.calls() == _ALL


def test_those_for_another_machine_are_left_alone(installation: Installation) -> None:
    _bring(installation, "exit 64", "pdp11")
    assert installation.find().is_relative_to(installation.store)
    assert not (installation.room / "runs").exists()
