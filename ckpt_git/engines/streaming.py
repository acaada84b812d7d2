"""A process's output as it comes, and the end of a process: what engines share."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import IO

_CHUNK = 1 << 16


def read(stream: IO[bytes], deadline: float | None, take: Callable[[bytes], object]) -> bool:
    """Give what ``stream`` has to ``take`` until it ends; True where ``deadline`` (monotonic)
    came first."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not selector.select(left):
                return True
            chunk = os.read(stream.fileno(), _CHUNK)
            if not chunk:
                return False
            take(chunk)
            if deadline is not None and time.monotonic() > deadline:
                return True


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it started: politely, then for good.

    The local engine's ``sandbox/init.py`` ends last: it waits for the pid namespace or, as all
    orphans below it become its children, for every process that is left. Nix' commands end the
    builders that they have started, or have the daemon do it.
    """
    for name, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
        if process.poll() is None:
            process.send_signal(name)
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue
