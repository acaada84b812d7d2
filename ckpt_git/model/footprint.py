"""What something read, and whether a change is none of its concern. Pure values."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from ckpt_git.model.source_diff import SourceDiff
from ckpt_git.model.trace import SOURCE, Trace, folders_of


class Footprint(NamedTuple):
    """The paths, relative to the build's folder, that were ``read``, of which was asked whether
    and of what date they are (``seen``), that were looked for in vain (``missed``), and the
    folders that were ``listed``."""

    read: frozenset[str]
    seen: frozenset[str]
    missed: frozenset[str]
    listed: frozenset[str]

    @classmethod
    def of(cls, trace: Trace) -> Footprint | None:
        """That of all that was traced; None where something couldn't be seen."""
        if trace.blind or trace.lost or not trace.steps:
            return None
        kinds = (trace.by_path[kind] for kind in ("read", "seen", "missed", "listed"))
        return cls(*(frozenset(paths) for paths in kinds))

    def concerns(
        self,
        diff: SourceDiff,
        before: Iterable[str],
        now: Iterable[str],
        *,
        dates_matter: Container[str],
    ) -> bool:
        """Whether ``diff`` changes what is found when the same is done again.

        ``before`` and ``now`` are the paths of all source files. ``dates_matter`` are the
        modified ones of which it matters when they were written.
        """
        folders = {f for path in before for f in folders_of(f"{SOURCE}{path}")}
        remaining = {f for path in now for f in folders_of(f"{SOURCE}{path}")}
        return (
            any(self._reads(path, dates=path in dates_matter) for path in diff.modified)
            or any(self._would_find(path, folders) for path in diff.added)
            or any(self._would_lack(path, remaining) for path in diff.deleted)
        )

    def rests_on(self, path: str) -> bool:
        """Whether it matters what is at ``path``, relative to the build's folder."""
        return (
            path in self.read
            or path in self.seen
            or path in self.missed
            or path.rpartition("/")[0] in self.listed
        )

    def _reads(self, path: str, *, dates: bool) -> bool:
        whole = f"{SOURCE}{path}"
        return whole in self.read or (dates and whole in self.seen)

    def _would_find(self, path: str, folders: Container[str]) -> bool:
        """Whether a file that comes to be at ``path`` is found; ``folders`` were there before."""
        for name in (whole := f"{SOURCE}{path}", *folders_of(whole)):
            if name in folders:
                return False
            if name in self.missed or name.rpartition("/")[0] in self.listed:
                return True
        return False

    def _would_lack(self, path: str, folders: Container[str]) -> bool:
        """Whether the file at ``path`` is missed; ``folders`` remain."""
        for name in (whole := f"{SOURCE}{path}", *folders_of(whole)):
            if name in folders:
                return False
            if name in self.read or name in self.seen or name.rpartition("/")[0] in self.listed:
                return True
        return False
