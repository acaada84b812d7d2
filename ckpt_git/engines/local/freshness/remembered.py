"""What a configured build folder remembers although the files that said so are others now.

CMake caches options and the results of its searches; Meson keeps option values. Running them
again doesn't change those: cmake(1), "CMake Cache"; Meson's manual, "Build options". So where a
statement of that kind changed or went, the folder's memory is removed and they begin anew; what
was compiled stays, and their build tools know of each file by which command it was made.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.freshness.statements import statements, text_of
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.errors import RepositoryError

_CACHED = re.compile(
    r"\b(?:option|cmake_dependent_option|set|find_\w+|check_\w+|pkg_\w+|try_compile|try_run)\s*\(",
    re.IGNORECASE,
)
# A value of a plain variable: cached only where another statement caches it.
_SETS = re.compile(r"set ?\( ?(?![^)]* CACHE )", re.IGNORECASE)
_CMAKE_FILES = ("CMakeLists.txt", "*.cmake", "*.cmake.in")
_MESON_OPTION = re.compile(r"\boption\s*\(")
_DEFAULTS = re.compile(r"default_options\s*:\s*(\[[^\]]*\]|'[^']*')")
# The file that holds a folder's memory, and what lies in that folder by which a configure step
# that runs only once may tell that it has run.
_MEMORY = {
    "CMakeCache.txt": ("build.ninja", "Makefile"),
    "meson-private/coredata.dat": ("build.ninja",),
}


def remembered(job: Job) -> Precautions:
    """What a configured folder has to forget after this change."""
    assert job.start is not None
    diff, said = job.start.diff, None
    for path in (*diff.modified, *diff.deleted):
        sayings = _sayings(path)
        if sayings is None:
            continue
        said = _lost(sayings, path, job.source, job.start.base)
        if said is not None:
            break
    return NONE if said is None else _forget(job, said)


def _lost(
    sayings: Callable[[str], frozenset[str]], path: str, source: SourceTree, base: SourceTree
) -> str | None:
    """What ``path`` no longer says, and a build folder would remember."""
    try:
        before = sayings(text_of(base, path))
    except RepositoryError:  # the base's objects are gone
        return f"{path} changed"
    lost = before - sayings(text_of(source, path))
    for said in sorted(lost):
        if not _SETS.match(said) or _is_cached_through(said, source):
            return f"{path} said `{said[:60]}`"
    return None


def _is_cached_through(said: str, source: SourceTree) -> bool:
    """Whether a variable that ``set`` gave a value is part of what another statement caches."""
    name = _SETS.sub("", said).split(" ", 1)[0]
    lines = source.lines_with([f"${{{name}}}"], _CMAKE_FILES)
    return any(_CACHED.search(line) and not _SETS.match(line.strip()) for _, line in lines)


def _forget(job: Job, said: str) -> Precautions:
    """The memory of each configured folder of the checkpoint. One within another belongs to a
    build of its own, which nobody would configure again."""
    tops = sorted(_configured_folders(job))
    if not tops:
        return NONE
    if any(posixpath.commonpath([one, top]) == top for one in tops for top in tops if one != top):
        return Precautions(unfit=f"{said}, which its build folders would remember")
    manifest = job.source.manifest()
    paths = [
        path
        for top in tops
        for memory, marks in _MEMORY.items()
        for path in (f"{top}/{memory}", *(f"{top}/{mark}" for mark in marks))
        if path.removeprefix("source/") not in manifest
    ]
    note = f"{said}: its build folder is configured anew"
    return Precautions(forgotten=tuple(paths), notes=(note,))


def _configured_folders(job: Job) -> Iterator[str]:
    assert job.start is not None
    layer = job.store.layer(job.start.checkpoint.id)
    for path in () if layer is None else job.store.files(layer):
        for memory in _MEMORY:
            # CMake's own trials lie below `CMakeFiles`.
            if path.endswith(f"/{memory}") and "/CMakeFiles/" not in path:
                yield path.removesuffix(f"/{memory}")


def _sayings(path: str) -> Callable[[str], frozenset[str]] | None:
    """How to find, in the text of the file ``path``, what gets remembered; None: nothing."""
    name = posixpath.basename(path)
    if name == "CMakeLists.txt" or name.endswith((".cmake", ".cmake.in")):
        return _cached_by_cmake
    if name in {"meson_options.txt", "meson.options"}:
        return lambda text: frozenset(statements(text, _MESON_OPTION))
    if name == "meson.build":
        return lambda text: frozenset(_DEFAULTS.findall(text))
    return None


def _cached_by_cmake(text: str) -> frozenset[str]:
    """The statements whose result CMake caches, and those that set a plain variable."""
    return frozenset(statements(text, _CACHED))
