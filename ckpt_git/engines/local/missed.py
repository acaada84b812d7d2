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
from ckpt_git.engines.local.remembered import is_automake, why_not_relinked, why_remembered
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import SourceDiff

_HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".inc", ".inl", ".ipp", ".tcc")
_SYSTEM_HEADERS = ("/usr/include", "/usr/local/include")
_CALLS_MAKE = re.compile(r"(?:^|[\s;&|(/])g?make\b")
# Tools that keep track of commands and of what went by themselves.
_TIDY = re.compile(r"\b(?:cmake|ninja|meson|samu|cargo|go|bazel|buck2?|scons)\b")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile", "*.mk", "*.mak", "Makefile.*")
_READS = re.compile(r"\b(?:shell|sed|grep|awk|cat|cut|head|tail|include|file)\b")


def why_missed(job: Job, base: SourceTree) -> str | None:
    """What in the change from ``base`` the build tools would miss, in a few words, or None."""
    assert job.start is not None
    diff = job.start.diff
    if not diff:
        return None
    return (
        _shadowing_header(diff, job.source)
        or why_remembered(diff, job.source, base)
        or _missed_by_tool(job, diff, base)
    )


def _missed_by_tool(job: Job, diff: SourceDiff, base: SourceTree) -> str | None:
    commands = " ".join(job.drv.phases.get(name, "") for name in ("configure", "build"))
    if _TIDY.search(commands):
        return None
    if is_automake(job.source):
        return why_not_relinked(diff)
    if _calls_make(job, commands):
        return missed_by_make(job, base) if _may_change_commands(diff, job.source) else None
    gone = next((path for path in diff.deleted if not is_prose(path)), None)
    return None if gone is None else f"{gone} went, and what was made of it may still be found"


def _calls_make(job: Job, commands: str) -> bool:
    """make itself, or a script where there is a makefile."""
    if _CALLS_MAKE.search(commands):
        return True
    manifest = job.source.manifest()
    return any(name in manifest for name in _MAKEFILES[:3]) and "package.json" not in manifest


def _shadowing_header(diff: SourceDiff, source: SourceTree) -> str | None:
    """A new header that is found before another of its name: nothing that was compiled with the
    other one depends on it. Neither make nor ninja notices."""
    added = [path for path in diff.added if path.endswith(_HEADERS)]
    if not added:
        return None
    if source.lines_with(["__has_include"], ["*"]):
        return f"the new {added[0]} may be one that __has_include asks for"
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


def _may_change_commands(diff: SourceDiff, source: SourceTree) -> bool:
    """Names came or went, or a file changed that a makefile includes or reads."""
    if diff.added or diff.deleted:
        return True
    if any(not (is_compiled(path) or is_prose(path)) for path in diff.modified):
        return True
    names = sorted({path.rsplit("/", 1)[-1] for path in diff.modified if path.endswith(_HEADERS)})
    lines = source.lines_with(names, _MAKEFILES) if names else []
    return any(_READS.search(line) for _, line in lines)
