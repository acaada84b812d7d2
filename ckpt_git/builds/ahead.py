"""What a build asks of git first, asked while the rest is being imported: git's processes take as
long as that, on another core."""

from __future__ import annotations

from ckpt_git.git.repository import Repository, Target
from ckpt_git.later import Later

_begun: list[tuple[Later[Repository], Later[Target]]] = []


def begin(name: str) -> None:
    """Look up the repository around the current folder, and the target of that name in it. What
    goes wrong is raised where the answer is used."""
    found = Later(_look_up)
    _begun.append((found, Later(lambda: found.value().target(name))))


def repository() -> Repository | None:
    """The repository, where it was looked up. Raises ``RepositoryError``."""
    return _begun[0][0].value() if _begun else None


def target() -> Target | None:
    """The target, where it was looked up, once: the next snapshot is another one.

    Raises as ``Repository.target`` does.
    """
    return _begun.pop()[1].value() if _begun else None


def _look_up() -> Repository:
    found = Repository.discover()
    found.settings()  # what is read once is kept
    return found
