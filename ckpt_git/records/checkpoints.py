"""What builds can start from, package by package, and which of it is in force.

Small files below ``.git/ckpt``: ``checkpoints``, ``in-force`` and ``distrusted``. The
artifacts that they name are an engine's.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from ckpt_git.kept_files import remove_file
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.records import results
from ckpt_git.records.files import newest_first, publish_json, writing
from ckpt_git.records.state import State


def listed(state: State, package: str) -> list[Checkpoint]:
    """What ``package`` can be started from, newest first."""
    paths = newest_first(state.folders("checkpoints", package), ".json")
    read = (state.read(path, Checkpoint.from_json, partial(_file_of, state)) for path in paths)
    wrong = state.distrusted(package)
    return [c for c in read if c is not None and not wrong.intersection(c.bases)]


def add(state: State, checkpoint: Checkpoint) -> None:
    """Remember ``checkpoint``. Raises ``StoreError``."""
    moment = state.last("checkpoints", checkpoint.created)
    publish_json(_file_of(state, checkpoint), checkpoint.to_json(), mtime=moment)


def drop(state: State, checkpoint: Checkpoint) -> None:
    """Forget ``checkpoint``, if it is known; its artifacts are the engine's to remove."""
    forget(state, checkpoint.package, checkpoint.id)


def forget(state: State, package: str, name: str) -> None:
    """Forget the checkpoint with the id ``name``."""
    path = _file(state, package, name)
    with writing(path):
        remove_file(path)


def distrust(state: State, package: str, ids: Collection[str]) -> list[Checkpoint]:
    """Have the checkpoints ``ids`` of ``package``, and all that was built on them, count for
    nothing from now on, but for what was verified. It is noted for good: a build that runs
    meanwhile may be on one of them.

    Returns those that were known: their artifacts are the engine's to remove. Raises
    ``StoreError``.
    """
    known = listed(state, package)
    wrong = {*ids}
    for checkpoint in known:
        if checkpoint.lies_on(ids):
            first = max((n for n, one in enumerate(checkpoint.bases) if one in ids), default=0)
            wrong.update(checkpoint.bases[: first + 1])
    for name in sorted(wrong):
        publish_json(state.distrust_folder(package) / f"{name}.json", {})
    lost = [checkpoint for checkpoint in known if checkpoint.id in wrong]
    for checkpoint in lost:
        drop(state, checkpoint)
    sound = {base for checkpoint in known for base in checkpoint.bases} - wrong
    results.forget_built_on(state, package, wrong, sound)
    return lost


def all_ids(state: State) -> list[str]:
    """The ids of all checkpoints, of any package. No file is opened."""
    paths = newest_first(state.folders("checkpoints", None), ".json")
    return [path.stem for path in paths]


def in_force(state: State, package: str) -> Checkpoint | None:
    """The checkpoint that was put in force, as long as it is known; else the newest."""
    known = listed(state, package)
    pinned = _pinned(state, package)
    return next((c for c in known if c.id == pinned), known[0] if known else None)


def is_pinned(state: State, package: str) -> bool:
    """Whether a checkpoint that is still known was put in force."""
    pinned = _pinned(state, package)
    return pinned is not None and _file(state, package, pinned).exists()


def put_in_force(state: State, checkpoint: Checkpoint) -> None:
    """Put ``checkpoint`` in force. It is kept already. Raises ``StoreError``."""
    publish_json(_pin(state, checkpoint.package), {"id": checkpoint.id})


def _pinned(state: State, package: str) -> str | None:
    return state.read(_pin(state, package), lambda data: str(data["id"]))


def _pin(state: State, package: str) -> Path:
    return state.path / "in-force" / f"{package}.json"


def _file_of(state: State, checkpoint: Checkpoint) -> Path:
    return _file(state, checkpoint.package, checkpoint.id)


def _file(state: State, package: str, name: str) -> Path:
    return state.path / "checkpoints" / package / f"{name}.json"
