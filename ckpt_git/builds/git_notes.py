"""With ``notes = true``: write a build's result as a git note (``git log --notes=ckpt``)."""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_git.builds.background import notices
from ckpt_git.builds.context import Context
from ckpt_git.git.objects import notes
from ckpt_git.model.errors import CkptError
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target


def keep_note(context: Context, target: Target, records: Sequence[Record]) -> None:
    """Say on the commit how its build ended, where notes are on."""
    if target.commit is None or not context.config(target.tree).notes:
        return

    text = "".join(f"{_line(record)}\n" for record in records)
    try:
        notes.write_note(context.repo, target.commit, text)
    except CkptError as error:  # the results are known all the same
        notices.tell_error(context.state, error, "the build was not noted")


def _line(record: Record) -> str:
    made = "clean" if record.checkpoint is None else "from a checkpoint"
    line = f"{record.package}: {record.outcome}, {made}, {record.seconds.total:.1f} s"
    if record.verified:
        return f"{line}, verified"
    return line if record.depth == 0 or not record.passed else f"{line}, not verified"
