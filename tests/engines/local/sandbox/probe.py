"""Runs as a build and writes down what that build sees: part of a test, not a test itself."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pty
import socket
import sys
import tempfile
import termios
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
        "calls": {name: attempt(call) for name, call in CALLS.items()},
        "setuid": attempt(lambda: os.setuid(0)),
        "modes": {str(path): oct(Path(path).stat().st_mode) for path in (".", "folder", out)},
        "temporary": tempfile.gettempdir(),
    }


_libc = ctypes.CDLL(None, use_errno=True)


def _call(*names: str) -> Callable[[], object]:
    """A call by its name, with arguments that come to something else than ENOSYS."""
    number = NUMBERS[names[0]][os.uname().machine == "aarch64"]
    arguments = [ctypes.c_char_p(name.encode()) for name in names[1:]]

    def call() -> None:
        if _libc.syscall(number, *arguments, *([0] * (5 - len(arguments)))) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return call


def _push_text() -> None:
    """Into a terminal that is the process' own."""
    child, other = pty.fork()
    if child == 0:
        try:
            fcntl.ioctl(0, termios.TIOCSTI, b"x")
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    number = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(other)
    if number != 0:
        raise OSError(number, os.strerror(number))


NUMBERS = {
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
"""Numbers of calls, on x86-64 and on aarch64."""
CALLS = {
    **{name: _call(name) for name in NUMBERS},
    "add_key": _call("add_key", "user", "name", "x"),
    "request_key": _call("request_key", "user", "name", "x"),
    "vsock": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close(),
    "TIOCSTI": _push_text,
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


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:  # of a folder that this user may list and not enter
        return False


def _sockets(top: str) -> list[str]:
    found = []
    for folder, folders, files in os.walk(top):
        if folder == "/":
            folders[:] = [name for name in folders if name not in {"proc", "usr", "sys"}]
        found += [str(path) for name in files if _is_socket(path := Path(folder, name))]
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
