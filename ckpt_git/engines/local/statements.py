"""What the files of a build's description say: the statements of CMake and Meson."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ckpt_git.engines.protocol import SourceTree

_PARENTHESIS = re.compile(r"[()]")
_COMMENT = re.compile(r"#[^\n]*")


def statements(text: str, begins: re.Pattern[str]) -> Iterator[str]:
    """Each ``name(…)`` of the text that ``begins`` matches, parentheses balanced, in one line;
    one within another is given as well."""
    plain = _COMMENT.sub("", text)
    for match in begins.finditer(plain):
        depth, end = 1, len(plain)
        for parenthesis in _PARENTHESIS.finditer(plain, match.end()):
            depth += 1 if parenthesis[0] == "(" else -1
            if depth == 0:
                end = parenthesis.end()
                break
        yield " ".join(plain[match.start() : end].replace(")", " )").split())


def text_of(source: SourceTree, path: str) -> str:
    """A file's text; empty where there is none."""
    return (source.read(path) or b"").decode(errors="replace")
