"""Edits a folder at random, the same for the same number: part of a test, run as a build too."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

NAMES = ("a", "b", "c", "d e", "f\ng", "\udcff")
STEPS = 12


def edit(root: Path, number: int) -> None:
    """Make some changes below ``root`` that a build could make to what it finds."""
    root.mkdir(exist_ok=True)
    chance = random.Random(number)
    for _ in range(STEPS):
        path = _some_path(root, chance)
        chance.choice((_write, _write, _delete, _renew, _move, _link, _share, _restrict))(
            path, root, chance
        )


def _some_path(root: Path, chance: random.Random) -> Path:
    return root.joinpath(*(chance.choice(NAMES) for _ in range(chance.randint(1, 3))))


def _clear(path: Path, root: Path) -> None:
    """Make room for ``path``, whatever is there or above it."""
    for place in (*reversed([p for p in path.parents if p.is_relative_to(root)]), path):
        if place.is_symlink() or place.is_file():
            place.unlink()
        elif place == path and place.is_dir():
            shutil.rmtree(place)
        if place != path:
            place.mkdir(exist_ok=True)


def _write(path: Path, root: Path, chance: random.Random) -> None:
    _clear(path, root)
    path.write_bytes(chance.randbytes(chance.randint(0, 40)))


def _delete(path: Path, root: Path, chance: random.Random) -> None:  # noqa: ARG001 - one form
    if not _is_inside(path, root):
        return
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _renew(path: Path, root: Path, chance: random.Random) -> None:
    """A folder that was there is made anew: the old content must not show through."""
    _clear(path, root)
    path.mkdir()
    (path / chance.choice(NAMES)).write_bytes(chance.randbytes(3))


def _move(path: Path, root: Path, chance: random.Random) -> None:
    target = _some_path(root, chance)
    inside = path.is_relative_to(target) or target.is_relative_to(path)
    if inside or not _is_inside(path, root) or not os.path.lexists(path):
        return
    _clear(target, root)
    if os.path.lexists(path):
        shutil.move(path, target)


def _link(path: Path, root: Path, chance: random.Random) -> None:
    _clear(path, root)
    path.symlink_to(chance.choice(NAMES))


def _share(path: Path, root: Path, chance: random.Random) -> None:
    other = _some_path(root, chance)
    if _is_inside(other, root) and other.is_file() and not path.is_relative_to(other):
        content = other.read_bytes()
        _clear(path, root)
        if other.is_file() and not other.is_symlink():
            path.hardlink_to(other)
        else:
            path.write_bytes(content)


def _restrict(path: Path, root: Path, chance: random.Random) -> None:
    if _is_inside(path, root) and path.is_file() and not path.is_symlink():
        path.chmod(chance.choice((0o600, 0o755, 0o644)))


def _is_inside(path: Path, root: Path) -> bool:
    return not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(root))


if __name__ == "__main__":
    edit(Path(sys.argv[1]), int(Path(sys.argv[2]).read_text()))
