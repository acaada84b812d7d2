"""Steps that a trace made suspect and that turned out not to matter, by package.

Touches ``.git/ckpt/excused`` only. What is damaged counts as absent: then one more clean build
finds it out again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ckpt_git.records.files import publish_json, read_json
from ckpt_git.records.state import State

_MOST = 4096  # the newest of a package that are kept


def excused(state: State, package: str) -> frozenset[str]:
    """The ids of the suspicions that came to nothing."""
    return frozenset(_read(state, package))


def excuse(state: State, package: str, ids: Iterable[str]) -> None:
    """Have these count as excused from now on. Raises ``StoreError``."""
    known = dict.fromkeys((*_read(state, package), *ids))
    publish_json(_path(state, package), {"ids": list(known)[-_MOST:]})


def _read(state: State, package: str) -> list[str]:
    ids = read_json(_path(state, package), lambda data: list(map(str, data["ids"])), state.damaged)
    return ids or []


def _path(state: State, package: str) -> Path:
    return state.path / "excused" / f"{package}.json"
