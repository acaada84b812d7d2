"""Build what a request wants, in the background: where the builder and the build meet.

For the builder alone to import: a hook that only starts one must not wait for all this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ckpt_git.builds.background import idle, notices
from ckpt_git.builds.background.builder import announce_to
from ckpt_git.builds.build import build
from ckpt_git.builds.checks.trust import packages_to_build
from ckpt_git.builds.checks.untracked import left_out, remember, sentence
from ckpt_git.builds.context import Context, in_what_is_left
from ckpt_git.builds.git_notes import keep_note
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target
from ckpt_git.records.queue import Request
from ckpt_git.records.runs import Progress


def build_request(request: Request, progress: Progress) -> list[Record]:
    """Build all that ``request`` wants, in its order; returns the records.

    A work tree that is removed meanwhile takes its edits along; its commit is built all the same.
    """
    if request.idle:
        return idle.compare_request(request, progress)
    context = Context.open_asked(Path(request.root), progress.state.path.parent)
    return in_what_is_left(context, lambda left: _build_all(left, request, progress))


def _build_all(context: Context, request: Request, progress: Progress) -> list[Record]:
    records: list[Record] = []
    for target in _left(context, request):
        progress.target(target)
        packages = packages_to_build(context, request, target)
        if packages is None:
            continue
        options = BuildOptions(packages, clean=request.clean, rebuild=request.rebuild)
        names = left_out(context) if target.kind == "worktree" else []
        made = build(context, target, options, announce_to(progress))
        if not all(record.cached for record in made) and remember(context, names):
            notices.tell_untracked(context.state, sentence(names))
        keep_note(context, target, made)
        idle.ask(context, target, made)
        records += made
    return records


def _left(context: Context, request: Request) -> Sequence[Target]:
    """What ``request`` wants and was not lost with its work tree."""
    commits = [wanted for wanted in request.wanted if wanted.commit is not None]
    is_lost = str(context.repo.top or context.repo.git_dir) != request.root
    return commits if is_lost and commits else request.wanted
