"""What a person sees while a build runs: its output, and one line below that is kept up to date.

Writes to the stream that it is given, from two threads; whoever uses it prints nothing else
meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from ckpt_git.cli.output.streams import write
from ckpt_git.engines.protocol import Event
from ckpt_git.model.report.display_names import printable

_TICK = 0.25  # seconds
_SCREEN = 24  # lines; what was printed within so many is still to be seen
_WIDTH = 80  # columns, where the terminal doesn't tell
_CLEAR = "\r\x1b[K"


class Live:
    """Shows events on ``stream``. On a terminal the last line tells phase, seconds, last output.

    The build that confirms a failure prints the same once more: that is not shown again.
    """

    def __init__(self, stream: TextIO, *, show_output: bool) -> None:
        self._stream = stream
        self._show_output = show_output
        self._terminal = stream.isatty() and os.environ.get("TERM") not in {None, "", "dumb"}
        self._began = time.monotonic()
        self._package = self._phase = self._last = ""
        self._failed: str | None = None
        self._recent: deque[str] = deque(maxlen=_SCREEN)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Live:
        if self._terminal:
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._terminal:
            self._ticker.join()
            write(self._stream, _CLEAR)

    def announce(self, package: str, event: Event) -> None:
        """Show one event of a package's build."""
        with self._lock:
            self._package = package
            if event.kind == "phase":
                self._phase, self._last = event.text, ""
                self._show()
            elif event.kind == "line":
                self._hear(event.text)
            elif event.kind in {"note", "failed"}:
                self._failed = package if event.kind == "failed" else self._failed
                self._show(f"ckpt: {package}: {event.text}")
            elif event.kind == "error" and not self._show_output:
                self._recent.append(printable(event.text))
                self._show(printable(event.text))

    def has_just_shown(self, lines: Sequence[str]) -> bool:
        """Whether all of ``lines`` are still to be seen above."""
        return set(map(printable, lines)) <= set(self._recent)

    def _hear(self, text: str) -> None:
        self._last = printable(text)
        if self._show_output and self._failed != self._package:
            self._recent.append(self._last)
            self._show(self._last)

    def _show(self, line: str | None = None) -> None:
        """Print ``line``, if there is one, above the live line."""
        above = "" if line is None else f"{line}\n"
        if self._terminal:
            write(self._stream, f"{_CLEAR}{above}{self._live()}")
        elif above:
            write(self._stream, above)

    def _live(self) -> str:
        seconds = time.monotonic() - self._began
        phase = self._phase or "preparing"
        text = f"{self._package}  {phase}  {seconds:.1f} s  {self._last.strip()}"
        return fitting(text.expandtabs(1).rstrip(), self._columns() - 1)

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _WIDTH
        except OSError:
            return _WIDTH

    def _tick(self) -> None:
        while not self._done.wait(_TICK):
            with self._lock:
                if self._package:
                    self._show()


def width_of_results() -> int | None:
    """The columns of the terminal on which results are printed; None where it is none."""
    if not sys.stdout.isatty():
        return None

    return shutil.get_terminal_size().columns


def fitting(text: str, width: int | None) -> str:
    """The beginning of ``text`` that takes up at most ``width`` columns; all of it for None."""
    if width is None or text.isascii():
        return text[:width]
    import unicodedata  # noqa: PLC0415 - most lines are ASCII

    taken = 0
    for end, character in enumerate(text):
        wide = unicodedata.east_asian_width(character) in "WF"
        taken += 0 if unicodedata.combining(character) else 1 + wide
        if taken > width:
            return text[:end]
    return text
