"""What a person sees while a build runs: its output, and one line below that is kept up to date."""

from __future__ import annotations

import shutil
import threading
import time
from types import TracebackType
from typing import TextIO

from ckpt_git.engines.protocol import Event

_TICK = 0.25  # seconds
_MARGIN = 1


class Live:
    """Shows events on ``stream``. On a terminal the last line tells phase, seconds, last output."""

    def __init__(self, stream: TextIO, *, show_output: bool) -> None:
        self._stream = stream
        self._show_output = show_output
        self._terminal = stream.isatty()
        self._began = time.monotonic()
        self._package = self._phase = self._last = ""
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
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def announce(self, package: str, event: Event) -> None:
        """Show one event of a package's build."""
        with self._lock:
            self._package = package
            if event.kind == "phase":
                self._phase = event.text
            elif event.kind == "line":
                self._last = event.text
                if self._show_output:
                    self._write(event.text)
            elif event.kind in {"note", "failed"}:
                self._write(f"ckpt: {package}: {event.text}")
            self._draw()

    def _write(self, text: str) -> None:
        before = "\r\x1b[K" if self._terminal else ""
        self._stream.write(f"{before}{text}\n")

    def _draw(self) -> None:
        if not self._terminal or not self._package:
            return
        seconds = time.monotonic() - self._began
        phase = self._phase or "preparing"
        text = f"{self._package}  {phase}  {seconds:.1f} s  {self._last.strip()}"
        width = shutil.get_terminal_size().columns - _MARGIN
        self._stream.write(f"\r\x1b[K{_printable(text)[:width]}")
        self._stream.flush()

    def _tick(self) -> None:
        while not self._done.wait(_TICK):
            with self._lock:
                self._draw()


def _printable(text: str) -> str:
    """Without control characters: a build's colours and tabs would break the one line."""
    return "".join(c if c.isprintable() else " " for c in text)
