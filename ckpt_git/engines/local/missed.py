"""Changes that build tools are known not to notice. Each entry names the case that shows it.

They say no more than they must: what a rule names is built clean, at many times the cost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ckpt_git.engines.local.configure import is_compiled, is_prose
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.local.rehearsal import missed_by_make
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import SourceDiff

_HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".inc", ".inl", ".ipp", ".tcc")
_SYSTEM_HEADERS = ("/usr/include", "/usr/local/include")
_CALLS_MAKE = re.compile(r"(?:^|[\s;&|(])g?make\b")
# Tools that write makefiles keep track of flags and of lists of sources, and their own globs
# are seen anew by configure.
_WRITES_MAKEFILES = ("CMakeLists.txt", "meson.build", "configure.ac", "configure.in")


def why_missed(job: Job, base: SourceTree) -> str | None:
    """What in the change from ``base`` the build tools would miss, in a few words, or None."""
    assert job.start is not None
    diff = job.start.diff
    shadowing = _shadowing_header(diff, job.source)
    if shadowing is not None:
        return shadowing
    if _is_plain_make(job) and _may_change_commands(diff):
        return missed_by_make(job, base)
    return None


def _shadowing_header(diff: SourceDiff, source: SourceTree) -> str | None:
    """A new header that is found before another of its name: nothing that was compiled with the
    other one depends on it. Neither make nor ninja notices."""
    added = [path for path in diff.added if path.endswith(_HEADERS)]
    if not added:
        return None
    names = _by_name(source.manifest())
    for path in added:
        name = path.rsplit("/", 1)[-1]
        other = next((there for there in names[name] if there != path), None)
        if other is not None:
            return f"the new {path} may be found where {other} was"
        if _is_system_header(path):
            return f"the new {path} may be found where a system header was"
    return None


def _by_name(paths: Iterable[str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for path in paths:
        names.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    return names


def _is_system_header(path: str) -> bool:
    """Whether ``#include <…>`` of any tail of the path names a system header."""
    parts = path.split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts))]
    return any(os.path.exists(f"{root}/{tail}") for root in _SYSTEM_HEADERS for tail in tails)


def _is_plain_make(job: Job) -> bool:
    """Makefiles written by hand: make remembers neither commands nor what a wildcard found."""
    if not _CALLS_MAKE.search(job.drv.phases.get("build", "")):
        return False
    manifest = job.source.manifest()
    return "configure" not in job.drv.phases or not any(n in manifest for n in _WRITES_MAKEFILES)


def _may_change_commands(diff: SourceDiff) -> bool:
    """Names came or went, or a file changed that a makefile could include or read."""
    if diff.added or diff.deleted:
        return True
    return any(not (is_compiled(path) or is_prose(path)) for path in diff.modified)
