"""The edges: the command line, the hooks, and what is shown to people and programs."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_BUILDING = (["build"], ["prepare"], ["verify"])


def main() -> None:
    """The command ``git-ckpt``. A hook takes a short way that imports no command line library."""
    arguments = sys.argv[1:]
    gc.disable()  # until the modules are in: importing makes no garbage
    if arguments[:2] == ["hook", "pre-push"] and not {"-h", "--help"} & {*arguments[2:3]}:
        _end(_pre_push(arguments[2:]))
    if arguments[:1] == ["hook"]:
        from ckpt_git.cli.hook import hook_main  # noqa: PLC0415

        gc.enable()
        _end(hook_main(arguments[1:]))
    if arguments[:1] in _BUILDING:
        from ckpt_git.cli.output import streams  # noqa: PLC0415

        streams.prepare()  # first: a pipe must not get the number of a closed stream
    from ckpt_git.cli import short_build  # noqa: PLC0415

    at_once = short_build.is_short(arguments)
    if at_once:
        from ckpt_git.builds import prefetch  # noqa: PLC0415

        prefetch.begin(short_build.target(arguments))
    from ckpt_git.cli.errors import run_guarded  # noqa: PLC0415

    # All is written and closed by then; taking the interpreter apart would take another 15 ms.
    os._exit(run_guarded(lambda: (_short if at_once else _command)(arguments)))


def _short(arguments: list[str]) -> int:
    from ckpt_git.cli import short_build  # noqa: PLC0415 - nearly all that is imported
    from ckpt_git.cli.commands import build  # noqa: F401, PLC0415 - nearly all that is imported

    _no_more_imports()
    return short_build.build(arguments)


def _command(arguments: list[str]) -> int:
    from ckpt_git.cli.command_line import run_app  # noqa: PLC0415 - may fail like any other step

    _no_more_imports()
    return run_app(arguments)


def _no_more_imports() -> None:
    gc.enable()
    gc.freeze()  # modules live as long as the process: no use in looking for garbage in them


def _pre_push(arguments: list[str]) -> int:
    from ckpt_git.cli.commands.pre_push import pre_push  # noqa: PLC0415

    gc.enable()
    return pre_push(arguments, sys.stdin.buffer.read())


def _end(code: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(code)
