"""Notices: what a background build tells the user. The next hook or command prints each once.

Nobody looks at a builder, so what goes wrong in it waits in ``.git/ckpt/notices``; a defect's
traceback goes to ``.git/ckpt/errors.log``. Nothing here raises: where not even this can be
written, nobody can be told.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ckpt_git.kept_files import make_way, replace
from ckpt_git.model.errors import CkptError, StoreError
from ckpt_git.model.record import Record
from ckpt_git.model.report.diagnostics import headline
from ckpt_git.records.runs import Running
from ckpt_git.records.state import State

_NAMED = 3  # paths that are named before the rest is counted
_KEPT = 256 * 1024  # bytes of errors.log, and as much of the one before


def tell_failures(state: State, records: list[Record]) -> None:
    """A notice for each package that doesn't build; about the commit, where that is among them."""
    failed: dict[str, Record] = {}
    for record in records:
        if not record.passed and (record.package not in failed or record.commit is not None):
            failed[record.package] = record
    for record in failed.values():
        why = headline(record.error) or record.reason or "the build failed"
        what = f"{record.package} does not build at {_named(record.commit)}"
        _post(state, f"{what}: {why}; `git ckpt log` shows more")


def tell_death(state: State, run: Running) -> None:
    """A notice that the builder of ``run`` ended without a word: killed, or the power went."""
    what = f"the background build of {_named(run.commit)} was killed"
    _post(state, f"{what}; `git ckpt build` builds it again")


def tell_untracked(state: State, text: str) -> None:
    """Post a notice of the files that a build of the work tree left out, in the words of
    ``untracked``."""
    _post(state, text)


def tell_difference(state: State, record: Record, paths: Sequence[str]) -> None:
    """Post a notice that a build with a memory differs from a clean one. The clean one counts
    now."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    what = f"{record.package} built from a checkpoint at {_named(record.commit)}"
    differs = f"{what} is NOT what a clean build gives: {', '.join(paths[:_NAMED])}{more}"
    _post(state, f"{differs}; the checkpoint was removed, and the clean build's result counts")


def tell_question(state: State, package: str, why: str) -> None:
    """A notice that ``package`` isn't built before its user agrees (``builds.trust``)."""
    _post(state, f"{package} is not rebuilt: {why}")


def tell_error(state: State, error: BaseException, doing: str) -> None:
    """A notice that ``error`` came up while ``doing`` something."""
    _post(state, f"{doing}: {described(state, error)}")


def described(state: State, error: BaseException) -> str:
    """``error`` in one line; of a defect the traceback is kept, and the line says where."""
    if isinstance(error, CkptError):
        return str(error)
    log = state.path / "errors.log"
    with suppress(OSError):
        _keep_traceback(log, error)
    return f"{type(error).__name__}: {error}; the traceback is in {log}"


def _post(state: State, text: str) -> None:
    with suppress(StoreError):
        state.post_notice("ckpt: " + " ".join(text.splitlines()))


def _named(commit: str | None) -> str:
    return "the working tree" if commit is None else commit[:10]


def _keep_traceback(log: Path, error: BaseException) -> None:

    log.parent.mkdir(parents=True, exist_ok=True)
    make_way(log)
    if log.exists() and log.stat().st_size > _KEPT:
        replace(log, log.with_suffix(".log.old"))
    with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(time.strftime("%Y-%m-%d %H:%M:%S\n"))
        traceback.print_exception(error, file=file)
