"""Keep the hooks that were there before ours, in a folder where each still finds its own files.

A hook is kept in a folder beside the hooks folder, by its own name. So ``$0`` ends in the name that
git gives it, ``..`` leads where it led, and relative links do too. What else lies in the hooks
folder is linked from there: the script that a link leads to, a library, a folder of parts. ``$0``
of a script is the path that was executed, and under git's own path there is ours, so a folder of
another name is as near as it gets. Touches the two folders only.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ckpt_git.model.errors import RepositoryError

ENDING = ".ckpt-chained"
"""What the name of the folder beside the hooks folder ends in, after that folder's own name."""

_IGNORE = ".gitignore"  # a hooks folder in a work tree has its neighbour there
_BOOKKEEPING = "# Hooks that ckpt-git's run first; `git ckpt uninstall` brings them back.\n*\n"


def place(hook: Path) -> Path:
    """Where ``hook`` is kept, or would be."""
    return _beside(hook.parent) / hook.name


def earlier_place(hook: Path) -> Path:
    """Where earlier versions of ours kept it, and ran it by another name."""
    return hook.with_name(hook.name + ENDING)


def kept(hook: Path) -> list[Path]:
    """Where a hook is kept for ours at ``hook``: nowhere, in one place, or also in the earlier."""
    return [where for where in (place(hook), earlier_place(hook)) if os.path.lexists(where)]


def keep(hook: Path) -> None:
    """Keep another tool's hook at ``hook`` before ours takes its place. Raises ``RepositoryError``
    where one is kept already."""
    for other in kept(hook):
        if not is_same(other, hook):
            raise RepositoryError(
                f"{hook} was replaced by another tool, and {other} still keeps the one before",
                "remove the one you don't need and run `git ckpt install` again",
            )
    _bring(hook, place(hook))


def move_on(hook: Path) -> bool:
    """Keep the hook that an earlier version kept where ours looks now; False where there is none.

    It stays where it was, for the text that runs it there: ``forget_earlier`` takes that away.
    Raises ``RepositoryError`` where another is kept already.
    """
    earlier = earlier_place(hook)
    if not os.path.lexists(earlier):
        return False
    if os.path.lexists(place(hook)) and not is_same(earlier, place(hook)):
        raise RepositoryError(
            f"two hooks are kept that were at {hook}: {earlier} and {place(hook)}",
            "remove the one you don't need and run `git ckpt install` again",
        )
    _bring(earlier, place(hook))
    return True


def forget_earlier(hook: Path) -> None:
    """Take away the hook that ``move_on`` has kept anew."""
    earlier_place(hook).unlink(missing_ok=True)


def bring_back(hook: Path, where: Path) -> list[Path]:
    """Put the hook that is kept for ours at ``hook`` to ``where``; returns what is kept besides."""
    where.parent.mkdir(parents=True, exist_ok=True)
    first, *others = kept(hook)
    same = [other for other in others if is_same(other, first)]
    _move(first, where)
    for other in same:
        other.unlink()
    return [other for other in others if other not in same]


def is_same(one: Path, other: Path) -> bool:
    """Whether two hooks are one file, one link or the same content."""
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return filecmp.cmp(one, other, shallow=False)


def link_or_remove(hooks: Path, names: Collection[str]) -> list[Path]:
    """Link what lies in the folder ``hooks`` from where its hooks are kept, or take that folder
    away where none of ``names`` is kept in it. What a hook left there goes to ``hooks`` then;
    returns what can't, as something of that name is there.
    """
    folder = _beside(hooks)
    if not folder.is_dir():
        _link_from_where_git_looks(hooks, None)
        return []
    theirs = [
        path for path in folder.iterdir() if path.name != _IGNORE and not _is_link(path, hooks)
    ]
    if any(path.name in names for path in theirs):
        _link_neighbours(hooks, folder, names)
        _link_from_where_git_looks(hooks, folder)
        return []
    for path in theirs:
        if not os.path.lexists(hooks / path.name):
            _move(path, hooks / path.name)
    left = [path for path in theirs if os.path.lexists(path)]
    if not left:
        shutil.rmtree(folder)
        _link_from_where_git_looks(hooks, None)
    return left


def _link_from_where_git_looks(hooks: Path, folder: Path | None) -> None:
    """Where ``hooks`` is a link, have ``folder`` beside that too: some scripts go by the path's
    words."""
    link = hooks.with_name(hooks.name + ENDING)
    if link.is_symlink():
        link.unlink()
    if folder is not None and hooks.is_symlink() and not os.path.lexists(link):
        link.symlink_to(os.path.relpath(folder, link.parent.resolve()))


def _link_neighbours(hooks: Path, folder: Path, names: Collection[str]) -> None:
    for path in folder.iterdir():
        if _is_link(path, hooks) and not path.exists():
            path.unlink()
    for neighbour in hooks.iterdir():
        link = folder / neighbour.name
        if neighbour.name not in names and not os.path.lexists(link):
            with suppress(OSError):  # a file system without links: the hook is there all the same
                link.symlink_to(_target(hooks, neighbour.name))


def _is_link(path: Path, hooks: Path) -> bool:
    return path.is_symlink() and str(path.readlink()) == _target(hooks, path.name)


def _target(hooks: Path, name: str) -> str:
    return f"../{hooks.resolve().name}/{name}"


def _beside(hooks: Path) -> Path:
    """The folder that keeps the hooks of ``hooks``: where relative links lead alike."""
    folder = hooks.resolve()
    return folder.with_name(folder.name + ENDING)


def _bring(hook: Path, target: Path) -> None:
    """Put the file at ``hook`` at ``target`` as well, as a hard link where that works."""
    target.parent.mkdir(exist_ok=True)
    if not os.path.lexists(target.parent / _IGNORE):
        (target.parent / _IGNORE).write_text(_BOOKKEEPING)
    if os.path.lexists(target):
        return
    try:
        os.link(hook, target, follow_symlinks=False)
    except OSError:
        _copy(hook, target)


def _copy(source: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copy2(source, aside, follow_symlinks=False)
    aside.replace(target)


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV or source.is_dir():
            raise
        _copy(source, target)
    with suppress(FileNotFoundError):
        source.unlink()
