"""The one command, ``python -m benchmarks``; README.md says what it is."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    bisect,
    compare,
    follow,
    histories,
    measured,
    micro,
    nix,
    report,
)
from benchmarks import trace as tracing
from benchmarks.histories import History
from benchmarks.projects import PROJECTS, Edit
from ckpt_git.folders import remove
from ckpt_git.model.errors import CkptError, UsageError

_CHANGES, _NIX_CHANGES = 5, 3
_LINE = "int ckpt_benchmark_{n}(void); int ckpt_benchmark_{n}(void) {{ return {n}; }}"


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
    parser.add_argument("what", nargs="?", default="compare", choices=list(_COMMANDS))
    parser.add_argument(
        "documents",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="measured: the documents of `follow --json` that make the page",
    )
    parser.add_argument(
        *("-p", "--project"),
        action="append",
        choices=list(PROJECTS),
        help=f"may be given several times (default: {next(iter(PROJECTS))}; follow, trace: all)",
    )
    parser.add_argument(
        *("-n", "--changes"),
        type=int,
        metavar="N",
        help=f"the last N changes of each (default: {_CHANGES}; follow: all)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        default=_cache(),
        help="where archives and repositories are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="FOLDER",
        default=_cache() / "work",
        help="where to build, in a temporary folder (default: %(default)s)",
    )
    parser.add_argument(
        "--nixpkgs",
        type=Path,
        metavar="PATH",
        help="nix: a nixpkgs, whose own functions are measured as well, in the user's own store",
    )
    parser.add_argument("--nix", action="store_true", help="follow: with the Nix engine")
    own = parser.add_argument_group("a repository of your own, for follow, bisect, nix and trace")
    own.add_argument("--repository", type=Path, metavar="PATH")
    own.add_argument(
        "--corpus", type=Path, metavar="FILE", help="follow: several of them, listed in TOML"
    )
    own.add_argument("--name", help="what tables call it (default: its folder)")
    own.add_argument(
        "--range", metavar="A..B", help="follow, bisect: commits along its first parents"
    )
    own.add_argument("--file", metavar="PATH", help="bisect, nix: a C file in it")
    own.add_argument(
        "--needs",
        action="append",
        metavar="NAME",
        help="nix: a package of the nixpkgs that the build runs; may be given several times",
    )
    for phase in ("configure", "build", "install"):
        own.add_argument(f"--{phase}", metavar="COMMAND")
    parser.add_argument(
        "--times",
        type=int,
        default=1,
        metavar="N",
        help="follow: N times, the first of them compared; the medians count"
        " (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ckpt-git-benchmarks"


def _run(options: argparse.Namespace) -> bool:
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.work) as name:
        document, holds = _COMMANDS[options.what](options, Path(name))
    _write(options, document)
    return holds


def _write(options: argparse.Namespace, document: dict[str, Any]) -> None:
    if options.json is not None:
        options.json.write_text(json.dumps({**_machine(), **document}, indent=1) + "\n")


def _compare(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    for name in options.project or [next(iter(PROJECTS))]:
        project, changes = PROJECTS[name], options.changes or _CHANGES
        for series in compare.compare(project, options.cache, work / name, changes, _say):
            print(report.comparison(series), flush=True)
            found.append(series)
    return {"compare": [one.to_json() for one in found]}, all(one.holds for one in found)


def _micro(_options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = micro.micro(work, _say)
    print(report.measures(found), flush=True)
    return {"micro": [one.to_json() for one in found]}, all(one.holds for one in found)


def _nix(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    changes = options.changes or _NIX_CHANGES
    subjects = nix.SUBJECTS if options.repository is None else (_own_by_nix(options),)
    for series in nix.nix(subjects, options.cache, work, options.nixpkgs, changes, _say):
        print(report.nix_builds(series), flush=True)
        found.append(series)
    return {"nix": [one.to_json() for one in found]}, all(one.holds for one in found)


def _own_by_nix(options: argparse.Namespace) -> nix.Subject:
    if options.file is None or options.build is None:
        raise UsageError("--repository goes with --file, a C file to edit, and --build COMMAND")
    edit = Edit("one source file", options.file, _LINE)
    return nix.own(options.repository, options.name, _phases(options), edit, options.needs or ())


def _follow(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    if options.times < 1:
        raise UsageError("--times is how often, at least 1")
    found: list[follow.Following] = []
    left_out: list[str] = []
    document: dict[str, Any] = {"follow": []}
    for history in _histories(options, work):
        try:
            runs = [
                _follow_once(options, history, work / history.name, number)
                for number in range(options.times)
            ]
        except CkptError as error:
            if options.corpus is None:
                raise
            _say(f"{history.name}: {error}")
            left_out.append(history.name)
            continue
        found.append(follow.Following.medians(runs))
        print(report.followed(found[-1]), flush=True)
        document = {"follow": [one.to_json() for one in found]}
        _write(options, document)  # hours of it shall not be lost to what comes after
    if options.corpus is not None:
        whole = measured.Whole(tuple(found))
        print(measured.summary(whole) if found else "", *left_out, sep="\n  left out: ")
        return document, whole.holds and not left_out
    return document, all(one.holds for one in found)


def _follow_once(
    options: argparse.Namespace, history: History, work: Path, number: int
) -> follow.Following:
    """The ``number``-th run. The first alone compares what is built."""
    commits = history.last(options.changes)
    try:
        return follow.follow(commits, work, _say, by_nix=options.nix, compare=number == 0)
    finally:
        remove(work)


def _bisect(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    for history in _histories(options, work):
        if options.repository is None:
            edit = PROJECTS[history.name].edit
        elif options.file is None:
            raise UsageError("--repository goes with --file, a C file to plant a fault in")
        else:
            edit = Edit("one source file", options.file, _LINE)
        one = bisect.bisect(history, edit, work / history.name, _say)
        print(report.bisection(one), flush=True)
        found.append(one)
    return {"bisect": [one.to_json() for one in found]}, all(one.holds for one in found)


def _histories(options: argparse.Namespace, work: Path) -> Iterator[History]:
    """The user's own repositories, or the projects' releases."""
    if options.corpus is not None:
        found = [one for one in histories.of_file(options.corpus) if _chosen(options, one.name)]
        if not found:
            raise UsageError(f"{options.corpus} has none of these names: {options.name}")
    elif options.repository is None:
        names = options.project or PROJECTS
        found = [histories.of_project(PROJECTS[name], options.cache) for name in names]
    elif options.range is None:
        raise UsageError("--repository goes with --range A..B")
    else:
        recipe = _phases(options)
        found = [histories.of_repository(options.repository, options.range, recipe, options.name)]
    for one in found:
        yield histories.complete(one, work / "init" / one.name)


def _chosen(options: argparse.Namespace, name: str) -> bool:
    return options.name is None or name in options.name.split(",")


def _phases(options: argparse.Namespace) -> dict[str, str]:
    phases = {name: vars(options)[name] for name in ("configure", "build", "install")}
    return {name: command for name, command in phases.items() if command is not None}


def _trace(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    for history in _histories(options, work):
        pairs = options.changes or tracing.PAIRS
        cost = tracing.trace(history, work / history.name, pairs, _say)
        print(cost.line(), flush=True)
        found.append(cost)
    return {"trace": [one.to_json() for one in found]}, all(one.holds for one in found)


def _measured(options: argparse.Namespace, _work: Path) -> tuple[dict[str, Any], bool]:
    if not options.documents:
        raise UsageError("measured wants documents of `follow --json`")
    whole = measured.read(json.loads(file.read_text()) for file in options.documents)
    print(measured.page(whole), end="")
    return {"measured": [one.project for one in whole.histories]}, whole.holds


_COMMANDS = {
    "bisect": _bisect,
    "follow": _follow,
    "measured": _measured,
    "compare": _compare,
    "micro": _micro,
    "nix": _nix,
    "trace": _trace,
}


def _machine() -> dict[str, Any]:
    uname = os.uname()
    return {
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "system": f"{uname.sysname} {uname.release} {uname.machine}",
            "python": sys.version.split()[0],
            "load": os.getloadavg()[0],
        }
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
