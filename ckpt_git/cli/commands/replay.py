"""``replay``: print a line for each commit as soon as it is built, and a summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ckpt_git.builds.context import Context
from ckpt_git.builds.history.replay import Built, Unbuilt, Watch, replay, target_of
from ckpt_git.cli.commands.build import renew_deep
from ckpt_git.cli.commands.status import record_json
from ckpt_git.cli.output.live import Live, fitting, width_of_results
from ckpt_git.cli.output.streams import out, out_json
from ckpt_git.cli.output.wording import count, sign
from ckpt_git.engines.protocol import Announce, Event
from ckpt_git.git.objects import rev_list
from ckpt_git.git.objects.rev_list import Walked
from ckpt_git.model.errors import UsageError
from ckpt_git.model.record import Record
from ckpt_git.model.report.diagnostics import headline
from ckpt_git.model.report.display_names import printable, shown

_SHORT = 10
_HEAD = f"  {'commit':{_SHORT}}  {'seconds':>8}  compiled  depth  verified  subject"

Result = Built | Unbuilt


def show_replay(
    context: Context,
    revisions: str,
    packages: Sequence[str],
    *,
    verified: bool,
    first_parent: bool,
    as_json: bool,
) -> int:
    """``replay``; returns the exit code.

    Raises ``UsageError`` for what is no range, and ``RepositoryError`` where its ends aren't there.
    """
    commits = _commits(context, revisions, first_parent=first_parent)
    context.warm_up()
    results: list[Result] = []
    width = width_of_results()
    if not as_json and commits:
        out(fitting(_HEAD, width))
    for result in replay(context, commits, packages, _watch(len(commits)), verified=verified):
        results.append(result)
        if not as_json:
            for line in _lines(result, several=len(_names(results)) > 1):
                out(fitting(line, width))
    _renew_deep(context, results)
    if as_json:
        out_json(_document(len(commits), results))
    else:
        out(_summary(revisions, len(commits), results))
    return _exit_code(results)


def _renew_deep(context: Context, results: Sequence[Result]) -> None:
    """See ``building.renew_deep``: the next build starts from the newest of each package."""
    newest = {one.record.package: one for one in results if isinstance(one, Built)}
    for one in newest.values():
        renew_deep(context, target_of(one.commit), [one.record])


def _commits(context: Context, revisions: str, *, first_parent: bool) -> list[Walked]:
    if ".." not in revisions:
        hint = f"`{revisions}~10..{revisions}` would be one"
        raise UsageError(f"{revisions!r} is not a range of commits", hint)
    return rev_list.range_of(context.repo, revisions, first_parent=first_parent)


def _watch(total: int) -> Watch:
    """Shows what a commit's builds do, and how many commits there are."""

    @contextmanager
    def watch(number: int, commit: Walked) -> Iterator[Announce]:
        where = f"{number + 1}/{total} {commit.id[:_SHORT]}"
        with Live(sys.stderr, show_output=False) as live:

            def announce(package: str, event: Event) -> None:
                live.announce(f"{where} {package}", event)

            yield announce

    return watch


def _names(results: Sequence[Result]) -> set[str]:
    return {result.record.package for result in results if isinstance(result, Built)}


def _lines(result: Result, *, several: bool) -> Iterator[str]:
    subject = printable(result.commit.subject)
    short = result.commit.id[:_SHORT]
    if isinstance(result, Unbuilt):
        yield f"✗ {short}  {'':>8}  {'':>8}  {'':>5}  {'':8}  {subject}"
        yield f"    {printable(result.why)}"
        return
    record = result.record
    took = "known" if result.answered else f"{record.seconds.total:.2f} s"
    compiled = "-" if result.answered or record.compiled is None else str(record.compiled)
    name = f"{record.package}: " if several else ""
    yield (
        f"{sign(record) if result.good else '✗'} {short}  {took:>8}  {compiled:>8}"
        f"  {record.depth:>5}  {_verified(result):8}  {name}{subject}"
    )
    if not record.passed:
        yield f"    {headline(record.error) or record.reason}"
    yield from (f"    differs from a clean build: {shown(path)}" for path in result.differences)


def _verified(result: Built) -> str:
    if result.differences:
        return "DIFFERS"
    if result.record.verified:
        return "yes"
    return "clean" if result.record.depth == 0 and result.record.passed else "-"


def _summary(revisions: str, commits: int, results: Sequence[Result]) -> str:
    totals = _totals(commits, results)
    if not commits:
        return f"no commits in {revisions}"
    parts = [f"{totals['passed']} passed"]
    parts += [f"{totals[name]} {name}" for name in ("failed", "unbuilt") if totals[name]]
    if totals["differing"]:
        parts.append(f"{totals['differing']} not as a clean build")
    parts.append(f"{totals['answered']} known from before")
    told = f"{count(commits, 'commit')}: {', '.join(parts)}"
    return f"{told}; {totals['seconds']:.2f} s, {count(totals['compiled'], 'file')} compiled"


def _totals(commits: int, results: Sequence[Result]) -> dict[str, Any]:
    built = [result for result in results if isinstance(result, Built)]
    now = [result.record for result in built if not result.answered]
    return {
        "commits": commits,
        "passed": sum(result.good for result in built),
        "failed": sum(not result.record.passed for result in built),
        "differing": sum(bool(result.differences) for result in built),
        "unbuilt": len(results) - len(built),
        "answered": sum(result.answered for result in built),
        "verified": sum(bool(result.record.verified) for result in built),
        "seconds": round(sum(record.seconds.total for record in now), 4),
        "compiled": sum(record.compiled or 0 for record in now),
    }


def _document(commits: int, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "results": [_json(result) for result in results if isinstance(result, Built)],
        "unbuilt": [
            {"commit": result.commit.id, "subject": result.commit.subject, "why": result.why}
            for result in results
            if isinstance(result, Unbuilt)
        ],
        "totals": _totals(commits, results),
    }


def _json(result: Built) -> dict[str, Any]:
    return {
        **record_json(result.record),
        "subject": result.commit.subject,
        "differences": list(result.differences),
    }


def _exit_code(results: Sequence[Result]) -> int:
    """0 where every commit builds, 3 where a program was missing for one, else 1."""
    if all(isinstance(result, Built) and result.good for result in results):
        return 0
    return 3 if any(_missing(r.record) for r in results if isinstance(r, Built)) else 1


def _missing(record: Record) -> bool:
    return not record.passed and record.missing is not None
