"""A build's messages, in the paths of the user's own files, and the few that say why it failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from posixpath import join, normpath

_ENTERING = re.compile(r"(?:g?make(?:\[\d+\])?|ninja): (Entering|Leaving) directory [`'](.*?)'")
# path:line or path:line:column at the start of a message, or behind rustc's arrow.
_PLACE = re.compile(
    r"^(\s*(?:--> |In file included from |\s+from )?)([^\s:()'\"]+)(:\d+)(?=[:,]|$)"
)
_ERROR = re.compile(
    r"(?:^|[\s:\])])(?:fatal error|error|Error|ERROR|FAILED|undefined reference|panicked)\b"
    r"|\*\*\* |: not found$|command not found|No rule to make|No such file or directory"
    r"|assertion .* failed|cannot find -l",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(?:make(?:\[\d+\])?: \*\*\* \[|make(?:\[\d+\])?: (?:Leaving|Entering)|=== )")
SHOWN_LINES = 20


@dataclass(slots=True)
class Relocation:
    """Turns paths of the build into the user's.

    ``built`` is where the sources lay for the build, ``own`` where they are for the user,
    ``exists`` tells whether a path relative to ``own`` is there. It remembers which folder make
    and ninja say they are in, since compilers name files relative to that.
    """

    built: str
    own: str
    exists: Callable[[str], bool]
    _folders: list[str] = field(default_factory=list)

    def line(self, text: str) -> str:
        """One line of output, as the user should see it."""
        entered = _ENTERING.search(text)
        if entered:
            self._move(entered[1], entered[2])
        if not self.own:
            return text
        moved = text.replace(self.built + "/", self.own.rstrip("/") + "/")
        if moved == text:
            moved = _PLACE.sub(self._absolute, text)
        return moved

    def _move(self, direction: str, folder: str) -> None:
        if direction == "Entering":
            self._folders.append(folder)
        elif folder in self._folders:
            del self._folders[len(self._folders) - 1 - self._folders[::-1].index(folder) :]

    def _absolute(self, match: re.Match[str]) -> str:
        before, path, place = match.groups()
        if path.startswith("/"):
            return match[0]
        for folder in [*reversed(self._folders), self.built, join(self.built, "build")]:
            relative = self._below(normpath(join(self.built, folder, path)))
            if relative is not None and self.exists(relative):
                return f"{before}{join(self.own, relative)}{place}"
        return match[0]

    def _below(self, path: str) -> str | None:
        prefix = self.built + "/"
        return path[len(prefix) :] if path.startswith(prefix) else None


def error_lines(log: str, relocation: Relocation) -> Sequence[str]:
    """The lines of a failed build's log that show why, at most ``SHOWN_LINES``, in user's paths.

    From the first error on, with what the compiler shows below it; without one, the end.
    """
    lines = [relocation.line(line) for line in _last_attempt(log)]
    told = [line for line in lines if not line.startswith("=== ")]
    for number, line in enumerate(told):
        if _ERROR.search(line) and not _NOISE.match(line):
            first = number
            while first and told[first - 1].startswith(
                ("In file included", "                 from")
            ):
                first -= 1
            return _trimmed(told[first : first + SHOWN_LINES])
    return _trimmed(told[-SHOWN_LINES:])


def _last_attempt(log: str) -> Iterator[str]:
    """The lines since the last attempt began: a log holds a confirmation below the first try."""
    _, mark, last = log.rpartition("=== confirming with a clean build\n")
    yield from (last if mark else log).splitlines()


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
