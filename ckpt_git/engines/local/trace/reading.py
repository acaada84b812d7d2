"""From what programs noted to a trace: who started whom, and where links lead."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ckpt_git.engines.local.trace.arena import Read
from ckpt_git.model.trace import KINDS, SOURCE, Blind, Kind, Step, Trace

_KINDS: Mapping[bytes, Kind] = {
    b"r": "read",
    b"s": "seen",
    b"m": "missed",
    b"d": "listed",
    b"w": "wrote",
    b"u": "wrote",
}
# What has another name in each build: the mark of a run's phases, temporary files.
_MARK = re.compile(r"@ckpt-[0-9a-f]{16}")
_MOST_LINKS = 16  # in the way to one file: then it is a loop


def trace(
    arenas: Iterable[Read], links: Mapping[str, str], *, root: str, tmp: str, clean: bool
) -> Trace:
    """The trace of one build that noted into ``arenas``, one after the other.

    ``links`` are the source's symbolic links, below ``root``, with their targets; ``tmp`` is the
    build's folder for temporary files.
    """
    temporary = re.compile(re.escape(tmp) + r"/[^\s:,;'\"]*")
    found = _Found(root, dict(links))
    for read in arenas:
        found.take(read, lambda text: temporary.sub(f"{tmp}/*", _MARK.sub("@ckpt", text)))
    return Trace(
        found.steps,
        {kind: found.by_path[kind] for kind in KINDS},
        tuple(found.blind),
        clean,
        found.lost,
    )


class _Found:
    """What is put together, arena by arena."""

    def __init__(self, root: str, links: dict[str, str]) -> None:
        self.steps: list[Step] = []
        self.by_path: dict[Kind, dict[str, list[int]]] = {kind: {} for kind in KINDS}
        self.blind: list[Blind] = []
        self.lost = 0
        self._root = root
        self._links = links

    def take(self, read: Read, plain: Callable[[str], str]) -> None:
        self.lost += read.lost
        numbers = {step: len(self.steps) + at for at, step in enumerate(sorted(read.programs))}
        parents = _parents(read)
        for step in sorted(read.programs):
            said = dict(read.programs[step].records)
            arguments = said.get(b"A", b"").split(b"\0")[:-1]
            folder = os.fsdecode(said.get(b"C", b""))
            self.steps.append(
                Step(
                    os.fsdecode(said.get(b"P", b"")),
                    tuple(plain(os.fsdecode(argument)) for argument in arguments),
                    plain(folder),
                    numbers.get(parents.get(step, -1), -1),
                )
            )
        for noted in read.programs.values():  # before the paths that lead over them
            for kind, text in noted.records:
                if kind == b"k":
                    path, _, target = os.fsdecode(text).partition("\0")
                    self._links[path] = target
        for step, noted in read.programs.items():
            self._note(numbers[step], noted.records)

    def _note(self, number: int, records: Sequence[tuple[bytes, bytes]]) -> None:
        done: set[tuple[Kind, str]] = set()
        for code, text in records:
            if code == b"b":
                program, _, why = os.fsdecode(text).partition("\0")
                self.blind.append(Blind(number, program, why))
            elif code in _KINDS:
                path = os.fsdecode(text)
                done.add((_KINDS[code], path))
                if self._links and (led := self._followed(path)) != path:
                    done.add((_KINDS[code], led))
        for kind, path in done:
            self.by_path[kind].setdefault(path, []).append(number)

    def _followed(self, path: str) -> str:
        """Where a path leads, over links; the path itself where that is out of the build."""
        for _ in range(_MOST_LINKS):
            parts = path.split("/")
            heads = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            head = next((head for head in heads if head in self._links), None)
            if head is None:
                return path
            target = posixpath.join(self._root, posixpath.dirname(head), self._links[head])
            whole = posixpath.normpath(f"{target}/{path[len(head) :]}")
            if not whole.startswith(f"{self._root}/"):
                return path
            path = whole[len(self._root) + 1 :]
        return path


def _parents(read: Read) -> dict[int, int]:
    """The step that started each step. A process's number may come twice: who had it last
    before counts, and steps are numbered in the order in which they began."""
    whose: dict[int, int] = dict(read.forks)
    found: dict[int, int] = {}
    for step in sorted(read.programs):
        noted = read.programs[step]
        if noted.parent in whose and whose[noted.parent] < step:
            found[step] = whose[noted.parent]
        elif noted.process in whose and whose[noted.process] < step:  # its parent has ended
            found[step] = whose[noted.process]
        whose[noted.process] = step
    return found


def source_links(paths: Mapping[str, str]) -> dict[str, str]:
    """The links of a source (their targets by path), as they lie in the build."""
    return {SOURCE + path: target for path, target in paths.items()}
