"""What ``lines_with`` finds: in few files and in many, whatever they are called."""

from __future__ import annotations

import pytest

from ckpt_git.git.repository import Repository
from tests.support import GitRepo


@pytest.mark.parametrize("others", [0, 1500])
def test_finds_lines_in_the_files_of_the_patterns(repo: GitRepo, others: int) -> None:
    """Of many files the names would be too long for one command line."""
    files = {f"many/{'long' * 40}{number}.h": "nothing\n" for number in range(others)}
    files |= {
        "a\nline.h": "one (word)\nnot this\n",
        "*.h": "(word) at the start\n",
        "sub/b.h": "no end (word)",
        "sub/c.c": "(word)\n",
    }
    repo.commit("second", files)
    source = Repository.discover(repo.path).source(repo.tree())
    assert sorted(source.lines_with(["(word)", "absent"], ["*.h"])) == [
        ("*.h", "(word) at the start"),
        ("a\nline.h", "one (word)"),
        ("sub/b.h", "no end (word)"),
    ]
    below = Repository.discover(repo.path).source(repo.tree(), "sub")
    assert below.lines_with(["(word)"], ["*.h"]) == [("b.h", "no end (word)")]
    assert source.lines_with(["nowhere"], ["*"]) == []
