"""Documents lead to what is there: files, headings, and the paths that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.documents import DOCS, DOCUMENTS, ROOT

_FOREIGN = ("http://", "https://", "mailto:")


def _without_code(text: str) -> str:
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda code: "x" * len(code[0]), text)


def _links(path: Path) -> list[str]:
    text = _without_code(path.read_text())
    return re.findall(r"\]\(([^)\s]+)\)", text)


def _anchors(path: Path) -> set[str]:
    """The names of a document's headings, as GitHub and MkDocs make them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in _links(path):
        if link.startswith(_FOREIGN):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_to_copy_has_a_tab(path: Path) -> None:
    """The site's pages would have blanks in its place."""
    assert "\t" not in path.read_text()


def test_every_page_can_be_reached() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        path = left.pop()
        reached.add(path)
        for link in _links(path):
            target = (path.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                left.append(target)
    assert {path for path in DOCUMENTS if DOCS in path.parents} <= reached


def test_documents_that_the_code_names_are_there() -> None:
    folders = ("ckpt_git", "hooks", "tests", "benchmarks", "tools", ".ci")
    sources = [path for name in folders for path in (ROOT / name).rglob("*") if path.is_file()]
    for path in (*sources, *ROOT.glob("*.toml"), ROOT / ".pre-commit-hooks.yaml"):
        if path.suffix in {".py", ".sh", ".c", ".h", ".toml", ".yaml", ".nix"}:
            for name in re.findall(r"(?<![\w/\"'*])docs/[\w/.-]+\.\w+", path.read_text()):
                assert (ROOT / name).exists(), f"{path}: {name}"


def test_the_site_has_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    named = re.findall(r"^ +- (?:.*: )?([\w/-]+\.md)$", text, re.MULTILINE)
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert pages <= set(named)


def test_paths_of_the_architecture_are_there() -> None:
    """Those that begin with a folder of the package; a short one is below one that was named."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`((?:[\w.-]+/)+[\w.*-]*)`", text)
    assert len(named) > 30
    known = [path.as_posix() for path in ROOT.rglob("*") if ".git/" not in path.as_posix()]
    missing = [
        name
        for name in named
        if not any(f"{path}/".endswith(f"/{name.rstrip('/')}/") for path in known)
    ]
    assert missing == []
