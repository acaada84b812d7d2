"""The three standard streams: made safe at the start, written to here and nowhere else.

Results go to standard output, everything else to standard error. That nobody reads on
(``| head``) is no error of a build: what is still to be said is dropped, and the exit code is
the one that the command would have had.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from ckpt_git.model.errors import CkptError


def prepare() -> None:
    """Make sure of all three: something is open behind each, and each can write any name.

    A closed one (``>&-``) would give its number to the next file that is opened, and what is
    printed would end up in that. File names come out as the bytes that they are.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - standard error
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or _reopened(1)
    sys.stderr = sys.stderr or _reopened(2)
    for stream in (sys.stdout, sys.stderr):
        utf8 = stream.encoding.lower().replace("-", "") == "utf8"
        stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")  # type: ignore[union-attr]


def _reopened(number: int) -> TextIO:
    return os.fdopen(number, "w", encoding="utf-8", closefd=False)


def out(text: str) -> None:
    """Print a line of the result."""
    write(sys.stdout, f"{text}\n")


def write_out(text: str) -> bool:
    """Print a piece of the result; False where nobody reads on."""
    return write(sys.stdout, text)


def say(text: str) -> None:
    """Print a line about the work."""
    write(sys.stderr, f"{text}\n")


def say_ckpt(text: str) -> None:
    """Print a line of our own among the output of a build."""
    say(f"ckpt: {text}")


def out_json(document: Mapping[str, Any]) -> None:
    """Print the one document of ``--json``; bytes that aren't UTF-8 are lone surrogates in it."""
    out(json.dumps({"version": 1, **document}, indent=2))


def write(stream: TextIO, text: str) -> bool:
    """Write and flush; False where nobody reads on.

    Raises ``CkptError`` where a result can't be written, on a full disk for one.
    """
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        _mute(stream)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise CkptError(f"can't write to standard output: {error.strerror}") from error
        return False
    return True


def finish() -> None:
    """Write out what libraries left in the buffers; the interpreter would complain on its own."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(CkptError):
            write(stream, "")


def is_abandoned() -> bool:
    """Whether nobody reads what is printed any more: poll(2), POLLERR at a pipe's end."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    return any(told & select.POLLERR for _, told in poll.poll(0))


def _mute(stream: TextIO) -> None:
    """From here on ``stream`` leads nowhere, and so does what waits in its buffer."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
    stream.flush()
