"""``log``: what was built, newest first, or along the commits of a history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ckpt_git.builds.checkpoints.choose import Distance
from ckpt_git.builds.context import Context
from ckpt_git.cli.commands.status import record_json
from ckpt_git.cli.commands.watch import relocated
from ckpt_git.cli.output.live import fitting, width_of_results
from ckpt_git.cli.output.streams import out
from ckpt_git.cli.output.wording import how_far, sign
from ckpt_git.git.objects import commits, rev_list
from ckpt_git.git.objects.rev_list import Line, Walked
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.record import Base, Built, Record
from ckpt_git.model.report.diagnostics import headline
from ckpt_git.model.report.display_names import printable
from ckpt_git.records import results

_SHORT = 10
_LEGEND = (
    "● clean  ○ with the memory of the checkpoint named  = verified  ✗ failed; "
    "seconds, files compiled"
)
_NOT_BUILT = "·"


@dataclass(frozen=True, slots=True)
class Walk:
    """Which history to show: that of ``revisions`` (HEAD for none), drawn where ``graph`` says so,
    with all local branches where ``every`` does."""

    revisions: tuple[str, ...] = ()
    graph: bool = False
    every: bool = False

    def __bool__(self) -> bool:
        return bool(self.revisions) or self.graph or self.every


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of a history, with what was built of its commit: a record for each package."""

    line: Line
    records: tuple[Record, ...] = ()


# -- what was built ---------------------------------------------------------------------------


def history(context: Context, names: Sequence[str], number: int) -> list[Record]:
    """The newest records, of ``names`` or of all packages.

    A package that the configuration no longer has may have records; raises ``ConfigError`` for
    one that neither knows.
    """
    _require_known(context, names)
    chosen: Sequence[str | None] = names or [None]
    found = [record for name in chosen for record in results.history(context.state, name, number)]
    return sorted(found, key=lambda record: record.finished, reverse=True)[:number]


def along(context: Context, names: Sequence[str], what: Walk, number: int) -> list[Seen]:
    """The newest ``number`` commits of a history, each with what was built of it.

    Raises ``RepositoryError`` for revisions that aren't there, and what ``history`` raises.
    """
    _require_known(context, names)
    built = _Built(context, names)
    lines = rev_list.newest(
        context.repo, what.revisions, number, graph=what.graph, every=what.every
    )
    return [Seen(line, built.of(line.commit) if line.commit else ()) for line in lines]


def _require_known(context: Context, names: Sequence[str]) -> None:
    unknown = [name for name in names if not results.history(context.state, name, 1)]
    if unknown:
        context.config(context.current().tree).select(unknown)


class _Built:
    """Finds what was built of a commit: the record of its tree, or of another one that differs
    from it in nothing that the package is built from."""

    def __init__(self, context: Context, names: Sequence[str]) -> None:
        self._context = context
        found = sorted(results.history(context.state), key=lambda record: record.finished)
        records = [record for record in found if not names or record.package in names]
        self._packages = sorted({record.package for record in records})
        self._by_tree = {(record.package, record.tree): record for record in records}
        self._by_key = {(record.package, record.key): record for record in records}
        self._parts = {package.name: package for package in self._made_of_parts()}

    def of(self, commit: Walked) -> tuple[Record, ...]:
        """The newest result of each package that has one."""
        found = (self._find(package, commit) for package in self._packages)
        return tuple(record for record in found if record is not None)

    def _find(self, name: str, commit: Walked) -> Record | None:
        record = self._by_tree.get((name, commit.tree))
        if record is not None:
            return replace(record, commit=commit.id)
        package = self._parts.get(name)
        if package is None:
            return None
        with suppress(CkptError):  # the folder that it is built from isn't in every commit
            key = self._context.repo.key(commit.tree, package.source, package.ignore)
            record = self._by_key.get((name, key))
        if record is None:
            return None
        return record.answered_from_record(tree=commit.tree, commit=commit.id)

    def _made_of_parts(self) -> Iterable[Package]:
        """The packages for which not every file of a tree matters, by the work tree's
        configuration: that of each commit would take a while. Looking back needs none."""
        with suppress(CkptError):
            for package in self._context.config(self._context.current().tree).packages.values():
                if package.ignore or package.source != ".":
                    yield package


# -- for people -------------------------------------------------------------------------------


def show_log(context: Context, records: Sequence[Record], *, bases: bool = False) -> None:
    """Print records for people, a line each, and below one that failed why; with ``bases`` also why
    it started where it did. As wide as the terminal."""
    if not records:
        out("nothing was built yet; run `git ckpt build`")
        return
    subjects = _subjects(context, records)
    named = _name_width(records)
    lines = []
    for record in records:
        subject = subjects.get(record.commit or "", f"({record.target})")
        lines.append(_row(record, named, subject))
        lines.extend(_why(record))
        if bases:
            lines.extend(_bases(record))
    _show(lines)


def show_walk(seen: Sequence[Seen], *, bases: bool = False) -> None:
    """Print a history for people: git's drawing, and beside each commit what was built of it."""
    named = _name_width([record for one in seen for record in one.records])
    _show([line for one in seen for line in _beside(one, named, bases=bases)])


def _beside(seen: Seen, named: int, *, bases: bool) -> Iterator[str]:
    """The lines of one commit. Further ones go on with the branches that its own one draws."""
    commit, drawn = seen.line.commit, seen.line.graph
    if commit is None:
        yield drawn
        return
    below = drawn.replace("*", "|" if commit.parents else " ")
    if not seen.records:
        empty = f"{_columns('', '', 'not built')}{'':{named}}"
        yield f"{drawn}{_NOT_BUILT} {commit.id[:_SHORT]}  {empty}{printable(commit.subject)}"
    for number, record in enumerate(seen.records):
        yield f"{below if number else drawn}{_row(record, named, commit.subject)}"
        more = _bases(record) if bases else ()
        yield from (f"{below}{line}" for line in (*_why(record), *more))


def _show(lines: Iterable[str]) -> None:
    width = width_of_results()
    for line in lines:
        out(fitting(line.rstrip(), width))
    if width is not None:
        out(fitting(_LEGEND, width))


def _row(record: Record, named: int, subject: str) -> str:
    """One build in one line. ``named`` is the width of the column of packages, 0 for none."""
    name = f"{record.package:{named}}" if named else ""
    return (
        f"{sign(record)} {(record.commit or record.tree)[:_SHORT]}  {_numbers(record)}"
        f"{name}{printable(subject)}"
    )


def _numbers(record: Record) -> str:
    if record.answered_by is not None:  # nothing was built of this commit itself
        return _columns("", "", f"as {_short(record.answered_by)[: _SHORT - 3]}")
    compiled = "-" if record.compiled is None else str(record.compiled)
    base = "clean" if record.checkpoint is None else _short(record.checkpoint)
    return _columns(f"{record.seconds.total:.2f} s", compiled, base)


def _columns(seconds: str, compiled: str, base: str) -> str:
    return f"{seconds:>9} {compiled:>5}  {base:{_SHORT}}  "


def _short(of: Base | Built) -> str:
    return (of.commit or of.tree)[:_SHORT]


def _why(record: Record) -> Iterator[str]:
    if not record.passed and not record.cached:
        yield f"    {headline(record.error) or record.reason}"


def _bases(record: Record) -> Iterator[str]:
    """Why it started where it did: what was farther, and what was of no use."""
    if record.cached:
        return
    if record.why_clean is not None:
        yield f"    clean, for {record.why_clean}"
    for one in record.passed_over:
        name = (one.commit or one.tree)[:_SHORT]
        far = None if one.files is None else Distance(one.compiled or 0.0, one.files)
        yield f"    not {name}: {one.reason or how_far(far)}"


def _name_width(records: Sequence[Record]) -> int:
    """Columns for the package's name and a gap; none where there is only one package."""
    names = {record.package for record in records}
    return max(map(len, names)) + 2 if len(names) > 1 else 0


def _subjects(context: Context, records: Sequence[Record]) -> dict[str, str]:

    subjects = {}
    for commit in {record.commit for record in records if record.commit is not None}:
        with suppress(CkptError):  # gone since: a rebase, a shallow clone
            subjects[commit] = commits.describe(context.repo, commit).summary
    return subjects


# -- for programs, and the newest build's own words -------------------------------------------


def walk_json(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """The commits of a history as ``log --json`` prints them."""
    return [
        {
            "commit": one.line.commit.id,
            "tree": one.line.commit.tree,
            "parents": list(one.line.commit.parents),
            "subject": one.line.commit.subject,
            "records": [record_json(record) for record in one.records],
        }
        for one in seen
        if one.line.commit is not None
    ]


def show_output(context: Context, records: Sequence[Record]) -> None:
    """Print what the newest of ``records`` printed while it was built, in the user's paths.

    Raises ``UsageError`` where nothing was built and ``CkptError`` where the log is gone.
    """
    if not records:
        raise UsageError("nothing was built yet", "run `git ckpt build` first")
    newest = records[0]
    try:
        printed = Path(newest.log).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        what = f"can't read {newest.log}: {error.strerror}"
        raise CkptError(what, "only newer logs are kept") from error
    line = relocated(context, newest.package, newest.tree)
    for text in printed.splitlines():
        out(line(text))
