"""What a build of the work tree asks of git first, asked while the rest is being imported: git's
processes take as long as that, on another core."""

from __future__ import annotations

from ckpt_git.git.repository import Repository, Target
from ckpt_git.later import Later

_of_work_tree: list[tuple[Later[Repository], Later[Target]]] = []


def begin() -> None:
    """Look up the repository and take a snapshot of its work tree. What goes wrong is raised where
    the answer is used."""
    repository = Later(_look_up)
    _of_work_tree.append((repository, Later(lambda: repository.value().target())))


def repository() -> Repository | None:
    """The repository around the current folder, where it was looked up. Raises
    ``RepositoryError``."""
    return _of_work_tree[0][0].value() if _of_work_tree else None


def target(name: str) -> Target | None:
    """The target of that name, where it was looked up, once: the next snapshot is another one.

    Raises as ``Repository.target`` does.
    """
    if name != "worktree" or not _of_work_tree:
        return None
    return _of_work_tree.pop()[1].value()


def _look_up() -> Repository:
    found = Repository.discover()
    found.settings()  # what is read once is kept
    return found
