"""Records, checkpoints and requests to keep: all fields filled in, some to choose."""

from __future__ import annotations

import os
from typing import Any

from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Recipe
from ckpt_git.model.record import Base, Record, Seconds
from ckpt_git.model.target import Target
from ckpt_git.records.queue import Request
from ckpt_git.records.state import State

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def notices(state: State) -> list[str]:
    """What waits to be told, oldest first; it stays."""
    files = sorted((state.path / "notices").glob("[!.]*.txt"))
    return [os.fsdecode(file.read_bytes()).removesuffix("\n") for file in files]


def a_record(**changes: Any) -> Record:
    """A failed build of ``app`` from a checkpoint, with a name in it that isn't UTF-8."""
    fields: dict[str, Any] = {
        "package": "app",
        "engine": "local",
        "outcome": "failed",
        "tree": TREE,
        "key": "k" * 40,
        "recipe": "r" * 32,
        "commit": "c" * 40,
        "checkpoint": Base(commit=None, tree=TREE, depth=2),
        "why_clean": None,
        "sandbox": "namespaces",
        "changes": {"added": 1, "modified": 2, "deleted": 0},
        "out": None,
        "log": "/tmp/log",
        "seconds": Seconds(total=1.5, build=1.25),
        "depth": 3,
        "finished": 1_700_000_000.0,
        "failed_phase": "build",
        "error": ("caf\udce9.c:1: error: expected `;`",),
    }
    return Record(**{**fields, **changes})


def a_checkpoint(**changes: Any) -> Checkpoint:
    """A checkpoint of ``app``."""
    fields: dict[str, Any] = {
        "id": "0001",
        "package": "app",
        "engine": "local",
        "tree": TREE,
        "commit": None,
        "folder": ".",
        "recipe": Recipe({"commands": "1", "toolchain": "2"}),
        "depth": 0,
        "newest_mtime_ns": 1_700_000_000_123_456_789,
        "created": 1_700_000_000.0,
    }
    return Checkpoint(**{**fields, **changes})


def a_request(*trees: str, **changes: Any) -> Request:
    """A request for ``trees`` after a commit in the work tree ``/work tree``."""
    wanted = tuple(Target("commit", "HEAD", tree, None) for tree in trees or (TREE,))
    fields: dict[str, Any] = {"root": "/work tree", "wanted": wanted, "why": "post-commit"}
    return Request(**{**fields, **changes})
