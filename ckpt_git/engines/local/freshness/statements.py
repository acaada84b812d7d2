"""What the files of a build's description say: the statements of CMake and Meson."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ckpt_git.engines.protocol import SourceTree

CALL = re.compile(r"\b[A-Za-z_][\w.]*\s*\(")
"""The beginning of any statement."""

_SETTERS = re.compile(r"\b(?:set|foreach|list)\s*\(", re.IGNORECASE)
_SETS = re.compile(r"(?:(?:set|foreach) ?\( ?|list ?\( ?\w+ )(\w+)", re.IGNORECASE)
_ASSIGNS = re.compile(r"^\s*(\w+)\s*\+?=(?!=)", re.MULTILINE)
_FLAT = re.compile(r"[^()]*\)")
_PARENTHESIS = re.compile(r"[()]")
_COMMENT = re.compile(r"#[^\n]*")


def statements(text: str, begins: re.Pattern[str]) -> Iterator[str]:
    """Each ``name(…)`` of the text that ``begins`` matches, parentheses balanced, in one line;
    one within another is given as well."""
    plain = _COMMENT.sub("", text)
    for match in begins.finditer(plain):
        if flat := _FLAT.match(plain, match.end()):
            yield " ".join(plain[match.start() : flat.end()].replace(")", " )").split())
            continue
        depth, end = 1, len(plain)
        for parenthesis in _PARENTHESIS.finditer(plain, match.end()):
            depth += 1 if parenthesis[0] == "(" else -1
            if depth == 0:
                end = parenthesis.end()
                break
        yield " ".join(plain[match.start() : end].replace(")", " )").split())


def texts_of(source: SourceTree, paths: Iterable[str]) -> dict[str, str]:
    """The texts of several files, each once."""
    files = list(dict.fromkeys(paths))
    source.read_ahead(files)
    return {path: text_of(source, path) for path in files}


def text_of(source: SourceTree, path: str) -> str:
    """A file's text; empty where there is none."""
    return (source.read(path) or b"").decode(errors="replace")


@lru_cache(maxsize=512)
def assignments(text: str) -> tuple[tuple[str, str], ...]:
    """Variables, and what they may be given: CMake's statements, Meson's up to the next one."""
    set_ = [(found[1], said) for said in statements(text, _SETTERS) if (found := _SETS.match(said))]
    _, *assigned = _ASSIGNS.split(text)
    return (*set_, *zip(assigned[::2], assigned[1::2], strict=True))
