"""Sources that include what changed, where nothing tells make so.

make knows what a makefile says, by hand or through the depfiles that compilers write. A source that
has no depfile in the checkpoint is looked up in the tree instead: where it includes, through any
number of headers, a file of a name that changed, it gets a new date, so that it is compiled again.
A name counts in whatever folder it lies: at worst something is compiled that needn't be.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable

from ckpt_git.engines.local.freshness.build_tool import MAKEFILES
from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.protocol import SourceTree

_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".m", ".mm", ".s", ".S", ".asm", ".sx")
_DEPFILES = (".d", ".Po", ".Plo", ".dep")
_OBJECTS = (".o", ".lo", ".obj", *_SOURCES)
_INCLUDES_DEPFILES = re.compile(r"^\s*[-s]?include\b")
# A macro may stand for the name: freetype's `#include FT_FREETYPE_H`.
_NAMES_A_FILE = re.compile(
    r"^\s*(?:#\s*(?:include|include_next|import|embed|define\s+\w+)\s*[<\"]([^>\"]+)"
    r"|.*\.inc(?:lude|bin)\s*\\*\"([^\\\"]+))"
)


def unknown_to_make(job: Job) -> Precautions:
    """The sources to date anew."""
    assert job.start is not None
    blind = _without_depfile(job)
    if not blind:
        return NONE
    found = _including(job.source, job.start.diff.names())
    anew = tuple(sorted((found & blind).difference(job.start.diff.paths())))
    notes = tuple(f"make isn't told what {path} includes: it is compiled again" for path in anew)
    return Precautions(dated_anew=anew, notes=notes)


def _including(source: SourceTree, called: Iterable[str]) -> set[str]:
    """The files that include one of these names, and what includes those."""
    names = {*called}
    found: set[str] = set()
    known: set[str] = set()
    while names:
        known |= names
        here = {
            path
            for path, line in source.lines_with(sorted(names), ["*"])
            if (named := _NAMES_A_FILE.match(line))
            and posixpath.basename(named[1] or named[2]) in names
        }
        names = {posixpath.basename(path) for path in here - found} - known
        found |= here
    return found


def _without_depfile(job: Job) -> set[str]:
    """The sources of which the checkpoint has no depfile that a makefile could include."""
    assert job.start is not None
    sources = [path for path in job.source.manifest() if path.endswith(_SOURCES)]
    layer = job.store.layer(job.start.checkpoint.id)
    files = () if layer is None else job.store.files(layer)
    told = Counter(stem for path in files if path.endswith(_DEPFILES) for stem in _stems(path))
    if not told or not any(
        _INCLUDES_DEPFILES.match(line) for _, line in job.source.lines_with(["include"], MAKEFILES)
    ):
        return set(sources)
    of_name = Counter(_stem(path) for path in sources)
    return {path for path in sources if told[_stem(path)] < of_name[_stem(path)]}


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _stems(depfile: str) -> set[str]:
    """The names that the source of a depfile may have: automake puts the program's in front."""
    name = _stem(depfile)
    while name.endswith(_OBJECTS):
        name = posixpath.splitext(name)[0]
    parts = name.split("-")
    return {"-".join(parts[start:]) for start in range(len(parts))}
