"""The pre-push hook's report: what is built, what can't be pushed and why, how to push anyway.

Results are told as they come: a push may wait for a build, and its user may know enough before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ckpt_git.builds.background import notices
from ckpt_git.builds.checks.push import Checked, Skipped, Subject, Unchecked, validate
from ckpt_git.builds.context import Context
from ckpt_git.cli.output import live as live_output
from ckpt_git.cli.output.streams import say, say_ckpt
from ckpt_git.git.objects.push_range import Commit, subject
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import CkptError
from ckpt_git.model.git_event import GitEvent
from ckpt_git.model.push import Push
from ckpt_git.model.report.display_names import printable

if TYPE_CHECKING:
    from ckpt_git.engines.protocol import Announce

REFUSED, INTERRUPTED = 1, 130

_LINES = 8  # of a failed build's errors; the log has them all
_SHORT = 10
_REFS = 3  # that are named before the rest is counted
_ONE_REF = "validating {} alone: pre-commit tells hooks one ref of a push, others aren't validated"
_ALL_THE_SAME = "`git push --no-verify` or `CKPT_SKIP=1 git push` pushes all the same"


def pre_push(arguments: Sequence[str], stdin: bytes) -> int:
    """What ``git ckpt hook pre-push`` does with what git gives it; returns the exit code.

    It is 0 where the push may go, 1 where it is refused and 130 where the user interrupted.
    """
    try:
        refused = _is_refused(arguments, stdin)
    except KeyboardInterrupt:
        say_ckpt("interrupted; nothing is pushed")
        return INTERRUPTED
    if refused:
        say_ckpt(_ALL_THE_SAME)
    return REFUSED if refused else 0


def _is_refused(arguments: Sequence[str], stdin: bytes) -> bool:
    try:
        event = GitEvent.parse("pre-push", arguments, os.environ, lambda: stdin)
        context = Context.open()
        context.state.tell = say
        skipped = event.is_skipped(os.environ, context.repo.settings())
    except CkptError as error:
        return _cannot_validate(str(error))
    if skipped or event.push is None:
        return False
    if event.by_framework and event.push.updates:
        say_ckpt(_ONE_REF.format(event.push.updates[0].name))
    try:
        return _report(context, event.push)
    except Exception as error:  # whatever it is, nobody knows now whether this builds
        return _cannot_validate(notices.described(context.state, error))


def _cannot_validate(why: str) -> bool:
    say_ckpt(f"push refused: it can't be validated: {_line(why)}")
    return True


def _report(context: Context, push: Push) -> bool:
    """Tell each result; returns whether the push is refused."""
    good: list[Checked] = []
    refused = False
    for result in validate(context, push, _watch):
        if isinstance(result, Skipped):
            say_ckpt(f"{result.ref} doesn't point to a commit: nothing to build")
        elif isinstance(result, Unchecked):
            refused |= not result.allowed
            _tell_unchecked(result)
        elif result.good:
            good.append(result)
        else:
            refused = True
            _tell_failure(context, result)
    if good and not refused:
        say_ckpt(_summary(good))
    return refused


def _summary(good: list[Checked]) -> str:
    refs = tuple(dict.fromkeys(ref for result in good for ref in result.subject.refs))
    now = sum(result.built for result in good)
    how = f"{now} of {len(good)} built now" if now else "known from before"
    verified = all(result.subject.policy.require == "verified" for result in good)
    return f"what is pushed to {_named(refs)} builds ({how}{', verified' if verified else ''})"


def _tell_unchecked(result: Unchecked) -> None:
    where = f"{result.commit.id[:_SHORT]} ({_named(result.refs)})"
    if result.allowed:
        say_ckpt(f"{where} is pushed without having been validated: {_line(result.why)}")
    else:
        say_ckpt(f"push refused: {where} can't be validated: {_line(result.why)}")


def _tell_failure(context: Context, result: Checked) -> None:
    record, commit, refs = result.record, result.subject.commit, result.subject.refs
    what = "does not build at"
    if result.record.passed:
        what = "is another thing from a checkpoint than built clean at"
    say_ckpt(
        f"push refused: {record.package} {what} {_described(context, commit)} ({_named(refs)})"
    )
    lines = result.differences or record.error or (record.reason or "the build failed",)
    for line in lines[:_LINES]:
        say(f"    {printable(line)}")
    if len(lines) > _LINES:
        say(f"    … {len(lines) - _LINES} more")
    if record.passed:
        say_ckpt(
            "the checkpoint was removed, and the clean build's result counts: push again to push it"
        )
    else:
        say_ckpt(f"the whole log: {record.log}")


def _described(context: Context, commit: Commit) -> str:
    """Short id and subject."""
    short = commit.id[:_SHORT]
    with suppress(CkptError):
        return f'{short} "{printable(subject(context.repo, commit.id))}"'
    return short


def _named(refs: tuple[str, ...]) -> str:
    shown = [printable(ref) for ref in refs[:_REFS]]
    more = f" and {len(refs) - _REFS} more" if len(refs) > _REFS else ""
    return ", ".join(shown) + more


def _line(text: str) -> str:
    return " ".join(text.splitlines())


@contextmanager
def _watch(subject: Subject, package: Package) -> Iterator[Announce]:
    """Say what is being built, and show how it goes."""

    where = f"{subject.commit.id[:_SHORT]} ({_named(subject.refs)})"
    say_ckpt(f"building {package.name} at {where} before it is pushed")
    with live_output.Live(sys.stderr, show_output=False) as live:
        yield live.announce
