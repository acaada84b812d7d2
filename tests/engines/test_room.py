"""What a sweep of the store removes and leaves, and that its size is known without a walk."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ckpt_git.engines.local.store import eviction, seal
from ckpt_git.engines.local.store.eviction import Entry, Kept, Sweep, plan
from ckpt_git.engines.local.store.store import Layer, Store
from tests.engines.project import Project
from tests.support import until_on_disk

OWNER = "/repository/.git"
PLENTY = 1 << 40


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def _publish(
    store: Store,
    name: str,
    *lowers: str,
    size: int = 1,
    seconds: float = 1.0,
    owner: str = OWNER,
    settled: bool = True,
) -> None:
    """A layer of one file, with an output."""
    with store.workspace() as work:
        for folder in ("fs", "out"):
            (work / folder).mkdir()
            (work / folder / name).write_bytes(b"x" * size)
        store.publish_output(work, name, owner, "it")
        layer = Layer(name, lowers, owner, "it", 5, seconds=seconds)
        store.publish_layer(work, layer, seal.take(work / "fs"), {})
    if settled:
        store.settle()


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
    assert swept.after == eviction.size(store) == _counted(store)
    return {entry.id for entry in swept.removed if entry.is_layer}


def _counted(store: Store) -> int:
    return sum(entry.bytes for entry in eviction.entries(store))


def _layers(store: Store) -> set[str]:
    return {entry.name for entry in store.layers.iterdir()}


def test_what_nobody_wants_goes_with_its_output_and_what_a_kept_one_lies_on_stays(
    store: Store,
) -> None:
    _publish(store, "base")
    _publish(store, "top", "base")
    _publish(store, "other", "base")
    assert _sweep(store, owner="/another/.git") == set()
    assert _sweep(store, known=["top"]) == {"other"}
    assert _layers(store) == {"base", "top"}
    assert {entry.name for entry in store.outputs.iterdir()} == {"base", "top"}
    assert list(store.tmp.iterdir()) == []


def test_a_layer_goes_although_what_it_lies_on_went_first(store: Store) -> None:
    """And so does one of which nobody can tell any more whose it is."""
    for name, lowers in (("base", ()), ("top", ["base"]), ("lost", ())):
        _publish(store, name, *lowers)
    (store.layers / "lost" / "meta.json").unlink()
    store.drop_layer("base")
    assert _sweep(store) == {"top", "lost"}
    assert [entry.name for entry in store.outputs.iterdir()] == ["base"]  # the newest one


def test_what_is_published_and_not_known_yet_stays(store: Store) -> None:
    _publish(store, "new", settled=False)
    assert _sweep(store, limit=0) == set()
    store.settle()
    assert _sweep(store, limit=0) == {"new"}


def test_what_a_build_lies_on_stays_with_all_below(store: Store) -> None:
    _publish(store, "base")
    _publish(store, "top", "base")
    with store.held(["top"]):
        assert _sweep(store, limit=0) == set()
    assert _sweep(store, limit=0) == {"base", "top"}


def test_beyond_the_limit_goes_what_is_cheapest_to_make_again_for_its_size(store: Store) -> None:
    _publish(store, "dear", seconds=100.0)
    _publish(store, "large", seconds=10.0, size=1 << 20)
    _publish(store, "cheap", seconds=1.0)
    _publish(store, "force", seconds=0.1)
    names = {"dear", "large", "cheap", "force"}
    removed: list[str] = []
    while len(removed) < len(names) - 1:  # each time the outputs have gone already, or go first
        removed += _sweep(store, in_force=["force"], known=names, limit=_counted(store) - 1)
    assert removed == ["large", "cheap", "dear"]
    assert _sweep(store, in_force=["force"], known=names, limit=0) == set()


def test_a_compiler_cache_counts_and_goes_before_any_checkpoint(store: Store) -> None:
    _publish(store, "old", size=5000, seconds=0.1)
    folder = store.compiler_cache(OWNER, "it", "gcc")
    (folder / "object").write_bytes(b"x" * 50_000)
    store.weigh_compiler_cache(OWNER, "it")
    store.settle()
    assert _sweep(store, known=["old"]) == set()
    assert folder.is_dir()
    whole = eviction.size(store)
    assert whole > 50_000
    assert _sweep(store, known=["old"], limit=whole - 40_000) == set()
    assert store.compiler_caches() == []
    assert eviction.size(store) < whole - 50_000


def test_a_compiler_cache_that_a_build_uses_stays(store: Store) -> None:
    folder = store.compiler_cache(OWNER, "it", "gcc")
    (folder / "object").write_bytes(b"x" * 50_000)
    store.weigh_compiler_cache(OWNER, "it")
    assert _sweep(Store(store.root), limit=1) == set()
    assert folder.is_dir()
    store.settle()
    assert _sweep(store, limit=1) == set()
    assert not folder.is_dir()


def test_a_compiler_cache_that_is_dropped_is_counted_no_longer(store: Store) -> None:
    _publish(store, "one")
    before = eviction.size(store)
    (store.compiler_cache(OWNER, "it", "gcc") / "object").write_bytes(b"x" * 50_000)
    store.weigh_compiler_cache(OWNER, "it")
    store.compiler_cache(OWNER, "it", "clang")
    assert eviction.size(store) == before == _counted(store)
    (store.compiler_cache(OWNER, "it", "clang") / "object").write_bytes(b"x" * 50_000)
    store.weigh_compiler_cache(OWNER, "it")
    store.drop_compiler_cache(OWNER, "it")
    assert eviction.size(store) == before == _counted(store)


def test_what_was_not_used_for_long_goes_first(store: Store) -> None:
    for name in ("fresh", "old"):
        _publish(store, name)
    os.utime(store.layers / "old", (0, 0))
    limit = sum(entry.bytes for entry in eviction.entries(store) if entry.is_layer) - 1
    assert _sweep(store, known=["fresh", "old"], limit=limit) == {"old"}


def test_of_outputs_without_a_layer_the_newest_stay(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "KEPT_OUTPUTS", 2)
    project.toml("touch -d '+1 day' made", install="cp made $out/")  # no base for others
    # Besides them stays what `run` would run.
    records = [project.passes() for _ in range(4)]
    assert {record.no_base is None for record in records} == {False}
    assert [record.output.exists() for record in records] == [False, True, True, True]


def test_sizes_are_about_what_the_disk_says(project: Project) -> None:
    project.toml("head -c 300000 /dev/urandom >made; truncate -s 1G holes; touch $(cat file).o")
    for content in ("1", "2"):
        project.repo.commit(files={"file": content})
        project.passes()
    until_on_disk(project.store.root)
    folders = [str(project.store.layers), str(project.store.outputs)]
    listed = subprocess.run(["du", "-sk", *folders], capture_output=True, text=True, check=True)
    on_disk = sum(int(line.split()[0]) << 10 for line in listed.stdout.splitlines())
    assert on_disk * 0.9 <= eviction.size(project.store) <= on_disk * 1.3


def test_a_size_that_is_lost_is_counted_again(store: Store) -> None:
    _publish(store, "base")
    eviction.size(store)
    _publish(store, "top", "base")
    size = eviction.size(store)
    (store.root / "size").write_text("nonsense")
    assert eviction.size(store) == size > 0


# --- the plan, with many entries ------------------------------------------------------------


def _forest(chance: random.Random, number: int) -> Iterator[Entry]:
    """Layers, each on nothing or on one of those before it, and on all that this one lies on."""
    made: list[Entry] = []
    for index in range(number):
        below = chance.choice([None, *made[-5:]])
        lowers = () if below is None else (below.id, *below.lowers)
        size, seconds = chance.randrange(1, 1000), chance.random()
        made.append(Entry(f"{index}", "layer", OWNER, "it", lowers, size, seconds, index))
    yield from made


@pytest.mark.parametrize("seed", range(20))
def test_whatever_goes_nothing_that_is_left_lacks_what_it_lies_on(seed: int) -> None:
    chance = random.Random(seed)
    found = {entry.id: entry for entry in _forest(chance, 60)}
    known = frozenset(chance.sample(sorted(found), 40))
    in_force = frozenset(chance.sample(sorted(known), 2))
    kept = Kept(in_force, frozenset(), known, frozenset([OWNER]))
    held = frozenset(chance.sample(sorted(found), 2))
    limit = chance.randrange(1, 20_000)
    swept = plan(list(found.values()), kept, frozenset(found[n] for n in held), limit, now=100.0)
    left = set(found) - {entry.id for entry in swept.removed}
    assert {below for name in left for below in found[name].lowers} <= left
    assert kept.in_force | held <= left
    assert swept.after == sum(found[name].bytes for name in left)
    fixed = {b for n in kept.in_force | held for b in (n, *found[n].lowers)}
    assert swept.after <= limit or left == fixed
    _is_in_order(swept, found)


def _is_in_order(swept: Sweep, found: dict[str, Entry]) -> None:
    """Killed between two removals, what is left is whole."""
    left = set(found)
    for entry in swept.removed:
        left.remove(entry.id)
        assert not [name for name in left if entry.id in found[name].lowers]


def test_an_output_says_whose_it_is_and_what_it_takes(store: Store) -> None:
    _publish(store, "one", size=5000)
    owner, package, size = json.loads((store.outputs / "one" / ".of").read_text())
    assert (owner, package) == (OWNER, "it")
    assert size > 5000
