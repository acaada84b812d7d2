"""A tree that is written out for Nix to read, brought from one tree to the next by what differs.

source     the files
written    which tree they are and how git converts it, on a line; then its manifest (git ls-tree's
           form). Not there while they are no tree's.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from posixpath import basename

from ckpt_git.engines.files import decode_manifest, encode_manifest, remove, writing
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import Manifest, SourceDiff


class Snapshot:
    """The snapshot in the folder ``room``. Whoever calls has it alone."""

    def __init__(self, room: Path) -> None:
        self.files = room / "source"
        self._written = room / "written"

    def hold(self, source: SourceTree) -> None:
        """Make it that of ``source``. Raises what ``SourceTree.write`` raises."""
        wanted = f"{source.tree} {source.conversions}"
        held, manifest = self._held()
        if held == wanted:
            return
        diff = None
        if manifest is not None and held.split()[1:] == wanted.split()[1:]:
            diff = SourceDiff.between(manifest, source.manifest())
        with writing(self.files):
            self._written.unlink(missing_ok=True)
        if diff is None or _rules_others(diff):
            remove(self.files)
            source.write(self.files)
        else:
            with writing(self.files):
                self._remove(diff.deleted)
            source.write(self.files, diff.written)
        body = encode_manifest(source.manifest())
        with writing(self.files):
            self._written.write_bytes(b"%s\n%s" % (wanted.encode(), body))

    def _held(self) -> tuple[str, Manifest | None]:
        """The line of the tree that is held and its manifest; empty and None for no tree."""
        try:
            line, _, manifest = self._written.read_bytes().partition(b"\n")
            return line.decode(), decode_manifest(manifest)
        except (OSError, ValueError):
            return "", None

    def _remove(self, paths: Iterable[str]) -> None:
        """Remove files, and the folders above them that become empty, as git does."""
        for path in paths:
            (self.files / path).unlink(missing_ok=True)
            with suppress(OSError):
                for folder in Path(path).parents:
                    (self.files / folder).rmdir()


def _rules_others(diff: SourceDiff) -> bool:
    """Whether files that ``diff`` doesn't name may be written otherwise: gitattributes(5)."""
    return any(basename(path) == ".gitattributes" for path in diff.paths())
