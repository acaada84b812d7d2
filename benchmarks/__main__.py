"""The one command: ``python -m benchmarks [compare|micro|verify]``; README.md says what it is."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import evaluate, report
from benchmarks.projects import PROJECTS
from ckpt_git.model.errors import CkptError


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 0 where everything held, 1 where not, a ``CkptError``'s own code."""
    options = _options(arguments)
    try:
        return 0 if _run(options) else 1
    except CkptError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return error.exit_code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="?", default="compare", choices=["compare", "micro", "verify"]
    )
    parser.add_argument(
        "--project", action="append", choices=list(PROJECTS), help="default: all of them"
    )
    parser.add_argument("--changes", type=int, metavar="N", help="the last N changes of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument(
        "--cache", type=Path, default=_cache(), help="where archives and repositories are kept"
    )
    parser.add_argument("--work", type=Path, help="a folder to build in (default: a temporary one)")
    return parser.parse_args(arguments)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ckpt-git-benchmarks"


def _run(options: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(prefix="ckpt-benchmarks-", dir=options.work) as name:
        return _verify(options, Path(name))


def _verify(options: argparse.Namespace, work: Path) -> bool:
    found = []
    for name in options.project or PROJECTS:
        (work / name).mkdir()
        one = evaluate.evaluate(PROJECTS[name], options.cache, work / name, options.changes, _say)
        print(report.evaluation(one), flush=True)
        found.append(one)
    _write(options.json, {"verify": [one.to_json() for one in found]})
    return all(one.holds for one in found)


def _write(file: Path | None, document: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(document, indent=1) + "\n")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
