"""Changes that build tools are known not to notice, and what makes them notice.

``RULES``, at the end, is the list: each with the cases that show it, which are tests
(tests/builds/wrong_by_itself.py); docs/missed.md is that list for people. They say no more than
they must: what can't be helped is built clean, at many times the cost.
"""

from __future__ import annotations

import operator
import os
import posixpath
import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import NamedTuple

from ckpt_git.engines.local.freshness.build_tool import MAKEFILES, is_make, is_tidy
from ckpt_git.engines.local.freshness.configure import is_compiled, is_prose
from ckpt_git.engines.local.freshness.exported import changed_variable
from ckpt_git.engines.local.freshness.included import unknown_to_make
from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.freshness.remembered import remembered
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import LINK, SourceDiff

_HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".inc", ".inl", ".ipp", ".tcc")
_SYSTEM_HEADERS = ("/usr/include", "/usr/local/include")
_READS = re.compile(r"\b(?:shell|sed|grep|awk|cat|cut|head|tail|include|file)\b")


class Rule(NamedTuple):
    """Something that ``tool`` misses, what is done about it, and the cases that show it.

    ``look`` tells by looking at the change what is needed. Where it is None the rule works when the
    build begins: make is asked (``rehearsal``), or configure runs again (``configure``).
    """

    tool: str
    misses: str
    done: str
    cases: tuple[str, ...]
    look: Callable[[Job], Precautions] | None = None


def precautions(job: Job) -> Precautions:
    """What the change needs that can be told by looking at it."""
    assert job.start is not None
    if not job.start.diff:
        return NONE
    looked_at = (rule.look for rule in RULES if rule.look is not None)
    return reduce(operator.or_, (look(job) for look in looked_at), NONE)


def needs_rehearsal(job: Job) -> bool:
    """Whether only make itself can tell what it would miss: see ``rehearsal``."""
    assert job.start is not None
    diff = job.start.diff
    return bool(diff) and is_make(job.drv, job.source) and _may_change_commands(diff, job.source)


def _lost(job: Job) -> Precautions:
    """A script doesn't remove what it once made, and nobody knows what that is."""
    assert job.start is not None
    if is_tidy(job.drv) or is_make(job.drv, job.source):
        return NONE
    gone = next((path for path in job.start.diff.deleted if not is_prose(path)), None)
    if gone is None:
        return NONE
    return Precautions(unfit=f"{gone} went, and what was made of it may still be found")


def _behind_links(job: Job) -> Precautions:
    """A link that leads elsewhere now: build tools ask for the date of what it leads to, which may
    be older than what was made of the other one."""
    assert job.start is not None
    manifest = job.source.manifest()
    links = [path for path in job.start.diff.written if manifest[path].mode == LINK]
    anew: list[str] = []
    for path in links:
        text = os.fsdecode(job.source.read(path) or b"")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
        anew += [name for name in manifest if name == target or name.startswith(f"{target}/")]
    names = tuple(dict.fromkeys(anew))
    notes = tuple(f"a link leads to {name} now: it gets a new date" for name in names)
    return Precautions(dated_anew=names, notes=notes)


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
    lines = source.lines_with(names, MAKEFILES) if names else []
    return any(_READS.search(line) for _, line in lines)


def _headers_unknown_to_make(job: Job) -> Precautions:
    return unknown_to_make(job) if is_make(job.drv, job.source) else NONE


def _exported(job: Job) -> Precautions:
    return changed_variable(job) if is_make(job.drv, job.source) else NONE


_ASKED = "make is asked by dry runs; what it would leave is removed"
_AGAIN = "configure runs again"

RULES = (
    Rule(
        "any",
        "a new header that is found before another of its name, or that `__has_include` finds",
        "what could see it is compiled again; clean where the other one is the system's or is made",
        (
            "a header that shadows another",
            "a header that another one asks for",
            "a header that shadows the system's",
            "a header that shadows one that is made",
        ),
        _shadowing_headers,
    ),
    Rule(
        "any",
        "a link that leads to another file, which is older than what was made of the first",
        "the file that it leads to gets a new date",
        ("a link that leads to another header",),
        _behind_links,
    ),
    Rule(
        "CMake, Meson",
        "an option's default, the result of a check: cached in the build folder",
        "the cache is removed",
        ("an option's default in CMake", "an option's default in Meson"),
        remembered,
    ),
    Rule(
        "CMake, Meson, autoconf",
        "a file that is read or copied while configuring, a name that a glob finds",
        _AGAIN,
        (
            "a source deleted under CMake's glob",
            "a header that CMake reads, in several lines",
            "a header that CMake copies with its folder",
            "a header that configure reads by a command of one's own",
        ),
    ),
    Rule(
        "make",
        "a command that is another one: flags, names that a wildcard finds, members of an archive",
        _ASKED,
        (
            "flags in the makefile",
            "a source deleted under a wildcard",
            "a member deleted from an archive",
            "a rule's product that a glob still finds",
            "a makefile that is there now",
            "flags that configure says",
            "flags of what libtool makes",
        ),
    ),
    Rule(
        "make",
        "a file that a command names, or that a script names which it runs, and no rule does",
        _ASKED,
        (
            "a generator that is no prerequisite",
            "a linker's script that is no prerequisite",
            "a file that a script reads",
            "a response file",
        ),
    ),
    Rule(
        "make",
        "a header of which neither a rule nor a depfile tells",
        "what includes it, by the text of the sources, is compiled again",
        ("a header of which no rule tells", "a header that shadows one of which no rule tells"),
        _headers_unknown_to_make,
    ),
    Rule(
        "make",
        "a header that went and that a depfile names, without `-MP`: there is no rule to make it",
        "clean, as make doesn't tell",
        ("a header that went, and a depfile names it",),
    ),
    Rule(
        "make",
        "a variable that is exported to recipes",
        "clean",
        ("a variable that is exported",),
        _exported,
    ),
    Rule(
        "scripts",
        "what they once made of a file that went",
        "clean",
        ("a file less for a script",),
        _lost,
    ),
)
"""What is known to be missed. A file that is dated in the future, or a recipe that failed and left
its target, needs no rule: such a build is no base."""
