"""What the hooks call: ``git ckpt hook EVENT``. A function for each event, githooks(5).

Never in git's way: it returns at once or runs detached, it doesn't raise, and what goes wrong
becomes a notice; pre-push alone may say no. Neither typer nor GitPython is imported before
there is something to build.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.builds.background import build_request, builder, notices
from ckpt_git.builds.background.detach import (
    DETACHED,
    FROM,
    IO_CLASSES,
    NICE,
    detach,
    lower_priority,
    spawn_builder,
)
from ckpt_git.builds.background.git_operation import SERIES, is_step, made_in_series, settled
from ckpt_git.builds.checks import trust
from ckpt_git.builds.context import Context
from ckpt_git.cli.commands import pre_push
from ckpt_git.cli.output.streams import out
from ckpt_git.git.objects.trees import object_id
from ckpt_git.git.worktree.authorship import was_committed_here
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.git_event import GitEvent
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.model.target import Target
from ckpt_git.records import pending
from ckpt_git.records.queue import Request
from ckpt_git.records.runs import unmark_starting

if TYPE_CHECKING:
    from ckpt_git.model.config.packages import Config
    from ckpt_git.model.target import Target

_STARTS = "ckpt: rebuilding in the background (git ckpt watch)"
"""As hooks/background.sh has it."""
_STARTS_COMMIT = "ckpt: rebuilding the commit alone in the background (git ckpt watch)"

_USAGE = """\
Usage: git ckpt hook EVENT [ARGUMENT …]

What the git hooks call, and what another hook manager's are to call: with the arguments and the
standard input that git gives the hook of that name, githooks(5).

  post-commit, post-merge, post-rewrite, post-checkout, post-applypatch
      have what is there now built in the background, and return at once; exit code 0
  pre-push
      validates what is pushed; exit code 1 refuses it

The pre-commit framework's hooks call the same, and its environment takes the arguments' place.
CKPT_SKIP=1, git -c ckpt.skip=true and SKIP=ckpt (or ckpt-EVENT) have them do nothing.
`git ckpt install` puts the hooks in place."""


def hook_main(argv: list[str]) -> int:
    """Carry out ``git ckpt hook EVENT``; returns the exit code, which is 0 for what git asks.

    Called by a hook of ours, which doesn't wait, it does the work (``DETACHED``); called by
    another hook manager it starts the same in the background and returns.
    """
    _leave_frameworks_environment()
    name, arguments = (argv[0], argv[1:]) if argv else ("-h", [])
    if {"-h", "--help"} & {name, *arguments[:1]}:
        out(_USAGE)
        return 0
    if name == "pre-push":
        return _pre_push(arguments)
    if name not in EVENTS:
        _say(f"ckpt: no event `{name}`; choose one of: {', '.join([*EVENTS, 'pre-push'])}")
        return 0 if name.startswith("post-") else 2
    top = None
    if arguments[:1] == [FROM]:
        top, arguments = Path(*arguments[1:2]), arguments[2:]
    if arguments[:1] == [DETACHED]:
        detach()
        _in_background(name, top, arguments[1:2], arguments[2:])
    else:
        _in_foreground(name, arguments)
    return 0


def _leave_frameworks_environment() -> None:
    """pre-commit puts the environment that it made for us first on PATH: what isn't built in a
    sandbox would find its Python in there, and be another build than by hand."""
    if os.environ.get("PRE_COMMIT") == "1" and os.environ.get("VIRTUAL_ENV") == sys.prefix:
        ours = f"{os.environ.pop('VIRTUAL_ENV')}/bin"
        places = os.environ.get("PATH", "").split(os.pathsep)
        os.environ["PATH"] = os.pathsep.join(place for place in places if place != ours)


# -- events ---------------------------------------------------------------------------------------


def _post_commit(_event: GitEvent) -> bool:
    """A commit was made."""
    return True


def _post_applypatch(_event: GitEvent) -> bool:
    """``git am`` made a commit of a mail."""
    return True


def _post_merge(event: GitEvent) -> bool:
    """A merge or a pull moved HEAD. One that was squashed is yet to be committed."""
    return event.detail != "1"


def _post_rewrite(event: GitEvent) -> bool:
    """A rebase ended. Of an amended commit post-commit has told already."""
    return event.detail != "amend"


def _post_checkout(event: GitEvent) -> bool:
    """Another commit was checked out (``1``); of files alone (``0``) git tells as well."""
    return event.detail != "0"


def _drain(_event: GitEvent) -> bool:
    """Nothing new: build what waits in the queue (``git ckpt build --background``)."""
    return False


EVENTS: dict[str, Callable[[GitEvent], bool]] = {
    "post-commit": _post_commit,
    "post-merge": _post_merge,
    "post-rewrite": _post_rewrite,
    "post-checkout": _post_checkout,
    "post-applypatch": _post_applypatch,
    "drain": _drain,
}
"""Whether there is something new to build after an event."""


def _pre_push(arguments: list[str]) -> int:
    """What is about to be pushed has to build: the one event whose exit code git asks for."""

    return pre_push.pre_push(arguments, sys.stdin.buffer.read())


def _rebuild(context: Context, event: GitEvent) -> Request | None:
    """What an event asks for: the working tree, and HEAD where that is another tree.

    The snapshot comes first: what is built is what was there when git was done.
    """

    head = context.repo.target("HEAD")
    target = head if event.by_framework else context.repo.target("worktree")
    config = context.find_config(target.tree)
    if config is None:  # it was there when git was done, so someone is about to remove it all
        target = head
        config = context.find_config(target.tree)
    if config is None:
        return None
    return Request(
        root=str(context.repo.top),
        wanted=_wanted(config, target, head),
        why=event.hook,
        foreign=trust.is_foreign(context, event.hook),
    )


def _rebuild_left(
    context: Context, event: GitEvent, top: Path | None, mark: Path
) -> Request | None:
    """What an event asked for in the work tree that was at ``top`` and was removed since: the
    commit that was noted then. ``context`` is that of what it shared."""
    commit = pending.head_of(mark)
    if commit is None:
        return None
    target = context.repo.target(commit)
    if context.find_config(target.tree) is None:
        return None
    own = event.hook == "post-commit" and was_committed_here(context.repo, commit)
    return Request(root=str(top), wanted=(target,), why=event.hook, foreign=not own)


def _wanted(config: Config, target: Target, commit: Target) -> tuple[Target, ...]:
    if config.on_commit == "commit":
        return (commit,)
    return (target,) if target.tree == commit.tree else (target, commit)


# -- the two ways of being called -----------------------------------------------------------------


def _in_foreground(name: str, arguments: Sequence[str]) -> None:
    """What hooks/background.sh does in the shell, for other hook managers."""
    try:
        context = Context.open()
        top = context.repo.top
        event = GitEvent.parse(name, arguments, os.environ)
        if top is None or not (top / CONFIG_NAME).is_file() or not EVENTS[name](event):
            return
        if event.is_skipped(os.environ, context.repo.settings()):
            return
        for notice in context.state.take_notices():
            _say(notice)
        if is_step(context.repo, name):
            return
        mark = pending.mark_of(context.state, context.repo.git_dir)
        made = made_in_series(context.repo, name)
        if context.repo.git_dir != context.repo.common_dir:
            pending.note_head(mark, object_id(context.repo, "HEAD") or "")
        if not pending.is_pending(mark):
            told = arguments if made is None else [made]
            spawn_builder(context.state, top, name, (str(mark), *told))
        if made is None:
            _say(_STARTS_COMMIT if event.by_framework else _STARTS)
    except Exception as error:  # whatever it is, git and its user go on
        _say(f"ckpt: nothing is rebuilt: {error}")


def _in_background(
    name: str, top: Path | None, marks: Sequence[str], arguments: Sequence[str]
) -> None:
    """Do what the event ``name`` asks for, of the work tree at ``top`` or around the current
    folder. ``marks`` is what hooks/background.sh gives: the file that says that we have not looked
    yet; its name is empty where there can't be one."""
    if top is not None:
        with suppress(OSError):
            os.chdir(top)
    mark = Path(os.path.normpath(marks[0])) if any(marks) else None
    try:
        context = _open(top, mark)
    except CkptError:
        return  # no repository, so there is nobody to tell
    if mark is None:
        mark = pending.mark_of(context.state, context.repo.git_dir)
    # Once: the mark that is there when a build has ended is that of a later commit.
    with ExitStack() as starting:
        starting.callback(unmark_starting, context.state)
        try:
            event = GitEvent.parse(name, arguments, os.environ)
            _lower_priority(context)
            if name == "drain":
                _be_the_builder(context, starting.close)
            elif EVENTS[name](event) and _may_look(context, event, mark, _made(name, arguments)):
                request = _look(context, event, top or context.repo.top, mark)
                _serve(context, request, starting.close)
        except KeyboardInterrupt:
            pass  # cancelled, and cleared up
        except Exception as error:  # whatever it is, git and its user go on
            notices.tell_error(context.state, error, f"nothing is rebuilt ({name})")


def _open(top: Path | None, mark: Path | None) -> Context:
    """The context of the work tree that an event came from; where it was removed since, that of
    what it shared, which ``mark`` is in. Raises ``CkptError``."""
    if top is None or mark is None:
        return Context.open(top)
    return Context.open_asked(top, mark.parent.parent)


def _look(context: Context, event: GitEvent, top: Path | None, mark: Path) -> Request | None:
    """What an event asks for. A work tree that is removed while we look is no work tree any more:
    what was seen of it then may be half of it, or another's."""
    if context.repo.top is not None:
        try:
            request = _rebuild(context, event)
        except CkptError:
            if not context.repo.is_gone:
                raise
        else:
            if not context.repo.is_gone:
                return request
        context = Context.open_shared(context.repo.common_dir)
    request = _rebuild_left(context, event, top, mark)
    pending.forget_head(mark)
    return request


def _made(name: str, arguments: Sequence[str]) -> str | None:
    """What a series had made when it called; git itself gives these hooks no arguments."""
    return arguments[0] if name in SERIES and arguments else None


def _may_look(context: Context, event: GitEvent, mark: Path, made: str | None) -> bool:
    """Wait until git is done; whether it is for this process to see what there is then."""
    if not pending.claim(mark):
        return False
    try:
        skipped = event.is_skipped(os.environ, context.repo.settings())
        context.state.remember_skipping(skipped)
        worth = (
            not skipped and not is_step(context.repo, event.hook) and settled(context.repo, made)
        )
    finally:
        is_mine = pending.release(mark)
    return worth and is_mine


def _serve(context: Context, request: Request | None, on_start: Callable[[], None]) -> None:
    """Have ``request`` built by whoever is the builder, which may be this process: it calls
    ``on_start`` then."""
    if request is not None:
        builder.submit(context.state, request, lambda: _be_the_builder(context, on_start))


def _be_the_builder(context: Context, on_start: Callable[[], None]) -> None:

    on_start()
    builder.drain(context.state, build_request.build_request)


def _lower_priority(context: Context) -> None:
    """As the user's configuration says; the nice(1) of the start is the default."""
    settings = context.repo.settings()
    nice, io_class = (
        settings.get("nice", str(NICE)),
        settings.get("ioclass", next(iter(IO_CLASSES))),
    )
    if not nice.removeprefix("-").isdecimal():
        raise UsageError(
            f"git config ckpt.nice is `{nice}`, not a number", f"`git config ckpt.nice {NICE}`"
        )
    if io_class not in IO_CLASSES:
        raise UsageError(
            f"git config ckpt.ioClass is `{io_class}`", f"choose one of: {', '.join(IO_CLASSES)}"
        )
    lower_priority(int(nice) - NICE, io_class)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
