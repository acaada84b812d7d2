"""Writes a tree's files below a folder, as a checkout would: modes, line endings, filters.

git itself writes, from an index of our own that never sees the user's work tree. Its work tree
is an empty folder, so that attributes come from the tree that is written and from nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ckpt_git.git.errors import MissingObjectsError, explained, refuse_failed_filter
from ckpt_git.git.location import Location, make_folder
from ckpt_git.git.objects.trees import (
    Listing,
    attributes_on_the_way,
    entries_at,
    listing,
    parents,
    require_tree,
)
from ckpt_git.git.worktree import submodules
from ckpt_git.git.worktree.folders import merge, remove_folder
from ckpt_git.git.worktree.temporary import scratch_folder
from ckpt_git.model.errors import CkptError, RepositoryError
from ckpt_git.model.source_diff import Entry
from ckpt_git.process import ProcessError

_FEW = 256
"""Up to this many paths are looked up one by one, in an index that holds only them; for more,
reading the whole tree is no slower, and a command line has an end."""

_LEFT_OUT = re.compile(rb"^Ignoring path (.*)$", re.MULTILINE)
"""What git says of a path that it doesn't check out (``.git/config``). It goes on without it, and
may say other things besides: warnings of settings, a trace."""

_UMASK = 0o022


@dataclass(frozen=True, slots=True)
class _Job:
    """What is written and where to; ``room`` is a scratch folder."""

    at: Location
    tree: str
    target: Path
    room: Path

    def below(self, link: str, commit: str) -> _Job:
        """The job of writing the submodule at ``link``."""
        sub = submodules.locate(self.at, self.tree, link, commit)
        target = self.target / link
        if target.is_symlink() or target.is_file():
            target.unlink()
        return _Job(sub, commit, target, self.room)


def write(at: Location, tree: str, folder: str, target: Path, paths: Sequence[str] | None) -> None:
    """Write the files at ``paths`` (default: all) of ``folder``, so that they lie in ``target``.

    ``paths`` are relative to ``folder``. What is in a file's way is replaced. Files get mode
    644 or 755. Raises what ``GitSource.write`` raises.
    """
    make_folder(target)
    with scratch_folder(at) as room:
        job = _Job(at, tree, target.absolute(), room)  # git runs in another folder
        if folder == ".":
            _write(job, paths)
        else:
            _write_folder(job, folder, paths)


def _write_folder(job: _Job, folder: str, paths: Sequence[str] | None) -> None:
    """Attributes above the folder hold for its files: written in full depth, then moved up."""
    if paths is None:
        listed = listing(job.at, job.tree, folder)
        paths = [*listed.files, *listed.links]
    stage = job.target / f".{job.room.name}"
    try:
        _write(replace(job, target=stage), [f"{folder}/{path}" for path in paths])
        if paths:
            merge(stage / folder, job.target)
    finally:
        remove_folder(stage)


def _write(job: _Job, paths: Sequence[str] | None) -> None:
    if paths is None:
        _write_all(job)
    elif paths and (len(paths) > _FEW or not _write_few(job, paths)):
        _write_many(job, paths)


def _write_all(job: _Job) -> None:
    links = listing(job.at, job.tree).links
    _checkout(job, _read_tree(job), None)
    for link, commit in links.items():
        _write(job.below(link, commit), None)


def _write_few(job: _Job, paths: Sequence[str]) -> bool:
    """Write from an index of just ``paths`` and what rules them; False where one isn't a file."""
    wanted = dict.fromkeys([*paths, *attributes_on_the_way(paths)])
    files = entries_at(job.at, job.tree, [*wanted]).files
    if not all(path in files for path in paths):
        return False
    _checkout(job, _index_of(job, files), paths)
    return True


def _write_many(job: _Job, paths: Sequence[str]) -> None:
    listed = listing(job.at, job.tree)
    own, below = _split(listed, paths)
    if own:
        _checkout(job, _read_tree(job), own)
    for link, sub_paths in below.items():
        _write(job.below(link, listed.links[link]), sub_paths)


def _split(listed: Listing, paths: Iterable[str]) -> tuple[list[str], dict[str, list[str] | None]]:
    """``paths`` that are files of the tree itself, and those in its submodules by submodule.

    None stands for all of a submodule's files. Raises ``RepositoryError`` for any other path.
    """
    own: list[str] = []
    below: dict[str, list[str] | None] = {}
    for path in paths:
        if path in listed.files:
            own.append(path)
        elif path in listed.links:
            below[path] = None
        else:
            link = next((parent for parent in parents(path) if parent in listed.links), None)
            if link is None:
                raise RepositoryError(f"there is no file {path!r} in the tree")
            some = below.setdefault(link, [])
            if some is not None:
                some.append(path.removeprefix(f"{link}/"))
    return own, below


def _read_tree(job: _Job) -> Path:
    index = _new_index(job)
    try:
        job.at.git("read-tree", job.tree, index=index)
    except ProcessError as error:
        require_tree(job.at, job.tree)
        raise explained(error, f"read the tree {job.tree}") from error
    return index


def _index_of(job: _Job, files: Mapping[str, Entry]) -> Path:
    index = _new_index(job)
    lines = "".join(f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in files.items())
    command = ("update-index", "-z", "--index-info")
    done = job.at.git(*command, index=index, stdin=os.fsencode(lines))
    left_out = _LEFT_OUT.search(done.stderr)
    if left_out is not None:
        raise RepositoryError(f"cannot write the tree out: git refuses {os.fsdecode(left_out[1])}")
    return index


def _new_index(job: _Job) -> Path:
    """Where the next index goes; a submodule's takes the place of the one before."""
    index = job.room / "index"
    index.unlink(missing_ok=True)
    return index


def _checkout(job: _Job, index: Path, paths: Sequence[str] | None) -> None:
    """git-checkout-index(1), to the target as a prefix, with an empty work tree."""
    chosen = ("--all",) if paths is None else ("-z", "--stdin")
    command = ("checkout-index", "--force", f"--prefix={job.target}/", *chosen)
    try:
        done = job.at.git(
            *command,
            stdin=b"" if paths is None else os.fsencode("\0".join(paths)),
            index=index,
            work_tree=job.room / "empty",
            umask=_UMASK,
        )
    except ProcessError as error:
        raise _unwritten(error, job.target) from error
    refuse_failed_filter(done.stderr)


def _unwritten(error: ProcessError, target: Path) -> CkptError:
    refuse_failed_filter(error.stderr)
    if b"unable to read sha1 file" in error.stderr or b"bad object" in error.stderr:
        return MissingObjectsError(str(explained(error, f"write files to {target}")))
    return explained(error, f"write files to {target}")
