"""What the files of a build's description say: the statements of CMake and Meson."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ckpt_git.engines.protocol import SourceTree

_COMMENT = re.compile(r"#[^\n]*")


def statements(text: str, begins: re.Pattern[str]) -> Iterator[str]:
    """Each ``name(…)`` of the text that ``begins`` matches, parentheses balanced, in one line;
    one within another is given as well."""
    plain = _COMMENT.sub("", text)
    for match in begins.finditer(plain):
        depth, position = 1, match.end()
        while depth and position < len(plain):
            depth += {"(": 1, ")": -1}.get(plain[position], 0)
            position += 1
        yield " ".join(plain[match.start() : position].replace(")", " )").split())


def text_of(source: SourceTree, path: str) -> str:
    """A file's text; empty where there is none."""
    return (source.read(path) or b"").decode(errors="replace")
