"""How much a build compiled is told from the object files that its programs wrote."""

from __future__ import annotations

import pytest

from ckpt_git.engines.local.object_count import count_objects


def test_each_object_counts() -> None:
    assert count_objects(["/build/source/a.o", "/build/source/sub/a.o"]) == 2


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
    assert count_objects([f"/build/source/{path}" for path in paths]) == 1


def test_sources_archives_and_programs_are_no_objects() -> None:
    assert count_objects(["/build/source/lib.a", "/build/source/program", "/build/source/a.c"]) == 0
