"""Find the line of a TOML text on which a key stands; ``tomllib`` doesn't tell.

Pure, and used only on the way to an error message: reading a good file costs nothing here. The
text has been accepted by ``tomllib``, so the scanner trusts it to be well formed and only keeps
track of where strings, comments, arrays and inline tables begin and end.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

KeyPath = tuple[str, ...]

# Multi-line forms first: `"""` would else be taken for an empty string and the start of another.
# Up to two quotes before the closing three belong to the string (TOML 1.0, String).
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]*")
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) on which each key or table of a valid TOML ``text`` stands first."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """A position in the text, and the lines of the keys seen so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[KeyPath, int] = {}
        self._line, self._counted = 1, 0

    def document(self) -> None:
        table: KeyPath = ()
        while self.skip(_BLANK_LINES) < len(self.text):
            if self.text[self.position] == "[":
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> KeyPath:
        opening = 2 if self.text.startswith("[[", self.position) else 1
        self.position += opening
        path = self.key(())
        self.position += opening
        return path

    def pair(self, table: KeyPath) -> None:
        path = self.key(table)
        self.position += len("=")
        self.value(path)

    def key(self, table: KeyPath) -> KeyPath:
        """Read a dotted key, note its line for each table it names, and return its full path."""
        path = table
        while True:
            self.skip(_BLANK)
            path = (*path, self.key_part())
            self.lines.setdefault(path, self.line())
            self.skip(_BLANK)
            if self.text[self.position] != ".":
                return path
            self.position += len(".")

    def line(self) -> int:
        """The line of the position, counted on from where it was last asked for."""
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def key_part(self) -> str:
        quoted = self.text[self.position] in "\"'"
        raw = self.take(_STRING if quoted else _BARE_KEY)
        return str(tomllib.loads(f"key = {raw}")["key"]) if quoted else raw

    def value(self, path: KeyPath) -> None:
        self.skip(_BLANK)
        opening = self.text[self.position]
        if opening in "\"'":
            self.take(_STRING)
        elif opening == "{":
            self.sequence("}", lambda: self.pair(path))
        elif opening == "[":
            self.sequence("]", lambda: self.value(path))
        else:
            self.take(_BARE_VALUE)

    def sequence(self, closing: str, item: Callable[[], None]) -> None:
        """Walk an array or an inline table: items, commas, and what may stand between them."""
        self.position += 1
        while self.text[self.skip(_BLANK_LINES)] != closing:
            if self.text[self.position] == ",":
                self.position += 1
            else:
                item()
        self.position += 1

    def skip(self, pattern: re.Pattern[str]) -> int:
        self.take(pattern)
        return self.position

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        assert match is not None, "tomllib accepted this text"
        self.position = match.end()
        return match.group()
