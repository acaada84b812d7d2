"""``status`` and ``log``: where things stand, and what was built."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ckpt_git.builds.background import running
from ckpt_git.builds.context import Context
from ckpt_git.cli.following import relocated
from ckpt_git.cli.live import fitting
from ckpt_git.cli.streams import out
from ckpt_git.cli.words import ago, count, name_of_tree, origin, sign, since
from ckpt_git.git.search import drift
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.diagnostics import headline
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.record import Record
from ckpt_git.records.running import Running

_SUBJECT = 50


@dataclass(frozen=True, slots=True)
class PackageStatus:
    """Where one package stands. ``drift`` is (files, lines) from the checkpoint to the work tree;
    ``problem`` says why the checkpoint won't be used."""

    name: str
    checkpoint: Checkpoint | None
    problem: str | None
    drift: tuple[int, int] | None
    last: Record | None

    def to_json(self) -> dict[str, Any]:
        checkpoint = self.checkpoint
        return {
            "package": self.name,
            "checkpoint": None
            if checkpoint is None
            else {
                "commit": checkpoint.commit,
                "tree": checkpoint.tree,
                "depth": checkpoint.depth,
                "created": checkpoint.created,
                "problem": self.problem,
            },
            "drift": None
            if self.drift is None
            else {"files": self.drift[0], "lines": self.drift[1]},
            "last": None if self.last is None else record_json(self.last),
        }


@dataclass(frozen=True, slots=True)
class Survey:
    """What ``status`` shows."""

    packages: tuple[PackageStatus, ...]
    running: Running | None

    def to_json(self) -> dict[str, Any]:
        now = self.running
        return {
            "packages": [package.to_json() for package in self.packages],
            "running": None
            if now is None
            else {
                "package": now.package,
                "phase": now.phase,
                "tree": now.tree,
                "commit": now.commit,
                "target": asdict(now.target),
                "since": now.since,
                "pid": now.pid,
                "log": now.log,
            },
        }


def survey(context: Context, names: Sequence[str]) -> Survey:
    """Look at everything that ``status`` shows; builds nothing."""
    tree = context.current().tree
    packages = context.config(tree).select(names)
    stands = tuple(_stand(context, package.name, package.source, tree) for package in packages)
    return Survey(stands, running(context.state))


def _stand(context: Context, name: str, folder: str, tree: str) -> PackageStatus:
    checkpoint = context.state.in_force(name)
    last = next(iter(context.state.history(name, 1)), None)
    if checkpoint is None:
        return PackageStatus(name, None, None, None, last)
    problem = context.engine(checkpoint.engine).unusable(checkpoint)
    away = drift(context.repo, checkpoint.tree, tree, folder)
    return PackageStatus(name, checkpoint, problem, away, last)


def show_status(found: Survey) -> None:
    """Print a survey for people."""
    for package in found.packages:
        out(package.name)
        out(f"  checkpoint  {_checkpoint(package)}")
        if package.drift is not None:
            out(f"  drift       {_drift(*package.drift)}")
        out(f"  last build  {_last(package.last)}")
    now = found.running
    if now is None:
        out("nothing is being built")
    else:
        what = f"{now.package or 'a build'} of {name_of_tree(now)}"
        doing = f"{now.phase or 'preparing'}, for {since(now.since)}"
        out(f"building {what}: {doing} (git ckpt watch)")


def _checkpoint(package: PackageStatus) -> str:
    checkpoint = package.checkpoint
    if checkpoint is None:
        return "none yet; the next build makes one"
    depth = checkpoint.depth
    made = "built clean" if depth == 0 else f"{count(depth, 'build')} after a clean one"
    text = f"{name_of_tree(checkpoint)}, {ago(checkpoint.created)}, {made}"
    return text if package.problem is None else f"{text}; not usable: {package.problem}"


def _drift(files: int, lines: int) -> str:
    if files == 0:
        return "none: the work tree is the same"
    return f"{count(files, 'file')}, {count(lines, 'line')} from there to the work tree"


def _last(record: Record | None) -> str:
    if record is None:
        return "none"
    text = f"{sign(record)} {name_of_tree(record)} {record.outcome} {ago(record.finished)}"
    text += f" in {record.seconds.total:.2f} s, {origin(record)}"
    if record.verified is not None:
        text += ", verified" if record.verified else ", DIFFERS from a clean build"
    elif not record.confirmed:
        text += ", not confirmed by a clean build"
    if not record.passed:
        why = [line for line in record.error if line.strip()][:4] or (record.reason or "failed",)
        text += "".join(f"\n              {line}" for line in why)
    return text


def history(context: Context, names: Sequence[str], number: int) -> list[Record]:
    """The newest records, of ``names`` or of all packages.

    A package that the configuration no longer has may have records; raises ``ConfigError`` for
    one that neither knows.
    """
    unknown = [name for name in names if not context.state.history(name, 1)]
    if unknown:
        context.config(context.current().tree).select(unknown)
    chosen: Sequence[str | None] = names or [None]
    found = [record for name in chosen for record in context.state.history(name, number)]
    return sorted(found, key=lambda record: record.finished, reverse=True)[:number]


def record_json(record: Record) -> dict[str, Any]:
    """A result as ``build --json`` has it, and what is known about it since."""
    return {
        **record.result(),
        "finished": record.finished,
        "target": record.target,
        "depth": record.depth,
        "verified": record.verified,
        "confirmed": record.confirmed,
        "failed_phase": record.failed_phase,
        "reason": record.reason,
        "error": list(record.error),
        "warnings": list(record.warnings),
        "no_base": record.no_base,
    }


def show_log(context: Context, records: Sequence[Record]) -> None:
    """Print records for people, a line each, and below one that failed why; as wide as the
    terminal."""
    if not records:
        out("nothing was built yet; `git ckpt build` does")
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    subjects = _subjects(context, records)
    name_width = max(len(record.package) for record in records)
    for record in records:
        subject = subjects.get(record.commit or "", record.target)
        out(fitting(_row(record, name_width, subject), width))
        if not record.passed:
            out(fitting(f"    {headline(record.error) or record.reason}", width))
    if width is not None:
        out(fitting("● clean  ○ from a checkpoint  = verified  ✗ failed", width))


def _row(record: Record, name_width: int, subject: str) -> str:
    how = "clean" if record.checkpoint is None else f"from {name_of_tree(record.checkpoint)}"
    return (
        f"{sign(record)} {name_of_tree(record):15}  {record.package:{name_width}}"
        f"  {record.outcome}  {record.seconds.total:7.2f} s  {how:20}  {ago(record.finished):>10}"
        f"  {subject[:_SUBJECT]}"
    )


def _subjects(context: Context, records: Sequence[Record]) -> dict[str, str]:
    from ckpt_git.git.history import describe  # noqa: PLC0415 - GitPython is slow to import

    subjects = {}
    for commit in {record.commit for record in records if record.commit is not None}:
        with suppress(CkptError):  # gone since: a rebase, a shallow clone
            subjects[commit] = describe(context.repo, commit).summary
    return subjects


def show_output(context: Context, records: Sequence[Record]) -> None:
    """Print what the newest of ``records`` printed while it was built, in the user's paths.

    Raises ``UsageError`` where nothing was built and ``CkptError`` where the log is gone.
    """
    if not records:
        raise UsageError("nothing was built yet", "`git ckpt build` does")
    newest = records[0]
    try:
        printed = Path(newest.log).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        what = f"can't read {newest.log}: {error.strerror}"
        raise CkptError(what, "only newer logs are kept") from error
    line = relocated(context, newest.package, newest.tree)
    for text in printed.splitlines():
        out(line(text))
