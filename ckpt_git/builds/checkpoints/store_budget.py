"""How much room the store may take, and which entries the repositories still need.

The store is shared by all repositories, so a sweep asks each of them what it has in force. What
goes is chosen in ``engines.local.store.eviction``; here the repositories are told that it went.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from ckpt_git.builds.context import Context
from ckpt_git.engines.files import writing
from ckpt_git.engines.local.store import eviction
from ckpt_git.engines.local.store.eviction import Kept, Sweep
from ckpt_git.engines.local.store.store import Store
from ckpt_git.model.config.values import FaultError, size
from ckpt_git.model.errors import UsageError
from ckpt_git.records import checkpoints, results
from ckpt_git.records.state import State

DEFAULT_LIMIT = 10 << 30
"""Bytes that the store may take where nobody says how many, and the disk has room for that."""

_SHARE = 4  # of what is free, and of what the store has: not more than this part
_SETTING = "storelimit"
_LOOKED_AT = 8  # records, for the newest that has an output
_KEPT_RECORDS = 90 * 86400.0  # seconds since it was made or last asked for


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did, or would do; ``gone`` are the repositories that aren't there any more."""

    sweep: Sweep
    limit: int
    gone: tuple[str, ...]
    records: int


def limit(context: Context, tree: str | None = None) -> int:
    """Bytes that the store may take: git's ``ckpt.storeLimit``, else ``store_limit`` in the
    ckpt.toml of ``tree``, else 10 GB, or a quarter of the disk's free space where that is less.

    Raises ``UsageError`` for a setting that is no size.
    """
    said = context.repo.settings().get(_SETTING)
    if said is not None:
        return _size(said)
    config = None if tree is None else context.find_config(tree)
    if config is not None and config.store_limit is not None:
        return config.store_limit
    with suppress(OSError):
        free = shutil.disk_usage(context.store).free
        return min(DEFAULT_LIMIT, (free + eviction.size(Store(context.store))) // _SHARE)
    return DEFAULT_LIMIT


def make_room(context: Context, tree: str, *, tidy: bool) -> None:
    """Evict what is beyond the store's limit after a build. With ``tidy`` also remove what this
    repository no longer needs, although there is room. Raises ``StoreError``."""
    most = limit(context, tree)
    if not tidy and eviction.size(Store(context.store)) <= most:
        return
    collect(context, most)


@contextmanager
def no_eviction(context: Context) -> Iterator[None]:
    """Keep sweeps out meanwhile, so that a checkpoint that is whole now can be put in force."""
    store = Store(context.store)
    if not store.entries.is_dir():  # as with Nix alone
        yield
        return
    with writing(store.root), store.tally.locked():
        yield


def collect(
    context: Context,
    most: int,
    *,
    everybody: bool = False,
    dry_run: bool = False,
    forgotten: frozenset[str] = frozenset(),
) -> Swept:
    """Sweep the store: what this repository (or ``everybody``) has no use for, what is of
    repositories that are gone, and what doesn't fit into ``most`` bytes. The checkpoints
    ``forgotten`` count as if they were. Raises ``StoreError``."""
    store = Store(context.store)
    gone: set[str] = set()

    def ask(owners: frozenset[str]) -> Kept:
        gone.update(owner for owner in owners if _is_gone(Path(owner)))
        alive = [State(Path(owner) / "ckpt") for owner in owners - gone]
        return Kept(
            in_force=_union(map(_in_force, alive)),
            outputs=_union(map(_newest_outputs, alive)),
            known=_union(checkpoints.all_ids(state) for state in alive) - forgotten,
            tidied=owners if everybody else frozenset({*gone, str(context.repo.common_dir)}),
        )

    swept = eviction.sweep(store, ask, most, dry_run=dry_run)
    for entry in swept.removed:
        if entry.is_checkpoint and not (dry_run or entry.owner is None or entry.owner in gone):
            checkpoints.forget(State(Path(entry.owner) / "ckpt"), entry.package, entry.id)
    old = time.time() - _KEPT_RECORDS
    records = results.forget_old(context.state, old, dry_run=dry_run)
    return Swept(swept, most, tuple(sorted(gone)), records)


def _in_force(state: State) -> Iterator[str]:
    for package in results.packages(state):
        checkpoint = checkpoints.in_force(state, package)
        if checkpoint is not None:
            yield checkpoint.id


def _newest_outputs(state: State) -> Iterator[str]:
    """What ``run`` and ``path`` are about."""
    for package in results.packages(state):
        newest = (record for record in results.history(state, package, _LOOKED_AT) if record.out)
        yield from (record.output.parent.name for record in islice(newest, 1))


def _union(parts: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(parts))


def _is_gone(owner: Path) -> bool:
    try:
        return not owner.is_dir()
    except OSError:  # it can't be told: somebody else's, or a disk that doesn't answer
        return False


def _size(said: str) -> int:
    try:
        return size(("ckpt.storeLimit",), int(said) if said.isdecimal() else said)
    except FaultError as fault:
        raise UsageError(
            f"git config ckpt.storeLimit is `{said}`, not a size",
            "give bytes above 0, or e.g. `git config ckpt.storeLimit 20G`",
        ) from fault
