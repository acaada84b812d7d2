"""Start a process that nobody waits for, and be one.

An inherited descriptor would make ``git commit`` wait. A shared session, or a signal, would let its
terminal end the build. This module gives all of that up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ckpt_git.builds.background.descendants import adopt_orphans
from ckpt_git.model.errors import MissingError
from ckpt_git.process import ProcessError, clean_environment, popen, run
from ckpt_git.records.runs import mark_starting
from ckpt_git.records.state import State

NICE = 10
"""By how much a builder's priority is lowered before it starts, as hooks/background.sh does it."""

_LOWEST = 19  # nice(2)

IO_CLASSES = {"best-effort": ("-c2", "-n7"), "idle": ("-c3",), "none": ("-c0",)}
"""The values of ``git config ckpt.ioClass``, the default first, and ionice(1)'s options for
each."""

DETACHED = "--detached"
"""The option of ``git ckpt hook EVENT`` for callers that don't wait for it."""

FROM = "--from"
"""The option before it, with the top of the work tree. The process isn't started in that folder, as
somebody may be removing it."""


def spawn_builder(
    state: State, root: Path, event: str = "drain", arguments: Sequence[str] = ()
) -> None:
    """Start a builder that outlives this process and holds none of its descriptors.

    It first puts into the queue what ``event`` asks for; ``drain`` asks for nothing.
    ``root`` is the top of a work tree of the repository. Raises ``MissingError``.
    """
    mark_starting(state)
    # -P: a repository's own json.py must not be imported because a builder starts in its folder.
    python = ("nice", "-n", str(NICE), sys.executable, "-P", "-m", "ckpt_git")
    told = ("hook", event, FROM, str(root), DETACHED, *arguments)
    popen([*python, *told], env=clean_environment(), cwd="/")


def detach() -> None:
    """Leave the terminal and all that the starter left open. Call it before a file is opened.

    From here on SIGTERM does what Ctrl-C does in the foreground, so that an engine has one way to
    clean up. A shell's ``&`` and hooks/background.sh make the process ignore signals. That is
    undone, as a build would inherit it.
    """
    with suppress(PermissionError):  # it leads a session already
        os.setsid()
    close_descriptors()
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    adopt_orphans()


def lower_priority(nice: int, io_class: str) -> None:
    """Lower this process's priority: nice(2), ionice(1). ``nice`` is added to the present value;
    only root can use a negative one. Best effort, as not every system has both."""
    with suppress(OSError):
        os.nice(nice)
    with suppress(MissingError, ProcessError):
        run(["ionice", *IO_CLASSES[io_class], "-p", str(os.getpid())])


def give_way() -> None:
    """Give this process the lowest priority. It can't be raised again."""
    lower_priority(_LOWEST, "idle")


def close_descriptors() -> None:
    """Close all that was inherited. A shell can close the first ten only, and a ``flock 200``
    around a commit has a higher one."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for descriptor in _descriptors():
        if descriptor > 2:  # noqa: PLR2004 - the last standard one
            with suppress(OSError):
                os.close(descriptor)


def _descriptors() -> list[int]:
    """The open descriptors. To try each number would take minutes where the limit is 10⁹."""
    try:
        return [int(link.name) for link in Path("/proc/self/fd").iterdir()]
    except FileNotFoundError:
        return list(range(256))


def _interrupt(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # once is enough: clearing up isn't to be interrupted
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: object) -> None:
    """Unlike SIG_IGN, this isn't inherited by what is started while clearing up."""
