"""Choose what to evict: first entries without a reference, then those that are cheap to rebuild.

First a sweep is planned, from what entries say of themselves; carried
out it is under the tally's lock, and what a build has taken hold of meanwhile stays.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ckpt_git.engines.files import new_id, writing
from ckpt_git.engines.local.store import objects, outputs, toolchains, workspaces
from ckpt_git.engines.local.store.store import Store

KEPT_OUTPUTS = 12
"""Of a package's outputs that no checkpoint came with, so many stay: the newest ones."""

KEPT_FETCHED = 3
"""Of what ``fetch`` brought, so many sets of lock files stay: those that were used last."""

_YOUNG = 3600.0
"""Seconds for which an object stays that no memory names: the one that does may be on its way."""
_HALF_LIFE = 86400.0
"""Seconds after which what wasn't used is worth half."""


Kind = Literal["checkpoint", "fetched", "output"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint's memory, or what a build installed, both with the build's id; or what ``fetch``
    brought. ``used`` is in Unix seconds.

    ``owner`` is the git folder of its repository; None for what can't say whose it is.
    """

    id: str
    kind: Kind
    owner: str | None
    package: str
    bytes: int
    seconds: float
    used: float

    @property
    def is_checkpoint(self) -> bool:
        return self.kind == "checkpoint"

    def worth(self, now: float) -> float:
        """Seconds that it takes to make again, for each byte; less, the longer it wasn't used. An
        output is worth nothing: a build that is answered from memory installs it.
        """
        fresh: float = 0.5 ** (max(0.0, now - self.used) / _HALF_LIFE)
        return self.seconds / max(1, self.bytes) * fresh


@dataclass(frozen=True, slots=True)
class Kept:
    """Who wants what. Checkpoints ``in_force`` and ``outputs`` stay whatever the limit; those that
    are ``known`` can be started from, and stay while there is room for them. Of the owners in
    ``tidied``, the gone ones among them, all else goes."""

    in_force: frozenset[str]
    outputs: frozenset[str]
    known: frozenset[str]
    tidied: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What goes, in this order, and how many bytes there were ``before`` and are left ``after``."""

    removed: tuple[Entry, ...]
    before: int
    after: int


Ask = Callable[[frozenset[str]], Kept]
"""Told whose entries there are, says what they want."""


def size(store: Store) -> int:
    """Bytes of all that is in the store."""
    known = store.tally.read()
    if known is None and store.entries.is_dir():
        with writing(store.root), store.tally.locked():
            known = _bytes(store, tuple(entries(store)))
            store.tally.write(known)
    return known or 0


def sweep(store: Store, ask: Ask, limit: int, *, dry_run: bool = False) -> Sweep:
    """Remove what serves nobody, and then what is worth least until the rest fits into ``limit``
    bytes, or all of it is held or in force; and what killed builds left. Raises ``StoreError``."""
    store.open()
    with writing(store.root), store.tally.locked():
        found = tuple(entries(store))
        held = frozenset(entry for entry in found if store.is_held(_place(store, entry)))
        # In this order: what isn't held any more is known to whoever wants it.
        kept = ask(frozenset(entry.owner for entry in found if entry.owner is not None))
        planned = plan(found, kept, held, limit, time.time())
        if dry_run:
            return planned
        done = _carry_out(store, planned)
        objects.sweep(store, _YOUNG)
        toolchains.forget_old(store)
        _forget_older_versions(store)
        after = _bytes(store, tuple(entries(store)))
        store.tally.write(after)
    store.clear_away()
    workspaces.sweep_dead_builds(store)
    return Sweep(done.removed, done.before, after)


def plan(
    found: Sequence[Entry], kept: Kept, held: frozenset[Entry], limit: int, now: float
) -> Sweep:
    """The entries to evict. Pure."""
    checkpoints = {entry.id: entry for entry in found if entry.is_checkpoint}

    def named(names: frozenset[str]) -> set[Entry]:
        return {checkpoints[name] for name in names if name in checkpoints}

    outputs = {entry for entry in found if entry.kind == "output" and entry.id in kept.outputs}
    fixed = named(kept.in_force) | outputs | held
    wanted = named(kept.known) | fixed
    wanted |= {e for e in found if e.kind == "output" and checkpoints.get(e.id) in wanted}
    wanted |= _newest_of_the_rest(found, wanted)
    left = set(found)
    removed = sorted(
        (e for e in left - wanted if e.owner is None or e.owner in kept.tidied),
        key=lambda entry: (entry.id, entry.kind),
    )
    left -= set(removed)
    before, after = (sum(entry.bytes for entry in some) for some in (found, left))
    while after > limit:
        free = left - fixed
        if not free:
            break
        least = min(free, key=lambda entry: (entry.worth(now), entry.used, entry.id))
        left.remove(least)
        removed.append(least)
        after -= least.bytes
    return Sweep(tuple(removed), before, after)


def entries(store: Store) -> Iterator[Entry]:
    """All entries and outputs, as they say of themselves; nothing is walked."""
    for folder in _folders(store.entries):
        entry = store.entry(folder.name)
        if entry is None:
            yield Entry(folder.name, "checkpoint", None, "", 0, 0.0, _mtime(folder))
            continue
        yield Entry(
            id=folder.name,
            kind="fetched" if entry.fetched else "checkpoint",
            owner=entry.owner,
            package=entry.package,
            bytes=entry.bytes,
            seconds=entry.seconds,
            used=_mtime(folder),
        )
    yield from _owned(store.outputs, "output")


def _bytes(store: Store, found: Sequence[Entry]) -> int:
    """Bytes of all that is there; an entry says how much came with it, the objects how much is
    left of that."""
    memories = sum(objects.memory_bytes(store, e.id) for e in found if e.is_checkpoint)
    rest = sum(entry.bytes for entry in found if not entry.is_checkpoint)
    return memories + rest + objects.size(store)


def _owned(below: Path, kind: Kind) -> Iterator[Entry]:
    for folder in _folders(below):
        owner, package, size = outputs.owner(folder) or (None, "", 0)
        yield Entry(folder.name, kind, owner, package, size, 0.0, _mtime(folder))


def _place(store: Store, entry: Entry) -> Path:
    return (store.outputs if entry.kind == "output" else store.entries) / entry.id


def _newest_of_the_rest(found: Sequence[Entry], wanted: set[Entry]) -> set[Entry]:
    """What is kept although nobody says that it is wanted: by kind, the newest of each package."""
    rest: dict[tuple[str, str | None, str], list[Entry]] = defaultdict(list)
    checkpoints = {entry.id for entry in found if entry.is_checkpoint}
    for entry in set(found) - wanted:
        goes_with_its_checkpoint = entry.kind == "output" and entry.id in checkpoints
        if entry.owner is not None and not goes_with_its_checkpoint:
            rest[entry.kind, entry.owner, entry.package].append(entry)
    stay: set[Entry] = set()
    numbers = {"output": KEPT_OUTPUTS, "fetched": KEPT_FETCHED}
    for (kind, _, _), alike in rest.items():
        stay |= set(sorted(alike, key=lambda entry: -entry.used)[: numbers.get(kind, 0)])
    return stay


def _carry_out(store: Store, planned: Sweep) -> Sweep:
    """Take away what was planned; what a build took hold of meanwhile stays."""
    removed: list[Entry] = []
    after = planned.after
    for entry in planned.removed:
        if store.take_away(_place(store, entry)):
            removed.append(entry)
        else:
            after += entry.bytes
    return Sweep(tuple(removed), planned.before, after)


def _forget_older_versions(store: Store) -> None:
    """What git-ckpt kept until it had a memory serves nobody."""
    for name in ("layers", "caches", "tracers"):
        if (store.root / name).is_dir():
            (store.root / name).rename(store.tmp / f"{new_id()}.dropped")


def _folders(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []


def _mtime(path: Path) -> float:
    with suppress(OSError):
        return path.lstat().st_mtime
    return math.inf
