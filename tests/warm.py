"""``git ckpt`` in a process that has imported all of it, and forks for each call.

A start takes several times what most commands do, and the tests call thousands. What is forked is
the command with its own environment, folder, limits and standard streams, through ``main`` to its
``os._exit``. Who tests the start itself, or what Python makes of the environment, starts a process.
"""

from __future__ import annotations

import atexit
import marshal
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ckpt_git.cli import main
from ckpt_git.lazy_imports import LAZY, load

ROOT = Path(__file__).parent.parent

_AT_START = ("PYTHON", "LC_", "LANG", "LD_")
"""What variables begin with that count when a process starts, and no longer after that."""


class Ended(NamedTuple):
    """How a command ended: as ``subprocess.CompletedProcess``."""

    returncode: int
    stdout: bytes
    stderr: bytes


def fits(environment: Mapping[str, str]) -> bool:
    """Whether a fork of the warm process does what a process of its own would do."""
    ours = {**os.environ, "PYTHONPATH": environment.get("PYTHONPATH", "")}
    names = {name for name in (*environment, *ours) if name.startswith(_AT_START)}
    return all(environment.get(name) == ours.get(name) for name in names)


def run(
    arguments: Sequence[str | bytes],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes,
    timeout: float,
) -> Ended:
    """Run ``git ckpt ARGUMENTS``, as ``subprocess.run`` does. Raises ``TimeoutExpired``."""
    server = _server()
    with ExitStack() as stack:
        ours, theirs = [], []
        for number in range(3):
            reading, writing = os.pipe()
            ours.append(writing if number == 0 else reading)
            theirs.append(reading if number == 0 else writing)
        for number in ours:
            stack.callback(os.close, number)
        request = marshal.dumps(
            {
                "arguments": [os.fsencode(word) for word in arguments],
                "cwd": os.fsencode(cwd),
                "env": {os.fsencode(name): os.fsencode(value) for name, value in env.items()},
                "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                "umask": _umask(),
            }
        )
        socket.send_fds(server, [len(request).to_bytes(8, "little")], theirs)
        server.sendall(request)
        for number in theirs:
            os.close(number)
        try:
            said = _communicate(ours, stdin, time.monotonic() + timeout)
        except TimeoutError:
            _server.cache_clear()
            raise subprocess.TimeoutExpired(list(arguments), timeout) from None
    code = int.from_bytes(_receive(server, 8), "little", signed=True)
    return Ended(code, *said)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _communicate(streams: list[int], stdin: bytes, deadline: float) -> tuple[bytes, bytes]:
    """Write ``stdin`` to the first stream and read the others to their end; closes the first."""
    said: dict[int, bytes] = {streams[1]: b"", streams[2]: b""}
    open_streams = set(said)
    with selectors.DefaultSelector() as waiting:
        for stream in said:
            waiting.register(stream, selectors.EVENT_READ)
        if stdin:
            os.set_blocking(streams[0], False)
            waiting.register(streams[0], selectors.EVENT_WRITE)
        else:
            _close(streams)
        while open_streams:
            ready = waiting.select(deadline - time.monotonic())
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if key.fd in said:
                    chunk = os.read(key.fd, 1 << 16)
                    said[key.fd] += chunk
                    if not chunk:
                        waiting.unregister(key.fd)
                        open_streams.discard(key.fd)
                    continue
                try:
                    stdin = stdin[os.write(key.fd, stdin[: 1 << 16]) :]
                except BrokenPipeError:
                    stdin = b""
                if not stdin:
                    waiting.unregister(key.fd)
                    _close(streams)
    return said[streams[1]], said[streams[2]]


def _close(streams: list[int]) -> None:
    """Close the first of ``streams``, so that its reader sees the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, streams[0])
    os.close(null)


@cache
def _server() -> socket.socket:
    """The connection to the warm process of this test run."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [
            sys.executable,
            "-P",
            "-c",
            f"from tests.warm import serve; serve({theirs.fileno()})",
        ]
        subprocess.Popen(  # ends when the connection does
            command,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
    atexit.register(ours.close)
    return ours


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


# --- the warm process ----------------------------------------------------------------------------


def serve(number: int) -> None:
    """Carry out what comes through the socket ``number``, one after the other, until it closes."""
    connection = socket.socket(fileno=number)
    connection.set_inheritable(False)
    _import_all()
    while True:
        head, streams, _, _ = socket.recv_fds(connection, 8, 3)
        if not head:
            return
        size = int.from_bytes(head + _receive(connection, 8 - len(head)), "little")
        request = marshal.loads(_receive(connection, size))
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(request, streams)
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(code.to_bytes(8, "little", signed=True))


def _import_all() -> None:
    for name in (*LAZY, "ckpt_git.cli.app", "ckpt_git.engines.local", "ckpt_git.engines.nix"):
        load(import_module(name))


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Be the command. Doesn't return."""
    try:
        for standard, stream in enumerate(streams):
            os.dup2(stream, standard)
        os.closerange(3, max(streams) + 1)
        encoding = sys.stdout.encoding
        sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, encoding=encoding, closefd=False)
        os.environb.clear()
        os.environb.update(request["env"])
        os.chdir(request["cwd"])
        os.umask(request["umask"])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (request["files"], hard))
        sys.argv = [str(ROOT / "ckpt_git" / "__main__.py"), *map(os.fsdecode, request["arguments"])]
        main()
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    finally:
        os.kill(os.getpid(), signal.SIGKILL)  # never reached: main ends the process
