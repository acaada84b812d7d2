"""Tables for people, made of the values that the measurements gave."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks import follow as following
from benchmarks import nix
from benchmarks.bisect import FACTOR as FASTER
from benchmarks.bisect import Bisection
from benchmarks.compare import BARE, CLEAN, EXTRA, FACTOR, OURS, Series
from benchmarks.follow import Following
from benchmarks.micro import Measure


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need be, numbers to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [_line(head, widths), _line(["-" * width for width in widths], widths)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def comparison(found: Series) -> str:
    """One kind of change of one project, every way: medians, and how they relate."""
    count = len(found.seconds[OURS])
    title = f"{found.project}, {found.kind}, {count} changes"
    apart = [
        f"  not counted, built clean: {commit[:10]}: {why}" for commit, why in found.apart.items()
    ]
    if not count:
        return "\n".join([title, *apart, "no change was built from a checkpoint", ""])
    rows = [
        (
            way,
            f"{found.median(way):.2f}",
            f"{found.median(way) / found.median(BARE):.2f}",
            f"{found.median(CLEAN) / found.median(way):.1f}",
        )
        for way in found.seconds
    ]
    summary = (
        f"budget at these medians: {FACTOR} x bare + {EXTRA} s = {found.budget:.2f} s: "
        f"{'holds' if found.holds else 'DOES NOT HOLD'}"
    )
    head = ("way", "median s", "of bare", "times faster than clean")
    return "\n".join([title, table(head, rows), summary, *apart, ""])


def followed(found: Following) -> str:
    """The changes of one history, every way, and their sums."""
    head = ("change", *found.ways, "ran", "compiled", "identical")
    rows = [_followed(change, found.ways) for change in found.changes]
    if not found.counted:
        return "\n".join([found.project, table(head, rows), "no change counts", ""])
    rows.append(("sum", *(f"{found.total(way):.2f}" for way in found.ways), "", "", ""))
    asked = (
        f"takes {found.most:.2f} s more for the dearest change (allowed: {following.EACH_BY_NIX})"
        if found.by_nix
        else f"takes {found.total(following.OURS):.2f} s in sum (allowed: {found.limit:.2f})"
    )
    same = {True: "all identical", False: "NOT ALL IDENTICAL", None: "not compared"}
    holds = "holds" if found.holds else "DOES NOT HOLD"
    title = f"{found.project}: {len(found.counted)} of {len(found.changes)} changes count"
    if found.times > 1:
        title += f", medians of {found.times}"
    return "\n".join(
        [title, table(head, rows), f"ours {asked}, {same[found.identical]}: {holds}", ""]
    )


def _followed(change: following.Change, ways: Sequence[str]) -> tuple[str, ...]:
    same = {None: "-", True: "yes", False: "NO"}
    return (
        change.commit[:10],
        *(f"{change.seconds[way]:.2f}" for way in ways),
        _number(change.ran),
        _number(change.compiled),
        same[change.identical] if change.passed else f"{same[change.identical]}, fails",
    )


def bisection(found: Bisection) -> str:
    """Both searches of one project."""
    head = ("way", "tests", "seconds")
    rows = [
        ("git bisect, clean builds", str(found.clean_tests), f"{found.clean:.2f}"),
        ("git ckpt bisect", str(found.our_tests), f"{found.ours:.2f}"),
    ]
    summary = (
        f"{found.factor:.1f} times faster (promised: {FASTER}), "
        f"{'both found it' if found.found else 'NOT FOUND'}: "
        f"{'holds' if found.holds else 'DOES NOT HOLD'}"
    )
    return "\n".join([found.project, table(head, rows), summary, ""])


def nix_builds(found: nix.Series) -> str:
    """The one-file commits of one project, built by Nix: medians, and what was compiled."""
    rows = [
        (
            way,
            f"{found.median(way):.2f}",
            f"{found.median(way) - found.median(nix.BARE):.2f}",
            f"{found.median(way) / found.median(nix.PLAIN):.2f}",
            ", ".join(map(str, found.runs[way])),
        )
        for way in found.seconds
    ]
    head = ("way", "median s", "over bare s", "of nix-build", "files compiled")
    allowed = f"bare + {nix.EXTRA} s"
    if nix.THEIRS in found.seconds:
        allowed += f", {nix.SHARE} x nixpkgs' = {nix.SHARE * found.median(nix.THEIRS):.2f} s"
    summary = f"allowed: {allowed}: {'holds' if found.holds else 'DOES NOT HOLD'}"
    missing = [] if found.missing is None else [f"  nixpkgs' functions: {found.missing}"]
    return "\n".join([f"{found.project}, one file", table(head, rows), summary, *missing, ""])


def measures(found: Sequence[Measure]) -> str:
    """The measurements on projects made for them, in milliseconds."""
    head = ("what", "median ms", "compared with", "median ms", "more by", "allowed", "")
    rows = [
        (
            one.what,
            f"{median(one.ours) * 1000:.1f}",
            one.other_is,
            f"{median(one.other) * 1000:.1f}",
            f"{one.excess * 1000:.1f}",
            f"{one.allowed * 1000:.1f}",
            "holds" if one.holds else "DOES NOT HOLD",
        )
        for one in found
    ]
    return table(head, rows) + "\n"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if cell[:1].isdigit() and " " not in cell.strip() else cell.ljust(width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()
