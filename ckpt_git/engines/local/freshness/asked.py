"""What make said it would run, kept with the layer: ``layers/ID/asked``.

As long as a change touches nothing that make read to say so, it would say the same again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ckpt_git.engines.local.freshness.configure import is_compiled, is_prose
from ckpt_git.engines.local.freshness.dry_run import Command, Commands
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.local.store.store import ASKED
from ckpt_git.model.footprint import Footprint
from ckpt_git.model.packing import packed, unpacked
from ckpt_git.model.source_diff import LINK

LONG = 3.0
"""Seconds of a clean build from which on it is worth while to prepare for the first question."""

_FORM = b"ckpt asked 1\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """All ``commands`` of a clean build, and what was read to find that out; ``footprint`` is None
    where that isn't known."""

    commands: Commands
    footprint: Footprint | None

    def encode(self) -> bytes:
        """As kept on disk."""
        commands = [(*command, count) for command, count in self.commands.items()]
        foot = self.footprint
        return packed(_FORM, (commands, None if foot is None else [sorted(one) for one in foot]))

    @classmethod
    def decode(cls, data: bytes) -> Asked:
        """Raises ``ValueError`` for what is none, or a damaged one."""
        commands, foot = unpacked(_FORM, data)
        counted = Counter({Command(folder, text): count for folder, text, count in commands})
        return cls(counted, None if foot is None else Footprint(*map(frozenset, foot)))

    def holds(self, job: Job) -> bool:
        """Whether make would say the same for the sources of ``job``.

        What is only compiled has dates that decide about single files, never about what there is
        to run; that a header went, make can't take: see ``missed``.
        """
        assert job.start is not None
        diff, now = job.start.diff, job.source.manifest()
        before = job.store.manifest(job.start.checkpoint.id)
        links = [p for p in diff.paths() for m in (before, now) if p in m and m[p].mode == LINK]
        if self.footprint is None or links or any(map(is_compiled, diff.deleted)):
            return False
        dated = {path for path in diff.modified if not (is_compiled(path) or is_prose(path))}
        return not self.footprint.concerns(diff, before, now, dates_matter=dated)


def of_checkpoint(job: Job) -> Asked | None:
    """What make said of the checkpoint's sources, or of those of a build below it for which it
    would have said the same."""
    assert job.start is not None
    path = job.store.beside(job.start.checkpoint.id, ASKED)
    try:
        return None if path is None else Asked.decode(path.read_bytes())
    except (OSError, ValueError):
        return None
