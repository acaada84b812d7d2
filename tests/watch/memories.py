"""Memories that tests write by hand: ``memory.h`` has their form."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from ckpt_git.watch.commands import ABSENT, CONTENT, FILE, FOLDER
from ckpt_git.watch.memory_file import MemoryFile
from ckpt_git.watch.memory_form import (
    EFFECT,
    ENTRY,
    HEADER,
    MAGIC,
    OBSERVATION,
    ORDER,
    PRINT,
    VARIES,
)

SOURCE = "/build/source"


@dataclass(frozen=True)
class Saw:
    """What a command saw of a path."""

    path: str
    mask: int = CONTENT
    kind: int = FILE
    content: str = ""


def missed(path: str) -> Saw:
    return Saw(path, 4, ABSENT)


def listed(path: str) -> Saw:
    return Saw(path, 0, FOLDER)


@dataclass(frozen=True)
class Made:
    """What a command left at a path."""

    path: str
    kind: int = FILE
    content: str = ""


@dataclass(frozen=True)
class Ran:
    """A command, ``words`` with a space between them, and those that it started."""

    words: str
    saw: Sequence[Saw] = ()
    made: Sequence[Made] = ()
    below: Sequence[Ran] = ()
    said: str = ""
    reason: str = ""
    flags: int = 1
    folder: str = SOURCE

    def whole(self) -> Iterator[Ran]:
        """It, and all that it started, in the order in which they began."""
        yield self
        for one in self.below:
            yield from one.whole()

    def all_made(self) -> list[Made]:
        """What it left, with all that it started: as the watcher has it."""
        made = dict[str, Made]()
        for one in (*(left for each in self.below for left in each.all_made()), *self.made):
            if one.kind == ABSENT and one.path in made:
                del made[one.path]
            else:
                made[one.path] = one
        return list(made.values())

    def all_saw(self) -> list[Saw]:
        """What it saw, with all that it started; not what those made themselves."""
        made, saw = set[str](), list(self.saw)
        for one in self.below:
            saw += (seen for seen in one.all_saw() if seen.path not in made)
            made |= {left.path for left in one.all_made()}
        return list(dict.fromkeys(saw))


@dataclass
class _Pool:
    texts: bytearray = field(default_factory=lambda: bytearray(b"\0"))
    known: dict[str, int] = field(default_factory=lambda: {"": 0})

    def text(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = self.put(text.encode() + b"\0")
        return self.known[text]

    def put(self, data: bytes) -> int:
        self.texts += data
        return len(self.texts) - len(data)


def _digest(content: str) -> bytes:
    return blake2b(content.encode(), digest_size=16).digest()


def written(*commands: Ran) -> bytes:
    """The file of a build that ran ``commands``."""
    pool = _Pool()
    seen: dict[Saw, int] = {}
    rows: list[int] = []
    entries, effects, prints = bytearray(), bytearray(), bytearray()
    every = [one for command in commands for one in command.whole()]
    for one in every:
        saw = one.all_saw()
        left = one.all_made() if not one.reason or one.flags & VARIES else []
        words = b"".join(word.encode() + b"\0" for word in one.words.split(" "))
        entries += ENTRY.struct.pack(
            *(_digest(one.words), bytes(16)),
            pool.text(f"/usr/bin/{one.words.split()[0]}"),
            *(pool.text(one.folder), pool.put(words), len(words), pool.text(one.reason)),
            *(len(list(one.whole())) - 1, len(rows), len(saw)),
            *(len(effects) // EFFECT.size, len(left)),
            *(len(prints) // PRINT.size, int(bool(one.said)), one.flags, 0, 5_000_000, -1),
        )
        rows += [seen.setdefault(one_seen, len(seen)) for one_seen in saw]
        for made in left:
            effects += EFFECT.struct.pack(
                *(pool.text(made.path), 0, made.kind, 0, 0, 0, 0o644, 0, 0, len(made.content), 0),
                _digest(made.content),
            )
        if one.said:
            at = pool.put(one.said.encode() + b"\0")
            prints += PRINT.struct.pack(at, len(one.said.encode()), 1)
    observations = b"".join(
        OBSERVATION.struct.pack(
            *(pool.text(saw.path), saw.mask, saw.kind, 0, len(saw.content)),
            *(_digest(saw.content), 0, 0, 0, 0, 0, 0, 0, 0),
        )
        for saw in seen
    )
    counts = (len(every), len(rows), len(seen), 0, len(effects) // EFFECT.size)
    header = HEADER.struct.pack(
        *(MAGIC, bytes(16), ORDER, *counts, len(prints) // PRINT.size, len(pool.texts))
    )
    numbers = struct.pack(f"={len(every)}I{len(rows)}I", *range(len(every)), *rows)
    return sealed(b"".join((header, entries, observations, effects, numbers, prints, pool.texts)))


def sealed(data: bytes) -> bytes:
    """The same with the digest that it has to have."""
    at = HEADER.offsets["digest"]
    rest = data[HEADER.offsets["order"] :]
    return data[:at] + blake2b(rest, digest_size=16).digest() + rest


def memory(*commands: Ran) -> MemoryFile:
    return MemoryFile(written(*commands))
