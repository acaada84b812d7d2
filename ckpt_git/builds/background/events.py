"""For each git event (githooks(5)): what there is to build after it, and who builds it.

``start`` is for the hook that git waits for, ``serve`` for the detached process that does the work.
Neither is ever in git's way: it doesn't raise, and what goes wrong becomes a line or a notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.builds.background import build_request, builder, notices
from ckpt_git.builds.background.detach import IO_CLASSES, NICE, lower_priority, spawn_builder
from ckpt_git.builds.background.git_operation import SERIES, is_step, made_in_series, settled
from ckpt_git.builds.checks import trust
from ckpt_git.builds.context import Context, in_what_is_left
from ckpt_git.git.objects.trees import object_id
from ckpt_git.git.worktree.authorship import was_committed_here
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.git_event import GitEvent
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.records import pending, queue
from ckpt_git.records.runs import unmark_starting

if TYPE_CHECKING:
    from ckpt_git.model.config.packages import Config
    from ckpt_git.model.target import Target
    from ckpt_git.records.queue import Request

_STARTS = "ckpt: rebuilding in the background (git ckpt watch)"
"""As hooks/background.sh has it."""
_STARTS_COMMIT = "ckpt: rebuilding the commit alone in the background (git ckpt watch)"


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
    """A rebase has ended. For an amended commit git has called post-commit already."""
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


# -- what is to be built --------------------------------------------------------------------------


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
    return queue.Request(
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
    return queue.Request(root=str(top), wanted=(target,), why=event.hook, foreign=not own)


def _wanted(config: Config, target: Target, commit: Target) -> tuple[Target, ...]:
    if config.on_commit == "commit":
        return (commit,)
    return (target,) if target.tree == commit.tree else (target, commit)


# -- the two ways of being called -----------------------------------------------------------------


def start(name: str, arguments: Sequence[str], say: Callable[[str], object]) -> None:
    """Have what the event ``name`` asks for built in the background, and return: what
    hooks/background.sh does in the shell, for other hook managers. ``say`` is given each line that
    the user is to read."""
    try:
        context = Context.open()
        top = context.repo.top
        event = GitEvent.parse(name, arguments, os.environ)
        if top is None or not (top / CONFIG_NAME).is_file() or not EVENTS[name](event):
            return
        if event.is_skipped(os.environ, context.repo.settings()):
            return
        for notice in context.state.take_notices():
            say(notice)
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
            say(_STARTS_COMMIT if event.by_framework else _STARTS)
    except Exception as error:  # whatever it is, git and its user go on
        say(f"ckpt: nothing is rebuilt: {error}")


def serve(name: str, top: Path | None, marks: Sequence[str], arguments: Sequence[str]) -> None:
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
            in_what_is_left(context, _lower_priority)
            if name == "drain":
                _be_the_builder(context, starting.close)
            elif EVENTS[name](event):
                made = _made(name, arguments)
                may_look = partial(_may_look, event=event, mark=mark, made=made)
                if in_what_is_left(context, may_look):
                    request = _look(context, event, top or context.repo.top, mark)
                    _build(context, request, starting.close)
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

    def look(context: Context) -> Request | None:
        if context.repo.top is not None:
            request = _rebuild(context, event)
            if not context.repo.is_gone:
                return request
            context = Context.open_shared(context.repo.common_dir)
        request = _rebuild_left(context, event, top, mark)
        pending.forget_head(mark)
        return request

    return in_what_is_left(context, look)


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


def _build(context: Context, request: Request | None, on_start: Callable[[], None]) -> None:
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
