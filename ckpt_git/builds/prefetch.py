"""What a build asks of git first, asked while the rest is being imported: git's processes take as
long as that, on another core."""

from __future__ import annotations

from typing import NamedTuple

from ckpt_git.deferred import Deferred
from ckpt_git.git.repository import Repository
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.model.target import Target


class _Begun(NamedTuple):
    repository: Deferred[Repository]
    target: Deferred[Target]
    config: Deferred[bytes | None]


_begun: list[_Begun] = []


def begin(name: str) -> None:
    """Look up the repository around the current folder, the target of that name in it, and what
    is configured for that. What goes wrong is raised where the answer is used."""
    found = Deferred(_look_up)
    asked = Deferred(lambda: found.value().target(name))
    config = Deferred(lambda: found.value().read(asked.value().tree, CONFIG_NAME))
    _begun.append(_Begun(found, asked, config))


def repository() -> Repository | None:
    """The repository, where it was looked up. Raises ``RepositoryError``."""
    return _begun[0].repository.value() if _begun else None


def target() -> tuple[Target, Deferred[bytes | None]] | None:
    """The target and what its ``ckpt.toml`` holds, where they were looked up, once: the next
    snapshot is another one.

    Raises as ``Repository.target`` does.
    """
    if not _begun:
        return None
    begun = _begun.pop()
    return begun.target.value(), begun.config


def _look_up() -> Repository:
    found = Repository.discover()
    found.settings()  # what is read once is kept
    return found
