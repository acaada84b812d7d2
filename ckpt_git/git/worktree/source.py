"""A tree as a build's source: what it holds, submodules followed, and how it is written out.

Implements ``ckpt_git.engines.protocol.SourceTree``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ckpt_git.git.configuration import Configuration, conversions
from ckpt_git.git.location import Location
from ckpt_git.git.objects.trees import attributes_above, link_above, listing, read
from ckpt_git.git.worktree import materialise, submodules
from ckpt_git.model.derivation import digest
from ckpt_git.model.source_diff import Entry, Manifest


def manifest(at: Location, tree: str, folder: str = ".") -> Manifest:
    """All files below ``folder``, paths relative to it, those of submodules among them.

    Raises ``MissingObjectsError``, and ``RepositoryError`` where the folder or a submodule
    isn't there.
    """
    listed = listing(at, tree, folder)
    files: dict[str, Entry] = dict(listed.files)
    for path, commit in listed.links.items():
        sub = submodules.locate(at, tree, path if folder == "." else f"{folder}/{path}", commit)
        files |= {f"{path}/{below}": entry for below, entry in manifest(sub, commit).items()}
    return files


def read_through(at: Location, tree: str, path: str) -> bytes | None:
    """A file's content, looked for in submodules too; None where there is no such file.

    Raises ``MissingObjectsError``, and ``RepositoryError`` for a submodule that isn't there.
    """
    content = read(at, tree, path)
    link = None if content is not None else link_above(at, tree, path)
    if link is None:
        return content
    sub_path, commit = link
    sub = submodules.locate(at, tree, sub_path, commit)
    return read_through(sub, commit, path.removeprefix(f"{sub_path}/"))


@dataclass(frozen=True)
class GitSource:
    """The ``folder`` of ``tree``. Paths are relative to the folder.

    No slots: what a tree holds never changes, so it is looked up once and kept.
    """

    at: Location
    tree: str
    folder: str
    configuration: Configuration

    @cached_property
    def conversions(self) -> str:
        """Digest of what git does to blobs on their way out, besides what is in the folder.

        That is configuration, and ``.gitattributes`` above the folder; not a submodule's own
        configuration.
        """
        above = attributes_above(self.at, self.tree, self.folder)
        return digest([conversions(self.at, self.configuration), *above])

    def whole(self) -> GitSource:
        """All of the tree that the folder is of."""
        return self if self.folder == "." else replace(self, folder=".")

    def manifest(self) -> Manifest:
        """All files, submodules followed; see ``manifest`` for what is raised."""
        return self._manifest

    @cached_property
    def _manifest(self) -> Manifest:
        return manifest(self.at, self.tree, self.folder)

    def read(self, path: str) -> bytes | None:
        """A file's content as git holds it, or None where the folder has no such file."""
        if path not in self._contents:
            full = path if self.folder == "." else f"{self.folder}/{path}"
            self._contents[path] = read_through(self.at, self.tree, full)
        return self._contents[path]

    @cached_property
    def _contents(self) -> dict[str, bytes | None]:
        """What was read: the few files that say how the rest is built, several times each."""
        return {}

    def write(self, folder: Path, paths: Sequence[str] | None = None) -> None:
        """Write the files at ``paths`` (default: all) below ``folder``, as a checkout would.

        What is in a file's way is replaced, nothing else is touched. Raises
        ``RepositoryError`` for a path that isn't in the tree, a submodule that isn't there
        and a filter that fails, and ``StoreError`` where a file can't be written.
        """

        materialise.write(self.at, self.tree, self.folder, folder, paths)
