"""A build's commands as a memory has them: what each found, left at a path and printed."""

from __future__ import annotations

from typing import NamedTuple

ABSENT, FILE, FOLDER, LINK, OTHER = range(1, 6)
"""What a path is."""
CONTENT, STAT, EXISTS, LINK_TEXT, SIZE_CLASS, DATE = 1, 2, 4, 8, 16, 32
"""What a command wanted to know of a path; nothing of it: it listed a folder."""


class Command(NamedTuple):
    """A program that was run, with all that it started: ``below`` counts those that follow it and
    are of its own making. ``reason`` says why it can't be answered. ``varies`` where it gave
    another result on the same inputs, ``is_incomplete`` where not all of it was seen."""

    number: int
    program: str
    arguments: tuple[str, ...]
    folder: str
    reason: str | None
    below: int
    varies: bool
    is_incomplete: bool
    seconds: float

    @property
    def name(self) -> str:
        """The program's own name."""
        return (self.arguments[0] if self.arguments else self.program).rpartition("/")[2]


class Observation(NamedTuple):
    """What a command found at a path when it began. ``mask`` has what it wanted to know."""

    path: str
    is_nofollow: bool
    mask: int
    kind: int
    mode: int
    size: int
    digest: bytes
    date: int

    @property
    def is_listing(self) -> bool:
        return self.mask == 0

    @property
    def is_file(self) -> bool:
        """Whether a file or a link was found."""
        return self.kind in {FILE, LINK}

    @property
    def is_read(self) -> bool:
        """Whether it matters what is in it, or where it leads."""
        return self.is_file and bool(self.mask & (CONTENT | LINK_TEXT))


class Effect(NamedTuple):
    """What a command left at a path. ``target`` is a link's, or the other name of the file;
    ``mtime`` is 0 for a date that was the moment's."""

    path: str
    target: str
    is_in_place: bool
    is_further_name: bool
    kind: int
    mode: int
    size: int
    mtime: int
    digest: bytes


class Print(NamedTuple):
    """What a command printed."""

    descriptor: int
    text: bytes
