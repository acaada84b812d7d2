"""A tree that is written out for Nix to read, brought from one tree to the next by what differs.

source     the files
written    which tree they are and how git converts it, on a line; then its manifest (git ls-tree's
           form). Not there while they are no tree's.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ckpt_git.engines.files import decode_manifest, encode_manifest, writing
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.folders import remove
from ckpt_git.kept_files import DamagedError, read_kept
from ckpt_git.model.source_diff import SourceDiff


class Snapshot:
    """The snapshot in the folder ``room``. Whoever calls has it alone."""

    def __init__(self, room: Path) -> None:
        self.files = room / "source"
        self._written = room / "written"

    def hold(self, source: SourceTree) -> None:
        """Make it that of ``source``. Raises what ``SourceTree.write`` raises."""
        wanted = f"{source.tree} {source.conversions}".encode()
        held, _, manifest = self._read().partition(b"\n")
        if held == wanted:
            return
        _, _, conversions = held.partition(b" ")
        same = conversions == source.conversions.encode()
        diff = _difference(manifest, source) if same else None
        with writing(self.files):
            self._written.unlink(missing_ok=True)
        if diff is None or diff.changes_attributes:
            remove(self.files)
            source.write(self.files)
        else:
            with writing(self.files):
                self._remove(diff.deleted)
            source.write(self.files, diff.written)
        body = encode_manifest(source.manifest())
        with writing(self.files):
            self._written.write_bytes(b"%s\n%s" % (wanted, body))

    def _read(self) -> bytes:
        """What is noted of the tree that is held; nothing where there is none."""
        try:
            return read_kept(self._written)
        except (OSError, DamagedError):
            return b""

    def _remove(self, paths: Iterable[str]) -> None:
        """Remove files, and the folders above them that become empty, as git does."""
        for path in paths:
            (self.files / path).unlink(missing_ok=True)
            with suppress(OSError):
                for folder in Path(path).parents:
                    (self.files / folder).rmdir()


def _difference(held: bytes, source: SourceTree) -> SourceDiff | None:
    """What leads from the manifest ``held`` to ``source``; None where it can't be read."""
    try:
        return SourceDiff.between(decode_manifest(held), source.manifest())
    except ValueError:
        return None
