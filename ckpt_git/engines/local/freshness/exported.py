"""Variables that a makefile exports: a recipe may read one, and its command is the same as before.

A dry run doesn't tell what is in a recipe's environment, so what the makefiles say is looked at.
GNU make's manual, "Communicating Variables to a Sub-make".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ckpt_git.engines.local.freshness.build_tool import MAKEFILES
from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.freshness.statements import text_of
from ckpt_git.engines.local.job import Job
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.source_diff import matcher

_ASSIGNS = re.compile(
    r"^ *(?:(?:export|override|private) +|[^\s:#=]+ *: *)*(?:define +)?"
    r"([\w.-]+)\s*(?:\?|\+|!|:{1,3})?=(.*)$"
)
_EXPORTS = re.compile(r"^ *export(?: +(.*))?$")
_ALL = ".EXPORT_ALL_VARIABLES"
_WORD = re.compile(r"[\w.-]+")
_VALUES = re.compile(r"[:+?!]*=.*")


def changed_variable(job: Job) -> Precautions:
    """Unfit where a variable that is exported got another value."""
    assert job.start is not None
    diff, is_makefile = job.start.diff, matcher(MAKEFILES)
    changed = [path for path in diff.paths() if is_makefile(path)]
    if not changed:
        return NONE
    try:
        before = _lines(text_of(job.start.base, path) for path in changed)
    except RepositoryError:  # the base's objects are gone: a dry run has to do
        return NONE
    after = _lines(text_of(job.source, path) for path in changed)
    others = [path for path in job.source.manifest() if is_makefile(path) and path not in changed]
    whole = {*before, *after, *_lines(text_of(job.source, path) for path in others)}
    exported = set(_exported(whole))
    if not exported:
        return NONE
    moved = _assigned(before ^ after)
    while more := {name for name, value in _assignments(whole) if moved & _words(value)} - moved:
        moved |= more
    found = moved if _ALL in exported else moved & exported
    if not found:
        return NONE
    name = min(found)
    return Precautions(unfit=f"{name} is exported by a makefile, and may have another value now")


def _lines(texts: Iterable[str]) -> set[str]:
    return {line for text in texts for line in text.replace("\\\n", " ").splitlines()}


def _exported(lines: Iterable[str]) -> Iterator[str]:
    """The names that are exported; ``_ALL`` where all are."""
    for line in lines:
        found = _EXPORTS.match(line)
        if line.startswith(_ALL) or (found and not found[1]):
            yield _ALL
        elif found:
            yield from _WORD.findall(_VALUES.sub("", found[1]))


def _assigned(lines: Iterable[str]) -> set[str]:
    return {name for name, _ in _assignments(lines)}


def _assignments(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = _ASSIGNS.match(line)
        if found:
            yield found[1], found[2]


def _words(value: str) -> set[str]:
    return set(_WORD.findall(value))
