"""The project's documents, as tests read them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(
    path
    for folder in (DOCS, ROOT / ".github", ROOT / "benchmarks")
    for path in folder.rglob("*.md")
)


def blocks(path: Path) -> list[tuple[str, str]]:
    """The code blocks of a document: their languages and texts."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


def section(path: Path, title: str) -> str:
    """The text below a heading, up to the next one of its rank or above."""
    text = path.read_text()
    rank = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert rank, f"{path.name} has no heading {title!r}"
    rest = text[rank.end() :]
    end = re.search(rf"^#{{1,{len(rank[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def first_cells(text: str) -> list[str]:
    """The code in the first cell of each row of a table."""
    rows = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def program_on_path(folder: Path) -> Path:
    """A folder with a ``git-ckpt`` that runs the checkout."""
    folder.mkdir()
    program = folder / "git-ckpt"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m ckpt_git "$@"\n'
    )
    program.chmod(0o755)
    return folder
