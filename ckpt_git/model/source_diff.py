"""What a tree holds, and what differs between two trees.

A path is a ``str`` in which bytes that are not UTF-8 are surrogate escapes (``os.fsdecode``),
relative to the folder that is built, with ``/`` between its parts. Submodules are followed:
their files stand in a manifest like any other, and no entry has git's mode 160000.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

LINK = "120000"
"""git's mode of a symbolic link."""


class Entry(NamedTuple):
    """One file of a tree: git's mode (``100644``, ``100755``, ``120000``) and its blob's id."""

    mode: str
    oid: str


Manifest = Mapping[str, Entry]
"""All files of a tree by path. A checkpoint carries one, so it outlives its base's objects."""


@dataclass(frozen=True, slots=True)
class SourceDiff:
    """What changed from one tree to another.

    ``modified`` has the new entry of every path that both trees hold with another content,
    mode or type. A rename is a deletion and an addition.
    """

    added: Mapping[str, Entry] = field(default_factory=dict)
    modified: Mapping[str, Entry] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()

    @classmethod
    def between(cls, old: Manifest, new: Manifest) -> SourceDiff:
        """The changes that lead from ``old`` to ``new``."""
        return cls(
            added={path: entry for path, entry in new.items() if path not in old},
            modified={path: entry for path, entry in new.items() if old.get(path, entry) != entry},
            deleted=tuple(path for path in old if path not in new),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.deleted)

    def __len__(self) -> int:
        return len(self.added) + len(self.modified) + len(self.deleted)

    def paths(self) -> Iterator[str]:
        """Every path that is touched, each once."""
        yield from self.added
        yield from self.modified
        yield from self.deleted

    def names(self) -> list[str]:
        """The last parts of these paths, each once, sorted."""
        return sorted({path.rsplit("/", 1)[-1] for path in self.paths()})

    @property
    def written(self) -> tuple[str, ...]:
        """The paths whose content has to be written: added and modified ones."""
        return (*self.added, *self.modified)

    @property
    def changes_attributes(self) -> bool:
        """Whether a file that isn't named may come out of git differently all the same, by a
        ``.gitattributes`` that is: gitattributes(5).

        Ask before ``without``: an ignored one rules files that are not.
        """
        return any(path.rsplit("/", 1)[-1] == ".gitattributes" for path in self.paths())

    def without(self, ignored: Callable[[str], bool]) -> SourceDiff:
        """The diff without the paths for which ``ignored`` returns True."""
        return SourceDiff(
            added={p: e for p, e in self.added.items() if not ignored(p)},
            modified={p: e for p, e in self.modified.items() if not ignored(p)},
            deleted=tuple(p for p in self.deleted if not ignored(p)),
        )

    def counts(self) -> dict[str, int]:
        """``{"added", "modified", "deleted"}`` in numbers of files, as ``--json`` has it."""
        return {
            "added": len(self.added),
            "modified": len(self.modified),
            "deleted": len(self.deleted),
        }


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test for paths against glob patterns as ``ckpt.toml`` has them.

    ``**`` crosses folders, ``*`` and ``?`` do not; a pattern without a slash matches a file's
    name at any depth, as in gitignore(5); one that ends in a slash means all below that folder.
    """
    compiled = [re.compile(_translate(pattern), re.DOTALL) for pattern in patterns]
    return lambda path: any(regex.fullmatch(path) for regex in compiled)


def _translate(pattern: str) -> str:
    anchored = pattern.rstrip("/").find("/") >= 0
    body = pattern.lstrip("/")
    if body.endswith("/"):
        body += "**"
    out = "" if anchored else "(?:.*/)?"
    position = 0
    while position < len(body):
        if body.startswith("**/", position):
            out, position = out + "(?:.*/)?", position + 3
        elif body.startswith("**", position):
            out, position = out + ".*", position + 2
        elif body[position] == "*":
            out, position = out + "[^/]*", position + 1
        elif body[position] == "?":
            out, position = out + "[^/]", position + 1
        elif body[position] == "[" and "]" in body[position + 2 :]:
            end = body.index("]", position + 2) + 1
            out += "(?!/)" + fnmatch.translate(body[position:end])[4:-3]
            position = end
        else:
            out, position = out + re.escape(body[position]), position + 1
    return out
