"""The edges: the command line, the hooks, and what is shown to people and programs."""

from __future__ import annotations

import gc
import os
import sys

from ckpt_git.builds import build, prefetch
from ckpt_git.cli import command_line, commands, errors, hook, short_build
from ckpt_git.cli.output import streams
from ckpt_git.lazy_imports import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

    from ckpt_git.builds.prefetch import Prefetched

_BUILDING = (["build"], ["prepare"], ["verify"])


def main() -> None:
    """The command ``git-ckpt``. A hook takes a short way that imports no command line library."""
    arguments = sys.argv[1:]
    gc.disable()  # until the modules are in: importing makes no garbage
    if arguments[:2] == ["hook", "pre-push"] and not {"-h", "--help"} & {*arguments[2:3]}:
        _end(_pre_push(arguments[2:]))
    if arguments[:1] == ["hook"]:
        gc.enable()
        _end(hook.hook_main(arguments[1:]))
    if arguments[:1] in _BUILDING:
        streams.prepare()  # first: a pipe must not get the number of a closed stream
    if short_build.is_short(arguments):
        begun = prefetch.begin(short_build.target(arguments))
        code = errors.run_guarded(lambda: _short(arguments, begun))
    else:
        code = errors.run_guarded(lambda: _command(arguments))
    # All is written and closed by now; taking the interpreter apart would take another 15 ms.
    os._exit(code)


def _short(arguments: list[str], begun: Prefetched) -> int:
    _no_more_imports(commands.build, build)
    return short_build.build(arguments, begun)


def _command(arguments: list[str]) -> int:
    _no_more_imports(command_line)
    return command_line.run_app(arguments)


def _no_more_imports(*needed: ModuleType) -> None:
    """Import the modules that are ``needed`` last, and take all that is in memory out of garbage
    collection."""
    for module in needed:
        load(module)
    gc.enable()
    gc.freeze()  # modules live as long as the process: no use in looking for garbage in them


def _pre_push(arguments: list[str]) -> int:
    gc.enable()
    return commands.pre_push.pre_push(arguments, sys.stdin.buffer.read())


def _end(code: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(code)
