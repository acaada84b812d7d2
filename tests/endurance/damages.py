"""What may have become of a file that was kept. All of it lies there anew: what is open stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

Damage = Callable[[Random, Path], None]


def damage_some(chance: Random, folders: Iterable[Path], count: int) -> list[str]:
    """Damage so many of the files below ``folders``; says what was done to which."""
    tops = [*folders]
    files = [file for folder in tops for file in _files(folder)]
    told = []
    newest = sorted(files, key=_date)[-20:]
    for _ in range(count if files else 0):
        file = chance.choice(chance.choice((files, newest)))
        name = chance.choice([name for name in sorted(DAMAGES) if _stays_below(name, file, tops)])
        if not _can_be_read(file):  # it was damaged just now
            continue
        with suppress(OSError):  # it goes this moment, or the folder that it is in
            DAMAGES[name](chance, file)
            told.append(f"{name}: {file}")
    return told


def _stays_below(name: str, file: Path, tops: Sequence[Path]) -> bool:
    """Beside a folder that is ours lies what is the user's."""
    return DAMAGES[name] is not _swapped_with_its_like or file.parent not in tops


def _files(folder: Path) -> list[Path]:
    """Not what is at work just now: a build's sources are nobody's to check. Nor what was damaged
    before and nobody has looked at yet: a pipe would be waited for."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(here, name) != folder / "tmp"]
        found += [Path(here, name) for name in names]
    return sorted(filter(_can_be_read, found))


def _can_be_read(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _date(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_mtime_ns
    return 0


def _put(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{path.name}.damaged")
    aside.write_bytes(content)
    shutil.copystat(path, aside)
    aside.replace(path)


def _flipped(chance: Random, path: Path) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(min(len(content), chance.choice((1, 8)))):
        content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
    _put(path, bytes(content))


def _cut(chance: Random, path: Path) -> None:
    content = path.read_bytes()
    _put(path, content[: chance.randrange(len(content) + 1)])


def _swapped(chance: Random, path: Path) -> None:
    """With the content of another file of the folder."""
    _swap(chance, path, sorted(path.parent.iterdir()))


def _swapped_with_its_like(chance: Random, path: Path) -> None:
    """With the file that has its name, or its suffix, in a folder beside."""
    above = path.parent.parent
    alike = {*above.glob(f"*/{path.name}"), *above.glob(f"*/*{path.suffix}")}
    _swap(chance, path, sorted(alike))


def _swap(chance: Random, path: Path, others: Sequence[Path]) -> None:
    files = [one for one in others if one.is_file() and not one.is_symlink() and one != path]
    if files:
        other = chance.choice(files)
        mine, its = path.read_bytes(), other.read_bytes()
        _put(path, its)
        _put(other, mine)


def _instead(make: Callable[[Path], object]) -> Damage:
    def damage(_: Random, path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGES: dict[str, Damage] = {
    "flipped": _flipped,
    "cut off": _cut,
    "swapped": _swapped,
    "swapped with its like": _swapped_with_its_like,
    "empty": _instead(Path.touch),
    "gone": _instead(lambda _: None),
    "a folder": _instead(Path.mkdir),
    "a pipe": _instead(os.mkfifo),
    "a link to nowhere": _instead(lambda path: path.symlink_to("/nowhere/at all")),
    "a link to itself": _instead(lambda path: path.symlink_to(path.name)),
}
