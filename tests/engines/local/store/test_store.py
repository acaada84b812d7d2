"""The store: killed builds, builds at the same time, damage, disks that are full or read-only."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ckpt_git import folders
from ckpt_git.engines.local.store import workspaces
from ckpt_git.engines.local.store.entries import Entry
from ckpt_git.engines.local.store.store import Store
from ckpt_git.model.errors import StoreError
from ckpt_git.model.record import Record
from ckpt_git.records import results
from tests.engines.conftest import SANDBOXES
from tests.engines.people import Person
from tests.engines.project import NAME, Project, log, snapshot
from tests.support import until_on_disk

_KILLS = 20
_BUILD = "cat file >made; mkdir -p folder; cp file folder/$(cat file); ls folder >list"


@pytest.fixture
def built(project: Project) -> Project:
    """A project whose first two commits are built, the second with what is known of the first."""
    project.toml(_BUILD, install="cp -R made folder list $out/")
    for content in ("1", "2"):
        project.repo.commit(files={"file": content})
        project.passes()
    assert len(project.checkpoints()) == 2
    until_on_disk(project.store.root)
    return project


def _is_right(project: Project, content: str) -> None:
    """Another build is right: it gives what the commits so far say, wherever it started."""
    project.repo.commit(files={"file": content})
    record = project.passes()
    assert (record.output / "made").read_text() == content
    assert (record.output / "folder" / content).read_text() == content
    project.from_checkpoint()


# --- killed, and at the same time ----------------------------------------------------------


def test_killed_at_any_moment_nothing_half_is_used(built: Project) -> None:
    chance = random.Random(7)
    began = time.monotonic()
    built.run("build", "--rebuild")
    whole = time.monotonic() - began
    for _ in range(_KILLS):
        process = built.start("build", "--rebuild")
        time.sleep(chance.uniform(0.2, 1) * whole)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for entry in built.store.entries.iterdir():
            assert built.store.damage(entry.name) is None
    _is_right(built, "3")
    assert list(built.store.tmp.iterdir()) == []


def test_two_builds_of_one_package_at_once(in_each_sandbox: Project) -> None:
    project = in_each_sandbox
    project.toml(f"sleep 0.3; {_BUILD}", install="cp -R made folder $out/")
    project.repo.commit(files={"file": "1"})
    first = project.repo.head
    project.repo.commit(files={"file": "2"})
    started = [project.start("build", commit) for commit in (first, "HEAD", first, "HEAD")]
    said = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0], said
    assert set(project.engine_damage()) == {None}
    for commit, content in ((first, "1"), ("HEAD", "2")):
        record = project.build(commit)
        assert record.cached
        assert (record.output / "made").read_text() == content


def test_an_entry_that_a_build_uses_is_not_removed_under_it(built: Project) -> None:
    name = built.entry(1).id
    with built.store.held([name]):
        built.store.drop(name)
        (aside,) = built.store.tmp.glob("*.dropped")
        assert (aside / "memory").exists()
        with pytest.raises(StoreError, match="is gone"), built.store.held([name]):
            pass
    os.utime(aside, (0, 0))
    workspaces.sweep_dead_builds(built.store)
    assert not aside.exists()


def test_a_workspace_is_swept_when_its_process_is_gone_and_not_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with workspaces.new(store) as work:
        (work / "locked").mkdir(mode=0)
        workspaces.sweep_dead_builds(store)
        assert work.exists()
        left = store.tmp / "0123456789"
        (left / "fs").mkdir(parents=True)
        left.with_suffix(".lock").touch()
        workspaces.sweep_dead_builds(store)
        assert not left.exists()
    assert list(store.tmp.iterdir()) == []


def test_a_store_is_its_owners_own(built: Project) -> None:
    folders = (built.store.root, built.store.entries, built.store.objects)
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 3


def test_a_store_keeps_no_program_that_runs_as_its_owner(project: Project) -> None:
    """A command is answered with what a build of another one sees, nevertheless."""
    project.toml(
        "cp /bin/true tool; chmod 6755 tool; cat file >made",
        install="install -m 4755 tool $out/tool; install -m 2711 tool $out/other;"
        " stat -c %a tool >$out/mode",
    )
    for content in ("1", "2"):
        project.repo.commit(files={"file": content})
        record = project.passes()
        modes = {file.name: file.stat().st_mode & 0o7777 for file in record.output.iterdir()}
        assert modes == {"tool": 0o755, "other": 0o711, "mode": 0o644}
        assert (record.output / "mode").read_text() == "6755\n"
    assert record.checkpoint is not None
    kept = [path.stat().st_mode for path in project.store.objects.rglob("*")]
    assert [mode for mode in kept if mode & 0o6000] == []


# --- damage --------------------------------------------------------------------------------


def _truncate(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, 0)


def _overwrite(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)


def _remove_file(path: Path) -> None:
    path.unlink()


def _swap_byte(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


_HARM: dict[str, Callable[[Path], None]] = {
    "truncated": _truncate,
    "overwritten": _overwrite,
    "removed": _remove_file,
    "one bit": _swap_byte,
    "a folder": _replace_by_folder,
}


def _results(record: Record) -> dict[str, str]:
    return {name: (record.output / name).read_text() for name in ("made", "list")}


@pytest.mark.parametrize("harm", _HARM)
@pytest.mark.parametrize("number", [0, 1], ids=["newest", "older"])
def test_a_damaged_memory_answers_nothing(built: Project, harm: str, number: int) -> None:
    _HARM[harm](built.memory(number))
    assert [damage is None for damage in built.engine_damage()] == [number == 1, number == 0]
    for content in ("3", "2", "1"):
        built.repo.commit(files={"file": content})
        assert _results(built.passes()) == {"made": content, "list": f"{content}\n"}


@pytest.mark.parametrize("harm", _HARM)
def test_damaged_objects_answer_nothing(in_each_sandbox: Project, harm: str) -> None:
    """One of them alone: what was answered before it was needed doesn't stay either."""
    project = in_each_sandbox
    project.toml("cat one >made; cat two >>made", install="cp made $out/; cat one two >$out/both")
    project.repo.commit(files={"one": "1\n", "two": "2\n"})
    first = project.passes()
    paths = [path for path in project.store.objects.glob("??/*") if path.is_file()]
    assert paths
    for path in paths:
        _HARM[harm](path)
        record = project.from_checkpoint()
        assert snapshot(record.output) == snapshot(first.output)
        project.repo.commit(files={"two": f"{path.name}\n"})
        assert (project.passes().output / "made").read_text() == f"1\n{path.name}\n"
        project.repo.commit(files={"two": "2\n"})


@pytest.mark.parametrize("harm", _HARM)
def test_what_is_damaged_is_told_once_and_made_again(built: Project, harm: str) -> None:
    """What is missing is made by its command; what was begun to be answered is built anew."""
    for path in built.store.objects.glob("??/*"):
        _HARM[harm](path)
    record = built.from_checkpoint()
    told = "an answer could not be put in place: building again without answers" in log(record)
    assert told == (record.answered == 0)
    assert record.ran
    assert _results(record) == {"made": "2", "list": "2\n"}
    mended = built.from_checkpoint()
    assert "could not be put in place" not in log(mended)
    assert mended.answered > 0


@pytest.mark.parametrize("harm", _HARM)
def test_an_entry_without_its_description_is_passed_over(built: Project, harm: str) -> None:
    path = built.folder() / "meta.json"
    _HARM[harm](path)
    engine = built.context().engine()
    refused = [engine.artifacts.unusable(checkpoint) for checkpoint in built.checkpoints()]
    assert refused == [f"the checkpoint is of no use: {path.parent} is incomplete", None]
    built.repo.commit(files={"file": "3"})
    record = built.from_checkpoint()
    assert record.checkpoint is not None
    assert record.checkpoint.depth == 0
    assert _results(record) == {"made": "3", "list": "3\n"}


def test_an_entry_that_is_described_as_another_is_passed_over(built: Project) -> None:
    newer, older = (built.folder(number) / "meta.json" for number in range(2))
    newer.write_bytes(older.read_bytes())
    engine = built.context().engine()
    refused = [engine.artifacts.unusable(checkpoint) for checkpoint in built.checkpoints()]
    assert refused == [f"the checkpoint is of no use: {newer.parent} is incomplete", None]


@pytest.mark.parametrize("harm", _HARM)
def test_a_damaged_manifest_is_not_compared_with(built: Project, harm: str) -> None:
    """It is asked for where git has lost the base."""
    engine = built.context().engine()
    newest = built.checkpoints()[0]
    assert set(engine.artifacts.base_manifest(newest)) == {"ckpt.toml", "file"}
    _HARM[harm](built.folder() / "manifest")
    with pytest.raises(StoreError, match="manifest can't be read"):
        engine.artifacts.base_manifest(newest)


@pytest.mark.parametrize("harm", _HARM)
def test_a_damaged_report_tells_nothing(built: Project, harm: str) -> None:
    assert built.report(built.checkpoints()[0]) is not None
    _HARM[harm](built.folder() / "report")
    if harm != "one bit":
        assert built.report(built.checkpoints()[0]) is None
    assert _results(built.from_checkpoint()) == {"made": "2", "list": "2\n"}


@pytest.mark.parametrize("harm", _HARM)
def test_damage_to_what_was_read_of_the_system_has_the_tree_built_again(
    built: Project, harm: str
) -> None:
    record = built.build()
    assert record.cached
    assert record.toolchain is not None
    _HARM[harm](built.store.toolchains / record.toolchain)
    again = built.build()
    assert not again.cached
    assert _results(again) == {"made": "2", "list": "2\n"}


def test_a_damaged_output_is_built_again(built: Project) -> None:
    record = built.build()
    assert record.cached
    _overwrite(record.output / "made")
    again = built.build()
    assert not again.cached
    assert (again.output / "made").read_text() == "2"


def test_an_output_whose_dates_were_put_back_is_built_again(built: Project) -> None:
    record = built.build()
    made = record.output / "made"
    dates = made.stat()
    made.write_text("X")
    os.utime(made, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    again = built.build()
    assert not again.cached
    assert (again.output / "made").read_text() == "2"


def test_a_store_that_was_copied_is_not_damaged(built: Project) -> None:
    known = built.build()
    root, aside = built.store.root, built.store.root.with_name("moved away")
    root.rename(aside)
    subprocess.run(["cp", "-a", aside, root], check=True)
    again = built.build()
    assert again.cached
    assert again.output == known.output


_FOLDERS = ("", "entries", "objects", "objects/*", "outputs", "tmp", "toolchains", "dates")


@pytest.mark.parametrize("gone", [*_FOLDERS, "entries/*/memory"])
def test_a_store_that_is_partly_gone_is_made_again(built: Project, gone: str) -> None:
    for folder in [built.store.root] if not gone else built.store.root.glob(gone):
        folders.remove(folder)
    _is_right(built, "3")


def test_what_was_not_on_disk_when_the_machine_stopped_is_no_base(built: Project) -> None:
    (built.folder() / "unsynced").write_text("another boot")
    record = built.passes()
    assert record.checkpoint is None or record.checkpoint.depth == 0
    (built.folder() / "unsynced").unlink(missing_ok=True)


def test_what_an_older_version_kept_serves_no_more_and_goes(built: Project) -> None:
    checkpoint = built.checkpoints()[0]
    layer = built.store.root / "layers" / checkpoint.id / "fs"
    layer.mkdir(parents=True)
    folders.remove(built.folder())
    folders.remove(built.folder(1))
    (built.store.root / "layers" / built.checkpoints()[1].id).mkdir()
    built.repo.commit(files={"file": "3"})
    record = built.passes()
    assert record.checkpoint is None
    assert record.why_clean == "the checkpoint is of no use: an older git-ckpt made it"
    code, _, said = built.run("gc")
    assert code == 0, said
    assert not (built.store.root / "layers").exists()
    assert list(built.store.tmp.iterdir()) == []
    built.from_checkpoint()


# --- disks ---------------------------------------------------------------------------------


@contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small(project: Project, tmp_path: Path) -> Iterator[Project]:
    """A project with its store on a disk of eight megabytes, and a checkpoint there."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with _mounted(disk, "-o", "size=8m"):
        project = project.setting(CKPT_STORE=str(disk / "store"))
        project.toml("head -c $(cat size) /dev/zero >made", install="cp made $out/")
        project.repo.commit(files={"size": "1000"})
        project.passes()
        yield project


def test_a_full_disk_is_one_line_and_nothing_is_lost(small: Project) -> None:
    known, before = small.checkpoints(), results.history(small.context().state)
    small.repo.commit(files={"size": "20000000"})
    code, _, said = small.run("build")
    assert code == 3, said
    assert str(small.store.root) in said.splitlines()[-1]
    assert "free some space" in said.splitlines()[-1]
    assert small.checkpoints() == known
    assert results.history(small.context().state) == before
    assert list(small.store.tmp.iterdir()) == []
    small.repo.commit(files={"size": "2000"})
    small.from_checkpoint()


def test_a_disk_that_is_full_from_the_start(small: Project) -> None:
    filler = small.store.root.parent / "filler"
    with pytest.raises(OSError, match="No space"), filler.open("wb") as file:
        file.write(b"x" * (16 << 20))
    small.repo.commit(files={"size": "2000"})
    code, _, said = small.run("build")
    assert code == 3, said
    assert len(said.splitlines()) <= 2
    filler.unlink()
    small.from_checkpoint()


def test_a_read_only_store_is_one_line(small: Project) -> None:
    disk = str(small.store.root.parent)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    code, _, said = small.run("build", "--rebuild")
    assert code == 3
    assert said.splitlines()[-1].startswith("ckpt: error: can't write ")
    assert "Read-only file system; set CKPT_STORE" in said
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    small.from_checkpoint()


def test_a_store_of_somebody_else_is_one_line(other: Person) -> None:
    project = other.project("theirs")
    project.toml("true")
    project.repo.commit()
    for mode in (0o755, 0o700):
        folder = project.repo.path.parent.parent / f"closed-{mode}"
        folder.mkdir()
        folder.chmod(mode)
        done = other.tries(project, "HEAD", env={"CKPT_STORE": str(folder / "store")})
        assert done.returncode == 3
        (line,) = done.stderr.decode().splitlines()
        assert "Permission denied; set CKPT_STORE to a folder that you may write" in line


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_an_output_that_forbids_writing_and_reading_is_published(
    other: Person, sandbox: str
) -> None:
    """What an ordinary user forbids holds for the program that runs as them."""
    project = other.project(f"forbidding-{sandbox}", CKPT_SANDBOX=sandbox)
    project.toml(
        "cat file >made",
        install="mkdir $out/closed; cp made $out/closed/; cp made $out/hidden;"
        " chmod 0 $out/closed $out/hidden; chmod a-w $out",
    )
    modes = {".": 0o555, "closed": 0o500, "closed/made": 0o644, "hidden": 0o400}
    project.repo.commit(files={"file": "1"})
    for _ in range(2):
        record = other.build(project, "HEAD")
        assert record.passed
        assert {name: (record.output / name).lstat().st_mode & 0o7777 for name in modes} == modes
        assert (record.output / "hidden").read_text() == "1"
    assert record.checkpoint is not None
    assert list(project.store.tmp.iterdir()) == []


def test_an_entry_says_of_itself_what_was_said_of_it(tmp_path: Path) -> None:
    """Whoever it belongs to: a name may be of any bytes."""
    store = Store(tmp_path / "store")
    entry = Entry("0123456789", "/n\nl\udcff", NAME, machine="this", bytes=7, seconds=1.5)
    with workspaces.new(store) as work:
        store.publish(work, entry, {"memory": b"m"})
    kept = store.entry(entry.id)
    assert kept is not None
    assert (kept.owner, kept.package, kept.seconds) == (entry.owner, entry.package, entry.seconds)
    assert kept.bytes > entry.bytes
    assert store.memories(entry.owner, NAME, "this") == [entry.id]
    assert store.memories(entry.owner, NAME, "another") == []
