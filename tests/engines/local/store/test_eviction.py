"""What a sweep of the store removes and leaves, and that its size is known without a walk."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ckpt_git.engines.local.store import entries, eviction, outputs, workspaces
from ckpt_git.engines.local.store.eviction import Entry, Kept, plan
from ckpt_git.engines.local.store.store import Store
from tests.engines.project import Project, snapshot
from tests.support import read_only, until_on_disk

OWNER = "/repository/.git"
PLENTY = 1 << 40


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def _publish(
    store: Store,
    name: str,
    *,
    size: int = 1,
    seconds: float = 1.0,
    owner: str = OWNER,
    settled: bool = True,
) -> None:
    """A checkpoint, whose memory is none, with an output."""
    with workspaces.new(store) as work:
        (work / "out").mkdir()
        (work / "out" / name).write_bytes(b"x" * size)
        outputs.publish(store, work, name, owner, "it")
        entry = entries.Entry(name, owner, "it", seconds=seconds)
        store.publish(work, entry, {"memory": b"x" * size})
    if settled:
        store.release_pins()


def _sweep(
    store: Store,
    *,
    in_force: Iterable[str] = (),
    known: Iterable[str] = (),
    limit: int = PLENTY,
    owner: str = OWNER,
) -> set[str]:
    kept = Kept(frozenset(in_force), frozenset(), frozenset(known), frozenset([owner]))
    swept = eviction.sweep(store, lambda _: kept, limit)
    assert swept.after == eviction.size(store)
    return {entry.id for entry in swept.removed if entry.is_checkpoint}


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_what_nobody_wants_goes_with_its_output(store: Store) -> None:
    _publish(store, "one")
    _publish(store, "other")
    assert _sweep(store, owner="/another/.git") == set()
    assert _sweep(store, known=["one"]) == {"other"}
    assert _names(store.entries) == _names(store.outputs) == {"one"}
    assert list(store.tmp.iterdir()) == []


def test_a_workspace_that_cannot_be_removed_any_more_goes_with_the_next_build(store: Store) -> None:
    with ExitStack() as stack:
        with workspaces.new(store) as work:
            (work / "file").touch()
            stack.enter_context(read_only(store.root))
        assert work.exists()
    with workspaces.new(store):
        assert not work.exists()


def test_what_cannot_be_removed_stays_for_a_later_sweep(store: Store) -> None:
    _publish(store, "one")
    with store.tally.locked():
        assert store.take_away(store.entries / "one")
    with read_only(store.root):
        store.clear_away()
    assert _names(store.tmp)
    store.clear_away()
    assert _names(store.tmp) == set()


def test_one_of_which_nobody_can_tell_whose_it_is_goes(store: Store) -> None:
    _publish(store, "lost")
    (store.entries / "lost" / "meta.json").unlink()
    assert _sweep(store, owner="/another/.git") == {"lost"}


def test_what_is_published_and_not_known_yet_stays(store: Store) -> None:
    _publish(store, "new", settled=False)
    assert _sweep(store, limit=0) == set()
    store.release_pins()
    assert _sweep(store, limit=0) == {"new"}


def test_what_a_build_uses_stays(store: Store) -> None:
    _publish(store, "used")
    with store.held(["used"]):
        assert _sweep(store, limit=0) == set()
    assert _sweep(store, limit=0) == {"used"}


def test_beyond_the_limit_goes_what_is_cheapest_to_make_again_for_its_size(store: Store) -> None:
    _publish(store, "dear", seconds=100.0)
    _publish(store, "large", seconds=10.0, size=1 << 20)
    _publish(store, "cheap", seconds=1.0)
    _publish(store, "force", seconds=0.1)
    names = {"dear", "large", "cheap", "force"}
    removed: list[str] = []
    while len(removed) < len(names) - 1:  # each time the outputs have gone already, or go first
        limit = eviction.size(store) - 1
        removed += _sweep(store, in_force=["force"], known=names, limit=limit)
    assert removed == ["large", "cheap", "dear"]
    assert _sweep(store, in_force=["force"], known=names, limit=0) == set()


def test_what_was_not_used_for_long_goes_first(store: Store) -> None:
    for name in ("fresh", "old"):
        _publish(store, name)
    os.utime(store.entries / "old", (0, 0))
    limit = sum(entry.bytes for entry in eviction.entries(store) if entry.is_checkpoint) - 1
    assert _sweep(store, known=["fresh", "old"], limit=limit) == {"old"}


# --- objects -------------------------------------------------------------------------------


@pytest.fixture
def built(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two checkpoints. Objects needn't be old to be let go of."""
    monkeypatch.setattr(eviction, "_YOUNG", 0.0)
    project.toml("cp file made; cp common copied", install="cp made copied $out/")
    project.repo.write("common", "common " * 2000)
    for content in ("1", "2"):
        project.repo.commit(files={"file": content * 9000})
        project.passes()
    return project


def _objects(project: Project) -> set[str]:
    return {path.name for path in project.store.objects.glob("??/*")}


def _owner(project: Project) -> str:
    return project.entry().owner


def test_objects_stay_while_a_memory_names_them(built: Project) -> None:
    before = _objects(built)
    newest, oldest = (checkpoint.id for checkpoint in built.checkpoints())
    _sweep(built.store, known=[newest, oldest], owner=_owner(built))
    assert _objects(built) == before
    assert built.from_checkpoint("HEAD^").ran == 0
    _sweep(built.store, known=[newest], owner=_owner(built))
    assert _objects(built) < before
    assert built.from_checkpoint().ran == 0
    edited = built.as_clean("HEAD^")
    assert (edited.output / "made").read_text() == "1" * 9000


def test_young_objects_stay_although_none_names_them(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build whose memory will name them may still run."""
    monkeypatch.setattr(eviction, "_YOUNG", 3600.0)
    before, owner = _objects(built), _owner(built)
    _sweep(built.store, owner=owner)
    assert _objects(built) == before
    monkeypatch.setattr(eviction, "_YOUNG", 0.0)
    _sweep(built.store, owner=owner)
    assert _objects(built) == set()
    assert built.passes().made == "clean"


def test_a_build_that_runs_while_objects_go_is_right(built: Project) -> None:
    first = snapshot(built.passes().output)
    built.toml("sleep 2; cp file made; cp common copied", install="cp made copied $out/")
    process = built.start("build")
    _sweep(built.store, limit=0, owner=_owner(built))
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert snapshot(built.build().output) == first


# --- sizes ---------------------------------------------------------------------------------


def test_of_outputs_without_a_checkpoint_the_newest_stay(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "KEPT_OUTPUTS", 2)
    project.toml("echo made >made", install="cp made $out/", trace="false")  # no base for others
    # Besides them stays what `run` would run.
    records = [project.passes() for _ in range(4)]
    assert {record.no_base is None for record in records} == {False}
    assert [record.output.exists() for record in records] == [False, True, True, True]


def test_sizes_are_about_what_the_disk_says(project: Project) -> None:
    project.toml("head -c 300000 /dev/urandom >made; touch $(cat file).o")
    for content in ("1", "2"):
        project.repo.commit(files={"file": content})
        project.passes()
    until_on_disk(project.store.root)
    store = project.store
    folders = [str(folder) for folder in (store.entries, store.objects, store.outputs)]
    listed = subprocess.run(["du", "-sk", *folders], capture_output=True, text=True, check=True)
    on_disk = sum(int(line.split()[0]) << 10 for line in listed.stdout.splitlines())
    assert on_disk * 0.8 <= eviction.size(store) <= on_disk * 1.3
    (store.root / "size").unlink()
    assert on_disk * 0.8 <= eviction.size(store) <= on_disk * 1.3


def test_a_size_that_is_lost_is_counted_again(store: Store) -> None:
    _publish(store, "one")
    eviction.size(store)
    _publish(store, "other")
    size = eviction.size(store)
    (store.root / "size").write_text("nonsense")
    assert eviction.size(store) == size > 0


# --- the plan, with many entries ------------------------------------------------------------


def _many(chance: random.Random, number: int) -> Iterator[Entry]:
    for index in range(number):
        size, seconds = chance.randrange(1, 1000), chance.random()
        yield Entry(f"{index}", "checkpoint", OWNER, "it", size, seconds, index)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_goes_what_is_in_force_and_held_stays(seed: int) -> None:
    chance = random.Random(seed)
    found = {entry.id: entry for entry in _many(chance, 60)}
    known = frozenset(chance.sample(sorted(found), 40))
    in_force = frozenset(chance.sample(sorted(known), 2))
    kept = Kept(in_force, frozenset(), known, frozenset([OWNER]))
    held = frozenset(chance.sample(sorted(found), 2))
    limit = chance.randrange(1, 20_000)
    swept = plan(list(found.values()), kept, frozenset(found[n] for n in held), limit, now=100.0)
    left = set(found) - {entry.id for entry in swept.removed}
    assert kept.in_force | held <= left <= known | held
    assert swept.after == sum(found[name].bytes for name in left)
    assert swept.after <= limit or left == kept.in_force | held


def test_an_output_says_whose_it_is_and_what_it_takes(store: Store) -> None:
    _publish(store, "one", size=5000)
    owner, package, size = json.loads((store.outputs / "one" / ".of").read_text())
    assert (owner, package) == (OWNER, "it")
    assert size > 5000
