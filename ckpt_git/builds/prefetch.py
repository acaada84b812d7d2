"""Ask git for what a build needs first, in threads, while the main thread imports the program."""

from __future__ import annotations

from typing import NamedTuple

from ckpt_git.deferred import Deferred
from ckpt_git.git.repository import Repository
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.model.target import Target


class Prefetched(NamedTuple):
    """The repository around the current folder, the target called ``name`` in it, and what that
    one's ``ckpt.toml`` holds."""

    name: str
    repository: Deferred[Repository]
    target: Deferred[Target]
    config: Deferred[bytes | None]


def begin(name: str) -> Prefetched:
    """Start to look them up. What goes wrong is raised where the answer is used."""
    found = Deferred(_look_up)
    target = Deferred(lambda: found.value().target(name))
    config = Deferred(lambda: found.value().read(target.value().tree, CONFIG_NAME))
    return Prefetched(name, found, target, config)


def _look_up() -> Repository:
    found = Repository.discover()
    found.settings()  # what is read once is kept
    return found
