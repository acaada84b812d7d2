"""Which source files a build rewrote: they are not what their tree says any more.

A checkpoint whose build edited a tracked file (a version header, a regenerated parser) would
hand that edit to the next build, where a clean one starts from what git has. So these files are
named with the layer, and the next build gets them from git again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from ckpt_git.engines.local.store.seal import Seal, Sealed, is_opaque
from ckpt_git.engines.local.workspace.layers import Ground
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import Manifest

_SOURCE = "source/"


def dirtied(
    work: Path,
    ground: Ground,
    stamp: int,
    sealed: Seal,
    base: Mapping[str, int],
    source: SourceTree,
    manifest: Manifest,
) -> tuple[str, ...]:
    """The paths of ``manifest`` that the build in ``work`` changed in content or mode, or removed.

    ``stamp`` is the mtime (ns) that written sources were given, ``base`` the mtimes of all files
    of the checkpoint that a copy started from. Suspects are found by mtime and mode; only a
    comparison tells a rewritten file from one that was touched.
    """
    entries = {e.path[len(_SOURCE) :]: e for e in sealed.entries if e.path.startswith(_SOURCE)}
    written = set(ground.written)
    if ground.overlay is None:

        def untouched(path: str) -> bool:
            found = entries.get(path)
            expected = stamp if path in written or not base else base.get(_SOURCE + path)
            if found is None or found.mtime_ns != expected:
                return False
            return _has_mode(found, manifest[path].mode)

        suspects = [path for path in manifest if not untouched(path)]
    else:
        suspects = list(_touched_on_overlay(work, entries, manifest, written, stamp))
    return _rewritten(suspects, work, source)


def _touched_on_overlay(
    work: Path,
    entries: Mapping[str, Sealed],
    manifest: Manifest,
    written: Collection[str],
    stamp: int,
) -> Iterator[str]:
    """The files that the upper layer has with another date, or says to be gone: whatever isn't
    a folder hides what lay below that name, and a folder that was made anew does too. What was
    ``written`` to it and isn't there was removed again."""
    hiding = {
        path
        for path, entry in entries.items()
        if not stat.S_ISDIR(entry.mode) or is_opaque(work / "fs" / "source" / path)
    }
    for path in manifest:
        found = entries.get(path)
        if found is not None:
            if found.mtime_ns != stamp or not _has_mode(found, manifest[path].mode):
                yield path
        elif path in written or any(folder in hiding for folder in _above(path)):
            yield path


def _has_mode(found: Sealed, mode: str) -> bool:
    """Whether a file is of the kind that git's ``mode`` (octal) says: chmod(1) moves no date."""
    wanted = int(mode, 8)
    executable = (found.mode ^ wanted) & stat.S_IXUSR == 0 or stat.S_ISLNK(wanted)
    return stat.S_IFMT(found.mode) == stat.S_IFMT(wanted) and executable


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _rewritten(suspects: Iterable[str], work: Path, source: SourceTree) -> tuple[str, ...]:
    paths = list(suspects)
    if not paths:
        return ()
    pristine = work / "pristine"
    pristine.mkdir()
    source.write(pristine, paths)
    built = work / "fs" / "source"
    return tuple(
        path
        for path in paths
        # Behind a link that the build made of a folder lies no source file.
        if any((built / folder).is_symlink() for folder in _above(path))
        or not _same(pristine / path, built / path)
    )


def _same(one: Path, other: Path) -> bool:
    try:
        if one.is_symlink() or other.is_symlink():
            return os.readlink(one) == os.readlink(other)
        modes = one.stat().st_mode, other.stat().st_mode
        if not all(map(stat.S_ISREG, modes)):  # a pipe would have no end
            return False
        return (modes[0] ^ modes[1]) & 0o111 == 0 and one.read_bytes() == other.read_bytes()
    except OSError:
        return False
