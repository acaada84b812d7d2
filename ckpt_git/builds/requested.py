"""Build what a request wants, in the background: where the builder and the build meet.

For the builder alone to import: a hook that only starts one must not wait for all this.
"""

from __future__ import annotations

from pathlib import Path

from ckpt_git.builds import notices
from ckpt_git.builds.build import BuildOptions, build
from ckpt_git.builds.context import Context
from ckpt_git.builds.trust import admitted
from ckpt_git.builds.untracked import left_out, remember, sentence
from ckpt_git.engines.protocol import Event
from ckpt_git.git.repository import Target
from ckpt_git.model.errors import CkptError
from ckpt_git.model.record import Record
from ckpt_git.records.queue import Request, Wanted
from ckpt_git.records.running import Progress


def build_request(request: Request, progress: Progress) -> list[Record]:
    """Build all that ``request`` wants, in its order; returns the records."""

    def announce(package: str, event: Event) -> None:
        if event.kind == "log":
            progress.log(package, Path(event.text))
        elif event.kind == "phase":
            progress.phase(event.text)

    context = Context.open(Path(request.root))
    records: list[Record] = []
    for wanted in request.wanted:
        progress.target(wanted)
        target = Target(wanted.kind, wanted.name, wanted.tree, wanted.commit)
        packages = admitted(context, request, target)
        if packages is None:
            continue
        options = BuildOptions(packages, clean=request.clean, rebuild=request.rebuild)
        names = left_out(context) if wanted.kind == "worktree" else []
        made = build(context, target, options, announce)
        if not all(record.cached for record in made) and remember(context, names):
            notices.tell_untracked(context.state, sentence(names))
        _keep_note(context, wanted, made)
        records += made
    return records


def _keep_note(context: Context, wanted: Wanted, records: list[Record]) -> None:
    """With ``notes = true``, say on the commit how its build ended: ``git log --notes=ckpt``."""
    if wanted.commit is None or not context.config(wanted.tree).notes:
        return
    from ckpt_git.git.notes import write_note  # noqa: PLC0415 - only where notes are on

    text = "".join(f"{_line(record)}\n" for record in records)
    try:
        write_note(context.repo, wanted.commit, text)
    except CkptError as error:  # the results are known all the same
        notices.tell_error(context.state, error, "the build was not noted")


def _line(record: Record) -> str:
    made = "clean" if record.checkpoint is None else "from a checkpoint"
    return f"{record.package}: {record.outcome}, {made}, {record.seconds.total:.1f} s"
