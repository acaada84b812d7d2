"""The repository, as the rest of the program sees it: one value, and what can be asked of it.

The work is done in this folder's other modules. git's processes run through
``ckpt_git.process``; the user's index, work tree, refs and configuration are never written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from ckpt_git.git.configuration import Configuration, read_configuration
from ckpt_git.git.discovery import discover
from ckpt_git.git.errors import MissingObjectsError, explained
from ckpt_git.git.location import Location
from ckpt_git.git.objects import diffs, object_folder, tree_key, trees
from ckpt_git.git.worktree import attributes, operations, snapshot
from ckpt_git.git.worktree.source import GitSource, read_through
from ckpt_git.model.errors import CkptError, RepositoryError
from ckpt_git.model.source_diff import SourceDiff
from ckpt_git.model.target import Target
from ckpt_git.process import ProcessError

__all__ = ["MissingObjectsError", "Repository", "Target"]


@dataclass(frozen=True)
class Repository(Location):
    """A repository with its folders (see ``Location``).

    No slots: git's configuration is read once, when it is first asked for, and kept, so that
    one run of the program sees one configuration.
    """

    @classmethod
    def discover(cls, cwd: Path | None = None) -> Repository:
        """The repository that ``cwd`` (default: the current folder) is in.

        Raises ``RepositoryError`` where there is none, or git doesn't trust it.
        """
        return cls(*discover(cwd or _current_folder()))

    def without_work_tree(self) -> Repository:
        """What all work trees share, as if it were a bare repository."""
        return Repository(None, self.common_dir, self.common_dir, self.object_format)

    @cached_property
    def _configuration(self) -> Configuration:
        return read_configuration(self)

    def settings(self) -> Mapping[str, str]:
        """git's configuration under ``ckpt.``: lower-case keys without the prefix, last wins."""
        return self._configuration.settings()

    def target(self, name: str = "worktree") -> Target:
        """The tree of ``"worktree"``, ``"index"`` or a revision: gitrevisions(7).

        Raises ``RepositoryError`` where there is no such tree and ``StoreError`` where a
        snapshot can't be written.
        """
        if name == "worktree":
            return self._snapshot("worktree")
        if name == "index":
            return self._snapshot("index")
        return self._revision(name)

    def _snapshot(self, kind: Literal["worktree", "index"]) -> Target:

        if self.top is None:
            raise RepositoryError(
                f"{self.git_dir} is a bare repository, without {kind}", "name a revision to build"
            )
        take = snapshot.snapshot_work_tree if kind == "worktree" else snapshot.snapshot_index
        object_folder.drop_what_is_no_file(self)
        try:
            tree = take(self)
        except CkptError:
            if not object_folder.drop_damaged(self):
                raise
            tree = take(self)
        commit, head_tree = trees.resolve(self, "HEAD^{commit}", "HEAD^{tree}")
        return Target(kind, kind, tree, commit if head_tree == tree else None)

    def repair(self, target: Target) -> bool:
        """Remove what is damaged of our own objects, and write those of ``target`` anew; whether
        that came to anything. Raises as ``target`` does."""

        if not object_folder.drop_damaged(self):
            return False
        return target.kind == "commit" or self.target(target.kind).tree == target.tree

    def _revision(self, name: str) -> Target:
        # The plain name is for TREE-ISH:FOLDER, where a ^{tree} would belong to the folder.
        plain, commit, tree = trees.resolve(self, name, f"{name}^{{commit}}", f"{name}^{{tree}}")
        found = tree or (plain and trees.object_id(self, f"{plain}^{{tree}}"))
        if found is None:
            raise RepositoryError(
                f"there is no commit or tree {name!r} in {self.top or self.git_dir}",
                self._hint_for_missing(),
            )
        return Target("commit", name, found, commit)

    def _hint_for_missing(self) -> str:
        if (self.common_dir / "shallow").exists():
            return "this clone is shallow: `git fetch --unshallow` brings older commits"
        if trees.resolve(self, "HEAD") == [None]:
            return "nothing is committed here yet: `git commit` makes a first one"
        return "`git log --oneline --all` lists what there is"

    def forget_snapshots(self, before: float) -> int:
        """Remove what no snapshot has used since ``before`` (Unix seconds); the bytes freed."""

        return snapshot.forget_snapshots(self, before)

    def source(self, tree: str, folder: str = ".") -> GitSource:
        """``tree``'s ``folder`` as a build's source. Nothing of the tree is looked up yet.

        Raises ``RepositoryError`` for a folder outside the tree.
        """
        return GitSource(self, tree, trees.normal_folder(folder), self._configuration)

    def diff(self, old_tree: str, new_tree: str, folder: str = ".") -> SourceDiff:
        """What leads from one tree to the other below ``folder``, paths relative to it.

        Raises ``MissingObjectsError`` where the old tree isn't there any more (then compare
        manifests), ``RepositoryError`` where the new one can't be read.
        """

        return diffs.diff(self, old_tree, new_tree, trees.normal_folder(folder))

    def converted(self, diff: SourceDiff, old_tree: str, source: GitSource) -> SourceDiff:
        """``diff`` and the files that changed ``.gitattributes`` make others of.

        Raises ``MissingObjectsError``, and ``RepositoryError`` where that can't be told.
        """
        if not diff.changes_attributes:
            return diff

        return attributes.with_converted(diff, old_tree, source)

    def distances(self, old_trees: Sequence[str], new_tree: str) -> dict[str, int | None]:
        """Numbers of files that differ from ``new_tree``; None where a tree isn't there."""
        changed = self.changed_paths(old_trees, new_tree)
        return {old: None if paths is None else len(paths) for old, paths in changed.items()}

    def changed_paths(
        self, old_trees: Sequence[str], new_tree: str
    ) -> dict[str, tuple[str, ...] | None]:
        """The files that differ from ``new_tree``; None where a tree isn't there."""

        return diffs.changed_paths(self, old_trees, new_tree)

    def branch_tips(self, number: int) -> list[str]:
        """The commits of the local branches that were committed to last."""
        return trees.branch_tips(self, number)

    def key(self, tree: str, folder: str = ".", ignore: Sequence[str] = ()) -> str:
        """The id of what matters of ``tree``; patterns are relative to ``folder``.

        Raises ``RepositoryError`` where the tree has no such folder or isn't there.
        """
        return tree_key.key(self, tree, trees.normal_folder(folder), ignore)

    def read(self, tree: str, path: str) -> bytes | None:
        """A file's content as git holds it (a symlink's target); None where there is none."""
        return read_through(self, tree, path)

    def tracked(self, tree: str) -> list[str]:
        """The paths of all files and submodules of ``tree``, sorted."""
        return trees.tracked(self, tree)

    def untracked(self) -> list[str]:
        """What is in the work tree, neither tracked nor ignored; folders end in a slash.

        Nothing where the user told git not to look (``status.showUntrackedFiles = no``).
        """
        hidden = self._configuration.values.get("status.showuntrackedfiles") == "no"
        if self.top is None or hidden:
            return []
        options = ("-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory")
        try:
            listed = self.git("ls-files", *options).stdout
        except ProcessError as error:
            raise explained(error, "list untracked files") from error
        return [path for path in os.fsdecode(listed).split("\0") if path]

    def in_progress(self) -> str | None:
        """What git is in the middle of in this work tree: ``rebase``, ``am``, ``cherry-pick``, … or
        None."""
        return None if self.top is None else operations.in_progress(self.git_dir)


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise RepositoryError("the current folder is gone", "`cd` to one that is there") from None
