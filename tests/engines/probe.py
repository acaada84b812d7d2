"""Runs as a build and writes down what that build sees: part of a test, not a test itself."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def report(looked_for: dict[str, list[str]], port: int, out: Path) -> dict[str, Any]:
    """What is there. ``port`` is one on which the host listens at 127.0.0.1."""
    umask = os.umask(0)
    os.umask(umask)
    return {
        "there": {path: Path(path).exists() for path in looked_for["there"]},
        "writable": _each(_write, looked_for["writable"]),
        "rewritten": _each(_rewrite, looked_for["rewritten"]),
        "devices": _each(_device, looked_for["devices"]),
        "environment": dict(os.environ),
        "root": _names("/"),
        "sockets": _sockets("/"),
        "umask": umask,
        "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
        "groups": os.getgroups(),
        "hostname": socket.gethostname(),
        "stdin": sys.stdin.read(),
        "descriptors": _names("/proc/self/fd")[:-1],  # the last one reads that folder
        "processes": [int(name) for name in _names("/proc") if name.isdigit()],
        "interfaces": [name for _, name in socket.if_nameindex()],
        "host": attempt(lambda: socket.create_connection(("127.0.0.1", port), 2).close()),
        "loopback": attempt(_talk_to_itself),
        "shared memory": attempt(_share_memory),
        "setuid": attempt(lambda: os.setuid(0)),
        "modes": {str(path): oct(Path(path).stat().st_mode) for path in (".", "folder", out)},
        "temporary": tempfile.gettempdir(),
    }


def attempt(act: Callable[[], object]) -> str:
    """``done``, or what went wrong."""
    try:
        act()
    except OSError as error:
        return type(error).__name__ if error.errno is None else os.strerror(error.errno)
    return "done"


def _each(act: Callable[[Path], object], paths: Iterable[str]) -> dict[str, str]:
    found = {}
    for path in paths:
        found[path] = attempt(lambda path=path: act(Path(path)))  # type: ignore[misc]
    return found


def _names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def _write(folder: Path) -> None:
    path = folder / f"ckpt-test-{os.getpid()}"
    path.touch(exist_ok=False)
    path.unlink()


def _rewrite(path: Path) -> None:
    """Write what is there already, so that nothing is harmed where that works."""
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content)


def _device(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        file.write(b"x")


def _sockets(top: str) -> list[str]:
    found = []
    for folder, folders, files in os.walk(top):
        if folder == "/":
            folders[:] = [name for name in folders if name not in {"proc", "usr", "sys"}]
        found += [str(path) for name in files if (path := Path(folder, name)).is_socket()]
    return found


def _talk_to_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 2).close()


def _share_memory() -> None:
    path = Path("/dev/shm/ckpt-test")
    path.touch(exist_ok=False)
    path.unlink()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    found = report(json.loads(sys.argv[2]), int(sys.argv[3]), target.parent)
    target.write_text(json.dumps(found), encoding="utf-8")
