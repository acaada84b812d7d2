"""The one command, ``python -m benchmarks``; README.md says what it is."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    bisect,
    chart,
    compare,
    evaluate,
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
from ckpt_git.engines.files import remove
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
        help=f"may be given several times (default: {next(iter(PROJECTS))}; verify: all)",
    )
    parser.add_argument(
        *("-n", "--changes"),
        type=int,
        metavar="N",
        help=f"the last N changes of each (default: {_CHANGES}; verify: all)",
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
    parser.add_argument("--nix", action="store_true", help="verify, follow: with the Nix engine")
    own = parser.add_argument_group("a repository of your own, for follow, bisect, nix and trace")
    own.add_argument("--repository", type=Path, metavar="PATH")
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
        "--timing", action="store_true", help="follow: the two ways that its limits compare, alone"
    )
    parser.add_argument(
        "--times",
        type=int,
        default=1,
        metavar="N",
        help="follow: the whole N times, of which the medians count (default: %(default)s)",
    )
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="follow: draw the seconds of each change (SVG)"
    )
    return parser.parse_args(arguments)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ckpt-git-benchmarks"


def _run(options: argparse.Namespace) -> bool:
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.work) as name:
        document, holds = _COMMANDS[options.what](options, Path(name))
    if options.json is not None:
        options.json.write_text(json.dumps({**_machine(), **document}, indent=1) + "\n")
    return holds


def _verify(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    for name in options.project or PROJECTS:
        (work / name).mkdir()
        one = evaluate.evaluate(
            PROJECTS[name], options.cache, work / name, options.changes, _say, by_nix=options.nix
        )
        print(report.evaluation(one), flush=True)
        found.append(one)
    return {"verify": [one.to_json() for one in found]}, all(one.holds for one in found)


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
    found = []
    for history in _histories(options):
        one = follow.Following.medians(
            [_follow_once(options, history, work / history.name, n) for n in range(options.times)]
        )
        print(report.followed(one), flush=True)
        found.append(one)
        if options.chart is not None and one.counted:
            times = {way: [c.seconds[way] for c in one.counted] for way in one.ways}
            title = f"{one.project}: seconds for each change"
            place = options.chart
            if len(found) > 1:
                place = place.with_stem(f"{place.stem}-{len(found)}")
            place.write_text(chart.lines(title, times))
    return {"follow": [one.to_json() for one in found]}, all(one.holds for one in found)


def _follow_once(
    options: argparse.Namespace, history: History, work: Path, number: int
) -> follow.Following:
    """The ``number``-th run. The first alone compares what is built, where that is asked for."""
    ways = follow.TIMED if options.timing else follow.WAYS
    compare = number == 0 and not options.timing
    commits = history.last(options.changes)
    try:
        return follow.follow(commits, work, _say, ways, by_nix=options.nix, compare=compare)
    finally:
        remove(work)


def _bisect(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    for history in _histories(options):
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


def _histories(options: argparse.Namespace) -> list[History]:
    """The user's own repository, or the projects' releases."""
    if options.repository is None:
        return [
            histories.of_project(PROJECTS[name], options.cache)
            for name in options.project or PROJECTS
        ]
    if options.range is None or options.build is None:
        raise UsageError("--repository goes with --range A..B and --build COMMAND")
    repository, phases = options.repository, _phases(options)
    return [histories.of_repository(repository, options.range, phases, options.name)]


def _phases(options: argparse.Namespace) -> dict[str, str]:
    phases = {name: vars(options)[name] for name in ("configure", "build", "install")}
    return {name: command for name, command in phases.items() if command is not None}


def _trace(options: argparse.Namespace, work: Path) -> tuple[dict[str, Any], bool]:
    found = []
    for history in _histories(options):
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
    "verify": _verify,
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
