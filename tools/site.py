"""What MkDocs asks when it builds the site: documents at the top of the repository are pages too.

Those lie outside docs/, where links on GitHub lead to them. Here each becomes a page of the site,
and links to it are written anew. See MkDocs, "Plugins: Events".
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[1]
_OUTSIDE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
    "benchmarks/README.md": "benchmarks.md",
}
_INSIDE = {page: origin for origin, page in _OUTSIDE.items()}
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for origin, page in _OUTSIDE.items():
        text = (_ROOT / origin).read_text()
        if origin == "LICENSE":
            text = f"# License\n\n{text}"
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links of the repository to pages of the site."""
    del config, files
    path = page.file.src_uri
    origin = _INSIDE.get(path, f"docs/{path}")

    def led(found: re.Match[str]) -> str:
        link = found[1]
        if "://" in link:
            return link
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))
        target = _OUTSIDE.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(path) or ".")

    return _LINK.sub(led, markdown)
