"""Find all processes that a process started, in /proc, and end them.

A build may start sessions of its own, daemons and wrappers, so neither its process group nor its
session holds everything. What stays true is descent: a builder adopts orphans (prctl(2),
PR_SET_CHILD_SUBREAPER), so whatever it started is below it for as long as it lives. Where there
is no /proc, nothing is found, and the engine's own clean-up is what there is.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from ckpt_git import waiting
from ckpt_git.records.runs import process_started

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_KILLED_SECONDS = 2.0  # one that waits for a disk may take longer
_PARENT = 4 - 3  # field of /proc/PID/stat after "PID (COMM) ": proc(5)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends; Linux only."""

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Have SIGTERM sent to this process when its parent ends, however that ends; Linux only."""

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """The processes below ``pid``, parents before children."""
    children = _children()
    found, position = list(children[pid]), 0
    while position < len(found):
        found += children[found[position]]
        position += 1
    return found


def kill_descendants(pid: int) -> None:
    """End all below ``pid`` at once; ``pid`` itself goes on."""
    _kill(_stop(pid, set()))


def kill_tree(pid: int) -> None:
    """End ``pid`` and all below it at once."""
    _signal(pid, signal.SIGSTOP)
    _kill(_stop(pid, {pid}))


def _stop(pid: int, stopped: set[int]) -> set[int]:
    """Stop all below ``pid`` until no new ones show up: what is stopped can't start anything."""
    while new := [child for child in descendants(pid) if child not in stopped]:
        for child in new:
            _signal(child, signal.SIGSTOP)
        stopped.update(new)
    return stopped


def _kill(pids: set[int]) -> None:
    """End them, and wait until they have: a signal is sent sooner than it is seen to."""
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    for _ in waiting.turns(_KILLED_SECONDS, 0.002):
        if all(process_started(pid) is None for pid in pids):
            break


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _children() -> defaultdict[int, list[int]]:
    """The processes that run, by their parents."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    with suppress(FileNotFoundError):
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with suppress(OSError, ValueError, IndexError):
                    stat = (folder / "stat").read_bytes()
                    fields = stat[stat.rindex(b")") + 2 :].split()
                    children[int(fields[_PARENT])].append(int(folder.name))
    return children
