"""``python -m tools.release VERSION`` makes a release of the checkout: version, tag, distributions.

Writes ``ckpt_git/__init__.py``, ``CHANGELOG.md``, a commit, a tag and ``dist/``. Pushes nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from ckpt_git.process import run

_ROOT = Path(__file__).parents[1]
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_UNRELEASED = "## [Unreleased]\n"


def main() -> None:
    """The command. Ends with 2 where there can't be such a release."""
    if len(sys.argv) != 2:  # noqa: PLR2004
        sys.exit("usage: make release VERSION=1.2.3")
    version = sys.argv[1]
    try:
        tag(_ROOT, version, datetime.now(tz=UTC).date().isoformat())
    except ValueError as error:
        sys.exit(f"no release: {error}")
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=_ROOT, check=True)
    sys.stdout.write(
        f"v{version} is tagged, and dist/ has it; push the tag, and upload what is there\n"
    )


def tag(root: Path, version: str, date: str) -> None:
    """Commit and tag ``version``. Raises ``ValueError`` where that can't be, and writes nothing."""
    if _VERSION.fullmatch(version) is None:
        raise ValueError(f"{version} is no version as 1.2.3")
    if _git(root, "status", "--porcelain"):
        raise ValueError("the work tree has changes")
    if _git(root, "tag", "--list", f"v{version}"):
        raise ValueError(f"v{version} is there already")
    package, changes = root / "ckpt_git" / "__init__.py", root / "CHANGELOG.md"
    text = changes.read_text()
    body = text.partition(_UNRELEASED)[2].partition("\n## [")[0]
    if not body.strip():
        raise ValueError("CHANGELOG.md has nothing that is unreleased")
    changes.write_text(text.replace(_UNRELEASED, f"{_UNRELEASED}\n## [{version}] - {date}\n", 1))
    said = re.sub(
        r'^__version__ = ".*"$', f'__version__ = "{version}"', package.read_text(), flags=re.M
    )
    package.write_text(said)
    _git(root, "commit", "--quiet", "--all", "--message", f"Release {version}")
    _git(root, "tag", "--annotate", f"v{version}", "--message", f"ckpt-git {version}")


def _git(root: Path, *arguments: str) -> str:
    return run(["git", *arguments], cwd=root).stdout.decode().strip()


if __name__ == "__main__":
    main()
