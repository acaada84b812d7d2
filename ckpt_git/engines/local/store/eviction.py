"""What the store lets go of: what serves nobody and, beyond a limit, what is cheapest to lack.

A layer goes only where no other lies on it. So of a chain the top goes first, and what is kept is
never without what it needs. First a sweep is planned, from what entries say of themselves; carried
out it is under the tally's lock, and what a build has taken hold of meanwhile stays.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ckpt_git.engines.files import writing
from ckpt_git.engines.local.store.store import OWNED, Store

KEPT_OUTPUTS = 12
"""Of a package's outputs that no layer came with, so many stay: the newest ones."""

KEPT_FETCHED = 3
"""Of what ``fetch`` brought, so many sets of lock files stay: those that were used last."""

KEPT_CACHES = 1
"""A package has one compiler cache, which stays."""

_KEPT_TOOLCHAINS = 8
_HALF_LIFE = 86400.0
"""Seconds after which what wasn't used is worth half."""


Kind = Literal["layer", "fetched", "output", "cache"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A layer, or what a build installed, both with the build's id; or a package's compiler cache.
    ``used`` is in Unix seconds.

    ``owner`` is the git folder of its repository; None for what can't say whose it is.
    """

    id: str
    kind: Kind
    owner: str | None
    package: str
    lowers: tuple[str, ...]
    bytes: int
    seconds: float
    used: float

    @property
    def is_layer(self) -> bool:
        return self.kind in {"layer", "fetched"}

    def worth(self, now: float) -> float:
        """Seconds that it takes to make again, for each byte; less, the longer it wasn't used. An
        output is worth nothing: a build from its checkpoint, which compiles nothing, installs it.
        Nor is a compiler cache: it serves where no checkpoint does, and only saves a part.
        """
        fresh: float = 0.5 ** (max(0.0, now - self.used) / _HALF_LIFE)
        return self.seconds / max(1, self.bytes) * fresh


@dataclass(frozen=True, slots=True)
class Kept:
    """Who wants what. Layers that are ``in_force`` and ``outputs`` stay whatever the limit; layers
    that are ``known`` can be started from, and stay while there is room for them. Of the owners in
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
    if known is None and store.layers.is_dir():
        with writing(store.root), store.tally.locked():
            known = sum(entry.bytes for entry in entries(store))
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
        store.tally.write(done.after)
        _forget_toolchains(store)
    store.clear_away()
    store.sweep_dead_builds()
    return done


def plan(
    found: Sequence[Entry], kept: Kept, held: frozenset[Entry], limit: int, now: float
) -> Sweep:
    """What to let go of. Pure."""
    layers = {entry.id: entry for entry in found if entry.is_layer}
    fixed = _with_what_it_needs(layers, found, kept.in_force, kept.outputs, held)
    wanted = _with_what_it_needs(layers, found, kept.known | kept.in_force, kept.outputs, held)
    wanted |= {e for e in found if not e.is_layer and layers.get(e.id) in wanted}
    wanted |= _newest_of_the_rest(found, wanted)
    left = set(found)
    # What lies on another layer goes before that: longer chains first.
    removed = sorted(
        (e for e in left - wanted if e.owner is None or e.owner in kept.tidied),
        key=lambda entry: (-len(entry.lowers), entry.id, entry.kind),
    )
    left -= set(removed)
    before, after = (sum(entry.bytes for entry in some) for some in (found, left))
    while after > limit:
        below = {name for entry in left for name in entry.lowers}
        free = [e for e in left - fixed if not (e.is_layer and e.id in below)]
        if not free:
            break
        least = min(free, key=lambda entry: (entry.worth(now), entry.used, entry.id))
        left.remove(least)
        removed.append(least)
        after -= least.bytes
    return Sweep(tuple(removed), before, after)


def entries(store: Store) -> Iterator[Entry]:
    """All layers, outputs and compiler caches, as they say of themselves; nothing is walked."""
    for folder in _folders(store.layers):
        layer = store.described(folder.name)
        if layer is None:
            yield Entry(folder.name, "layer", None, "", (), 0, 0.0, _mtime(folder))
            continue
        yield Entry(
            id=folder.name,
            kind="fetched" if layer.fetched else "layer",
            owner=layer.owner,
            package=layer.package,
            lowers=layer.lowers,
            bytes=layer.bytes,
            seconds=layer.seconds,
            used=_mtime(folder),
        )
    yield from _owned(store.outputs, "output")
    yield from _owned(store.caches, "cache")


def _owned(below: Path, kind: Kind) -> Iterator[Entry]:
    for folder in _folders(below):
        owner: str | None
        try:
            owner, package, *size = json.loads((folder / OWNED).read_bytes())
        except (OSError, ValueError, TypeError):
            owner, package, size = None, "", []
        yield Entry(folder.name, kind, owner, package, (), sum(size), 0.0, _mtime(folder))


def _place(store: Store, entry: Entry) -> Path:
    places = {"output": store.outputs, "cache": store.caches}
    return places.get(entry.kind, store.layers) / entry.id


def _with_what_it_needs(
    layers: Mapping[str, Entry],
    found: Sequence[Entry],
    names: frozenset[str],
    outputs: frozenset[str],
    held: frozenset[Entry],
) -> set[Entry]:
    """The layers of these names with all that they lie on, the outputs, and what is held."""
    tops = [layers[name] for name in names if name in layers]
    tops += [entry for entry in held if entry.is_layer]
    chains = {layers[n] for top in tops for n in (top.id, *top.lowers) if n in layers}
    named = {entry for entry in found if not entry.is_layer and entry.id in outputs}
    return chains | named | held


def _newest_of_the_rest(found: Sequence[Entry], wanted: set[Entry]) -> set[Entry]:
    """What is kept although nobody says that it is wanted: by kind, the newest of each package."""
    rest: dict[tuple[str, str | None, str], list[Entry]] = defaultdict(list)
    with_layer = {entry.id for entry in found if entry.is_layer}
    for entry in set(found) - wanted:
        goes_with_its_layer = not entry.is_layer and entry.id in with_layer
        if entry.owner is not None and not goes_with_its_layer:
            rest[entry.kind, entry.owner, entry.package].append(entry)
    stay: set[Entry] = set()
    numbers = {"output": KEPT_OUTPUTS, "fetched": KEPT_FETCHED, "cache": KEPT_CACHES}
    for (kind, _, _), alike in rest.items():
        stay |= set(sorted(alike, key=lambda entry: -entry.used)[: numbers.get(kind, 0)])
    return stay


def _carry_out(store: Store, planned: Sweep) -> Sweep:
    """Take away what was planned; what a build took hold of stays, with all that it lies on."""
    removed: list[Entry] = []
    stay: set[str] = set()
    after = planned.after
    for entry in planned.removed:
        needed = entry.is_layer and entry.id in stay
        if not needed and store.take_away(_place(store, entry)):
            removed.append(entry)
        else:
            stay |= {entry.id, *entry.lowers}
            after += entry.bytes
    return Sweep(tuple(removed), planned.before, after)


def _forget_toolchains(store: Store) -> None:
    listings = sorted(store.toolchains.iterdir(), key=_mtime, reverse=True)
    for old in listings[_KEPT_TOOLCHAINS:]:
        old.unlink(missing_ok=True)


def _folders(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []


def _mtime(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return math.inf
