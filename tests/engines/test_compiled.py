"""How much a build compiled is told from the object files that it wrote anew."""

from __future__ import annotations

import stat

import pytest

from ckpt_git.engines.local.store.seal import Sealed
from ckpt_git.engines.local.workspace.object_count import compiled

_SINCE = 1_000


def _file(path: str, mtime_ns: int = _SINCE, kind: int = stat.S_IFREG) -> Sealed:
    return Sealed(path, kind | 0o644, 1, mtime_ns, "")


def test_objects_older_than_the_sources_are_the_checkpoints() -> None:
    entries = [_file("source/a.o", _SINCE - 1), _file("source/b.o"), _file("source/sub/b.o")]
    assert compiled(entries, _SINCE) == 2


@pytest.mark.parametrize(
    "paths",
    [
        ("a.o", ".libs/a.o", "a.lo"),
        ("A.class", "A$B.class", "A$1.class"),
        ("target/debug/deps/liba.rlib", "target/debug/deps/a.1.rcgu.o"),
        ("target/debug/deps/liba.rlib", "target/debug/incremental/a-1/b.o"),
    ],
)
def test_what_comes_of_one_compile_counts_once(paths: tuple[str, ...]) -> None:
    assert compiled([_file(f"source/{path}") for path in paths], _SINCE) == 1


def test_folders_links_archives_and_programs_are_no_objects() -> None:
    entries = [
        _file("source/folder.o", kind=stat.S_IFDIR),
        _file("source/gone.o", kind=stat.S_IFCHR),
        _file("source/link.o", kind=stat.S_IFLNK),
        *map(_file, ("source/lib.a", "source/program", "source/a.c")),
    ]
    assert compiled(entries, _SINCE) == 0
