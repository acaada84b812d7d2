"""Changes that build tools are known not to notice, and what makes them notice.

Each rule names the case that shows it. They say no more than they must: what can't be helped is
built clean, at many times the cost.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable

from ckpt_git.engines.local.configure import is_compiled, is_prose
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.local.precautions import NONE, Precautions
from ckpt_git.engines.local.remembered import remembered
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import SourceDiff

_HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".inc", ".inl", ".ipp", ".tcc")
_SYSTEM_HEADERS = ("/usr/include", "/usr/local/include")
_CALLS_MAKE = re.compile(r"(?:^|[\s;&|(/])g?make\b")
# Tools that keep track of commands and of what went by themselves.
_TIDY = re.compile(r"\b(?:cmake|ninja|meson|samu|cargo|go|bazel|buck2?|scons)\b")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile", "*.mk", "*.mak", "Makefile.*")
_READS = re.compile(r"\b(?:shell|sed|grep|awk|cat|cut|head|tail|include|file)\b")


def precautions(job: Job) -> Precautions:
    """What the change needs that can be told by looking at it."""
    assert job.start is not None
    if not job.start.diff:
        return NONE
    return _shadowing_headers(job) | remembered(job) | _lost(job)


def needs_rehearsal(job: Job) -> bool:
    """Whether only make itself can tell what it would miss: see ``rehearsal``."""
    assert job.start is not None
    diff = job.start.diff
    return bool(diff) and _is_built_by_make(job) and _may_change_commands(diff, job.source)


def _lost(job: Job) -> Precautions:
    """A script doesn't remove what it once made, and nobody knows what that is."""
    assert job.start is not None
    if _TIDY.search(_commands(job)) or _is_built_by_make(job):
        return NONE
    gone = next((path for path in job.start.diff.deleted if not is_prose(path)), None)
    if gone is None:
        return NONE
    return Precautions(unfit=f"{gone} went, and what was made of it may still be found")


def _is_built_by_make(job: Job) -> bool:
    """make itself, or a script where there is a makefile, or will be."""
    commands = _commands(job)
    if _TIDY.search(commands):
        return False
    if _CALLS_MAKE.search(commands):
        return True
    manifest = job.source.manifest()
    return any(name in manifest for name in _MAKEFILES[:3]) and "package.json" not in manifest


def _commands(job: Job) -> str:
    return " ".join(job.drv.phases.get(name, "") for name in ("configure", "build"))


def _shadowing_headers(job: Job) -> Precautions:
    """A new header that is found before another of its name: nothing that was compiled with the
    other one depends on it. Neither make nor ninja notices. All that depends on the other one is
    made again, and all that asks by ``__has_include``."""
    assert job.start is not None
    added = [path for path in job.start.diff.added if path.endswith(_HEADERS)]
    if not added:
        return NONE
    asking = {path for path, _ in job.source.lines_with(["__has_include"], ["*"])}
    found = Precautions(dated_anew=tuple(sorted(asking)))
    names = {posixpath.basename(path) for path in added}
    shadowed = _named(names, job.source.manifest(), but=added)
    found |= Precautions(dated_anew=tuple(shadowed))
    made = next(iter(_named(names, _made_headers(job, added), but=())), None)
    if made is not None:
        name = posixpath.basename(made)
        return found | Precautions(unfit=f"the new {name} may be found where {made} was made")
    system = next((path for path in added if _is_system_header(path)), None)
    if system is not None:
        return found | Precautions(unfit=f"the new {system} may be found where a system header was")
    return found


def _named(names: Iterable[str], paths: Iterable[str], *, but: Iterable[str]) -> list[str]:
    """The ``paths`` whose last part is one of ``names``."""
    wanted, others = set(names), set(but)
    return [path for path in paths if posixpath.basename(path) in wanted and path not in others]


def _made_headers(job: Job, added: Iterable[str]) -> list[str]:
    """The headers that the checkpoint's build made, not those of its sources."""
    assert job.start is not None
    layer = job.store.layer(job.start.checkpoint.id)
    files = {} if layer is None else job.store.files(layer)
    base = job.store.manifest(job.start.checkpoint.id)
    below = (path.removeprefix("source/") for path in files if path.endswith(_HEADERS))
    return [path for path in below if path not in base and path not in set(added)]


def _is_system_header(path: str) -> bool:
    """Whether ``#include <…>`` of any tail of the path names a system header."""
    parts = path.split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts))]
    return any(os.path.exists(f"{root}/{tail}") for root in _SYSTEM_HEADERS for tail in tails)


def _may_change_commands(diff: SourceDiff, source: SourceTree) -> bool:
    """Names came or went, or a file changed that a makefile includes or reads."""
    if diff.added or diff.deleted:
        return True
    if any(not (is_compiled(path) or is_prose(path)) for path in diff.modified):
        return True
    names = sorted({posixpath.basename(path) for path in diff.modified if path.endswith(_HEADERS)})
    lines = source.lines_with(names, _MAKEFILES) if names else []
    return any(_READS.search(line) for _, line in lines)
