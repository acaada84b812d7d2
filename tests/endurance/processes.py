"""The processes that belong to a folder, by its name: what was started there, and builds in it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_OURS = (b"ckpt_git", b"ckpt-watch", b"bwrap", b"unshare")


@dataclass(frozen=True)
class Process:
    pid: int
    command: bytes

    @property
    def is_ours(self) -> bool:
        """One of ckpt's own, and none that a build runs, whose death is the build's affair."""
        return any(name in self.command for name in _OURS)

    def __str__(self) -> str:
        return f"{self.pid} {self.command.replace(bytes(1), b' ')[:160].decode(errors='replace')}"


def processes(name: str) -> list[Process]:
    """Those that have ``name`` in their command, folder or environment, or in what is bound into
    a mount namespace of their own; the oldest first. A zombie is none."""
    mine = Path("/proc/self/ns/mnt").readlink()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if command and _belongs(folder, command, os.fsencode(name), mine):
                    found.append(Process(int(folder.name), command))
    return sorted(found, key=lambda process: process.pid)


def _belongs(folder: Path, command: bytes, name: bytes, mine: Path) -> bool:
    if name in command or name in (folder / "environ").read_bytes():
        return True
    if name in os.fsencode((folder / "cwd").readlink()):
        return True
    if (folder / "ns" / "mnt").readlink() == mine:
        return False
    mounts = (folder / "mountinfo").read_bytes().splitlines()
    return any(name in line.split()[3] for line in mounts)


def kill(found: list[Process], number: int) -> None:
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def kill_all(name: str) -> None:
    """Until there is none."""
    while found := processes(name):
        kill(found, signal.SIGKILL)
        time.sleep(0.02)


def left(name: str, seconds: float) -> list[Process]:
    """Those that are still there after as many seconds."""
    deadline = time.monotonic() + seconds
    while found := processes(name):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)
    return []
