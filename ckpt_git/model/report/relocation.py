"""Replace a build's own paths in its messages by the user's, so that an editor can jump there.

Pure: what is on disk and what a tree holds is asked through functions that are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from posixpath import join, normpath

# Colours and other control sequences (ECMA-48): a build has no terminal, so nobody asked for them.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")

# GNU make, option -w, and ninja, option -C.
_MOVING = re.compile(r"^(?:\w*make(?:\[\d+\])?|ninja): (Entering|Leaving) directory [`'](.*)'$")

# A file and a line, as compilers and linkers, rustc, CMake, Python and tsc name them.
_PLACES = (
    re.compile(
        r"^(?P<before>\s*(?:--> |In file included from |from |thread '.*' panicked at "
        r"|CMake (?:Error|Warning|Deprecation Warning)(?: \(dev\))? at )?)"
        r"(?P<path>[^\s:/'\"(][^:'\"]*)(?P<place>:\d+)(?=[:,. ]|$)"
    ),
    re.compile(r"^(?P<before>)(?P<path>[^\s:/(][^:]*)(?P<place>:)(?= (?:In|At) )"),
    re.compile(r"^(?P<before>\s*File \")(?P<path>[^/\"][^\"]*)(?P<place>\", line \d+)"),
    re.compile(r"^(?P<before>)(?P<path>[^\s:/(][^:(]*)(?P<place>\(\d+,\d+\))(?=: )"),
)
# What follows the folder of the build in a path: up to a line number, or to what can't be in one.
_TO_NUMBER = re.compile(r"[^:]+(?=:\d)")
_TO_DELIMITER = re.compile(r"[^\s:;,'\"`()<>\[\]‘’]*")  # noqa: RUF001 - gcc's own quotes


def plain(text: str) -> str:
    """``text`` without control sequences."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def _no_paths() -> Iterable[str]:
    return ()


@dataclass(slots=True)
class Relocation:
    """Turns the paths of one build into the user's, line by line.

    ``built`` is where the sources lay for the build, ``own`` the same folder of the user's (empty
    where there is none), ``exists`` tells whether a path below ``own`` is there, and ``paths``
    gives all files of the tree. What a build generated stays named as the build has it: the
    user has no such file. Compilers name files relative to the folder they run in, so it
    remembers what make and ninja say about that; where nothing was said, a file counts that
    alone in the tree ends in what was named.
    """

    built: str
    own: str
    exists: Callable[[str], bool]
    paths: Callable[[], Iterable[str]] = _no_paths
    _entered: list[str] = field(default_factory=list)
    _known: dict[str, bool] = field(default_factory=dict)
    _found: dict[str, str | None] = field(default_factory=dict)

    def line(self, text: str) -> str:
        """One line of output, as the user should see it."""
        text = plain(text)
        if not self.own:
            return text
        if "directory" in text and (moving := _MOVING.match(text)):
            self._move(moving[1], moving[2])
        if self.built in text:
            return self._absolute(text)
        for form in _PLACES:
            if (match := form.match(text)) and (path := self._relative(match["path"])) is not None:
                return f"{match['before']}{join(self.own, path)}{text[match.start('place') :]}"
        return text

    def _move(self, direction: str, folder: str) -> None:
        if direction == "Entering":
            self._entered.append(join(self._folder, folder))
        elif folder in self._entered:  # jobs in parallel enter and leave in any order
            del self._entered[len(self._entered) - 1 - self._entered[::-1].index(folder)]

    @property
    def _folder(self) -> str:
        return self._entered[-1] if self._entered else self.built

    def _absolute(self, text: str) -> str:
        """Every path below ``built`` that the user has, too."""
        before, *rests = text.split(self.built)
        return before + "".join(self._moved(rest) for rest in rests)

    def _moved(self, rest: str) -> str:
        for form in (_TO_NUMBER, _TO_DELIMITER):
            match = form.match(rest, 1)
            if rest[:1] == "/" and match and self._is_there(normpath(match[0] or ".")):
                return self.own + rest
        ends = not rest or _TO_DELIMITER.match(rest, 0, 1)[0] == ""  # type: ignore[index]
        return (self.own if ends else self.built) + rest

    def _relative(self, path: str) -> str | None:
        """The user's file that ``path`` means, relative to ``own``."""
        for folder in dict.fromkeys((*self._entered[::-1], self.built, f"{self.built}/build")):
            full = normpath(join(folder, path))
            below = full.removeprefix(f"{self.built}/")
            if below != full and self._is_there(below):
                return below
        return self._only_one(path)

    def _only_one(self, path: str) -> str | None:
        """The one file of the tree whose path ends in ``path``."""
        if path not in self._found:
            end = normpath(path)
            while end.startswith("../"):
                end = end[3:]
            ending = f"/{end}"
            found = [p for p in self.paths() if p == end or p.endswith(ending)]
            self._found[path] = found[0] if len(found) == 1 and self._is_there(found[0]) else None
        return self._found[path]

    def _is_there(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = self.exists(path)
        return self._known[path]
