"""What the hooks call: ``git ckpt hook EVENT``. A function for each event, githooks(5).

Never in git's way: it returns at once or runs detached, it doesn't raise, and what goes wrong
becomes a notice. Neither typer nor GitPython is imported before there is something to build.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.builds import background, notices
from ckpt_git.builds.context import CONFIG_NAME, Context
from ckpt_git.builds.detach import DETACHED, NICE, detach, lower_priority, spawn_builder
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.records.queue import Request, Wanted
from ckpt_git.records.running import Progress, unmark_starting

if TYPE_CHECKING:
    from ckpt_git.engines.protocol import Event
    from ckpt_git.git.repository import Target
    from ckpt_git.model.config import Config
    from ckpt_git.model.record import Record

_STARTS = "ckpt: rebuilding in the background (git ckpt watch)"
"""As hooks/post-commit has it."""


def hook_main(argv: list[str]) -> int:
    """Carry out ``git ckpt hook EVENT``; returns the exit code, which is 0 for what git asks.

    Called by hooks/post-commit, which doesn't wait, it does the work (``DETACHED``); called by
    another hook manager it starts the same in the background and returns.
    """
    event, options = (argv[0], argv[1:]) if argv else ("", [])
    if event == "pre-push":
        return _pre_push(options)
    if event not in EVENTS:
        _say(f"ckpt: no event `{event}`; choose one of: {', '.join(EVENTS)}")
        return 0 if event.startswith("post-") else 2
    if options[:1] == [DETACHED]:
        detach()
        _in_background(event, pending=options[1] if options[1:] else None)
    else:
        _in_foreground(event)
    return 0


# -- events ---------------------------------------------------------------------------------------


def _post_commit(context: Context) -> Request | None:
    """What a commit asks for: the working tree, and the commit where that is another tree.

    The snapshot comes first: what is built is what was there when the commit was made.
    """
    if context.repo.in_progress() is not None:
        return None
    worktree = context.repo.target("worktree")
    config = context.find_config(worktree.tree)
    if config is None:
        return None
    wanted = _wanted(config, worktree, context.repo.target("HEAD"))
    return Request(root=str(context.repo.top), wanted=wanted, why="post-commit")


def _wanted(config: Config, worktree: Target, commit: Target) -> tuple[Wanted, ...]:
    if config.on_commit == "commit":
        return (_of(commit),)
    if worktree.tree == commit.tree:
        return (_of(worktree),)
    return (_of(worktree), _of(commit))


def _of(target: Target) -> Wanted:
    return Wanted(kind=target.kind, name=target.name, tree=target.tree, commit=target.commit)


def _nothing_new(_context: Context) -> None:
    """``drain``: build what waits in the queue already (``git ckpt build --background``)."""


EVENTS: dict[str, Callable[[Context], Request | None]] = {
    "post-commit": _post_commit,
    "drain": _nothing_new,
}


def _pre_push(arguments: list[str]) -> int:
    """What is about to be pushed has to build: the one event whose exit code git asks for."""
    from ckpt_git.cli.pushing import pre_push  # noqa: PLC0415 - no other event needs it

    return pre_push(arguments, sys.stdin.buffer.read())


# -- the two ways of being called -----------------------------------------------------------------


def _in_foreground(event: str) -> None:
    """What hooks/post-commit does in the shell, for other hook managers."""
    try:
        context = Context.open()
        top = context.repo.top
        if os.environ.get("CKPT_SKIP") == "1" or top is None or not (top / CONFIG_NAME).is_file():
            return
        for notice in context.state.take_notices():
            _say(notice)
        if context.repo.in_progress() is None:
            spawn_builder(context.state, top, event)
            _say(_STARTS)
    except Exception as error:  # whatever it is, git and its user go on
        _say(f"ckpt: nothing is rebuilt: {error}")


def _in_background(event: str, pending: str | None) -> None:
    """Do what ``event`` asks for. ``pending`` is given by hooks/post-commit alone: the file that
    says that we have not looked yet. It goes before we look: who commits later starts another."""
    if pending:
        with suppress(OSError):
            Path(pending).unlink()
    try:
        context = Context.open()
    except CkptError:
        return  # no repository, so there is nobody to tell
    # Once: the mark that is there when a build has ended is that of a later commit.
    with ExitStack() as starting:
        starting.callback(unmark_starting, context.state)
        try:
            # The hook's own nice(1) is the default; less than that is for root alone.
            lower_priority(_nice(context) - (0 if pending is None else NICE))
            _serve(context, EVENTS[event](context), starting.close)
        except KeyboardInterrupt:
            pass  # cancelled, and cleared up
        except Exception as error:  # whatever it is, git and its user go on
            notices.tell_error(context.state, error, f"nothing is rebuilt ({event})")


def _serve(context: Context, request: Request | None, on_start: Callable[[], None]) -> None:
    """Have ``request`` built by whoever is the builder, which may be this process: it calls
    ``on_start`` then."""

    def be_the_builder() -> None:
        on_start()
        background.drain(context.state, _build)

    if request is None:
        be_the_builder()
    else:
        background.submit(context.state, request, be_the_builder)


def _nice(context: Context) -> int:
    said = context.repo.settings().get("nice", str(NICE))
    try:
        return int(said)
    except ValueError:
        raise UsageError(
            f"git config ckpt.nice is `{said}`, not a number", f"`git config ckpt.nice {NICE}`"
        ) from None


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


# -- the build ------------------------------------------------------------------------------------


def _build(request: Request, progress: Progress) -> list[Record]:
    """Build all that ``request`` wants: the one place that joins the builder and the build."""
    from ckpt_git.builds.build import BuildOptions, build  # noqa: PLC0415 - not to slow a hook
    from ckpt_git.builds.untracked import left_out, remember, sentence  # noqa: PLC0415
    from ckpt_git.git.repository import Target  # noqa: PLC0415

    def announce(package: str, event: Event) -> None:
        if event.kind == "log":
            progress.log(package, Path(event.text))
        elif event.kind == "phase":
            progress.phase(event.text)

    context = Context.open(Path(request.root))
    options = BuildOptions(request.packages, clean=request.clean, rebuild=request.rebuild)
    records: list[Record] = []
    for wanted in request.wanted:
        progress.target(wanted)
        target = Target(wanted.kind, wanted.name, wanted.tree, wanted.commit)
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
