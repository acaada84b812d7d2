"""``watch`` follows the log of a background build; ``cancel`` ends that build."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ckpt_git.builds import attempt
from ckpt_git.builds.background import builder, detach
from ckpt_git.builds.background.git_operation import stop_waiting, waiting_processes
from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import out, say_ckpt, write_out
from ckpt_git.cli.output.wording import name_of_tree, waits_for
from ckpt_git.model.errors import CkptError
from ckpt_git.records import results

_DIFFERENT = "the build from the checkpoint is another thing than the clean one"


def watch(context: Context) -> int:
    """Print what is being built in the background from its start; returns the exit code."""
    printer = _Printer(context)
    try:
        ending = builder.follow(context.state, printer.take)
    except KeyboardInterrupt:
        say_ckpt("no longer watching; the build goes on (`git ckpt cancel` ends it)")
        return 130
    if ending is None:
        _tell_idle(context)
        return 0
    printer.finish()
    say_ckpt(_DIFFERENT if ending == "different" else ending)
    return 0 if ending == "passed" else 1


def cancel(context: Context) -> None:
    """End what is built in the background, and the waiting for what is to be; say what it was."""

    stopped = stop_waiting(context.repo, context.state)
    for one in stopped:
        out(f"the result of the {one.series} won't be built")
    root = context.repo.top or context.repo.git_dir
    ended = builder.cancel(context.state, lambda: detach.spawn_builder(context.state, root))
    if ended is not None:
        out(f"cancelled the build of {name_of_tree(ended)}")
    elif not stopped:
        out("nothing is being built")


def _tell_idle(context: Context) -> None:
    for one in waiting_processes(context.repo, context.state):
        out(waits_for(one.series))
    out("nothing is being built")


class _Printer:
    """Takes a log in pieces and prints its lines in the user's paths."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._package: str | None = None
        self._line: Callable[[str], str] = str
        self._rest = ""

    def take(self, text: str) -> None:
        self._look_up()
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._print(f"{self._line(line)}\n")

    def finish(self) -> None:
        self._print(self._line(self._rest))

    def _look_up(self) -> None:
        """Find out what is being built, once for each package that the builder comes to."""
        package, tree = self._built()
        if package is not None and package != self._package:
            self._package = package
            self._line = relocated(self._context, package, tree)

    def _built(self) -> tuple[str | None, str]:
        """The package and the tree that is built now, or was last: a run may be over by now."""
        now = builder.running(self._context.state)
        if now is not None:
            return now.package, now.tree
        last = next(iter(results.history(self._context.state, limit=1)), None)
        return (None, "") if last is None or self._package else (last.package, last.tree)

    def _print(self, text: str) -> None:
        if not write_out(text):
            raise SystemExit(0)  # nobody looks on any more


def relocated(context: Context, package: str, tree: str) -> Callable[[str], str]:
    """What turns lines of a build of ``package`` into lines about the user's own files."""

    with suppress(CkptError):  # a package that is no longer there, a configuration that is broken
        drv = context.derivation(context.config(tree).select([package])[0], tree)
        return attempt.relocation(context, context.engine(drv.engine), drv).line
    return str
