"""Documents are in plain sentences: short on average, and without words that we don't use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.documents import DOCS, DOCUMENTS, ROOT

_AVERAGE = 20.0
_LONGEST = 45
_LEFT_OUT = (ROOT / "CHANGELOG.md", DOCS / "measured.md")
_TEXTS = [path for path in DOCUMENTS if path not in _LEFT_OUT]

_NOT_USED = {
    "mend": "fix",
    "mends": "fixes",
    "mended": "fixed",
    "lest": "so that … not",
    "and nor": "and neither",
    "whence": "from which",
    "thereof": "of it",
    "hitherto": "until now",
    "henceforth": "from then on",
    "upon": "on",
    "whilst": "while",
    "amongst": "among",
    "utilise": "use",
    "utilize": "use",
    "leverage": "use",
    "facilitate": "help",
    "seamless": "",
    "seamlessly": "",
    "robust": "",
    "powerful": "",
    "blazing": "",
    "simply": "",
    "obviously": "",
    "basically": "",
    "let go of": "discard, remove",
    "lets go of": "discards, removes",
    "at leisure": "when nothing else waits",
    "what isn't so": "what is wrong",
    "nobody may": "no one can",
    "is to be had": "is available",
    "rehearse": "dry run",
    "excused": "dismissed",
}
"""Words and phrases, each with what to write instead."""


def sentences(text: str) -> list[str]:
    """The sentences of a document's paragraphs and lists; of tables, those of the cells."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->|<[^>]+>", "", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "CODE", text)
    found: list[str] = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=\|)|(?<=\|)\n", text):
        line = " ".join(block.split())
        if line.startswith("#") or not line:
            continue
        parts = line.strip("| ").split(" | ") if line.startswith("|") else [line]
        for part in parts:
            found += re.split(r"(?<=[.!?:])\s+(?=[A-Z\[*])", part.strip("-*| "))
    return [sentence for sentence in found if len(sentence.split()) > 1]


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_are_short(path: Path) -> None:
    lengths = {sentence: len(sentence.split()) for sentence in sentences(path.read_text())}
    whole = [length for length in lengths.values() if length > 3]  # a cell with a name is none
    assert sum(whole) / len(whole) < _AVERAGE
    assert [sentence for sentence, length in lengths.items() if length > _LONGEST] == []


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_words_are_those_that_we_use(path: Path) -> None:
    plain = " ".join(sentences(path.read_text())).lower()
    used = {word for word in _NOT_USED if re.search(rf"(?<![\w-]){word}(?![\w-])", plain)}
    assert used == set(), {word: _NOT_USED[word] for word in used}


def test_sentences_are_found() -> None:
    text = "# Title\n\nOne is here. Two `a b c` is: Three\nis.\n\n```sh\nnot this\n```\n- an item\n"
    assert sentences(text) == ["One is here.", "Two CODE is:", "Three is.", "an item"]
