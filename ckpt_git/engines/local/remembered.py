"""What a configured build folder remembers although the files that said so are others now.

CMake caches options and the results of its searches; Meson keeps option values. Running them
again doesn't change those: cmake(1), "CMake Cache"; Meson's manual, "Build options". automake
writes commands into makefiles that make then doesn't remember.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ckpt_git.engines.local.configure import is_compiled
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.source_diff import SourceDiff

_CACHED = re.compile(
    r"\b(?:option|cmake_dependent_option|set|find_\w+|check_\w+|pkg_\w+|try_compile|try_run)\s*\(",
    re.IGNORECASE,
)
_MESON_OPTION = re.compile(r"\boption\s*\(")
_DEFAULTS = re.compile(r"default_options\s*:\s*(\[[^\]]*\]|'[^']*')")
_COMMENT = re.compile(r"#[^\n]*")
_AUTOMAKE_COMMAND = re.compile(r"\t|\s*\w*(?:FLAGS|LIBADD|LDADD|LIBS|DEFS|DEFINES)\w*\s*[+:?]?=")


def why_remembered(diff: SourceDiff, source: SourceTree, base: SourceTree) -> str | None:
    """What a configured folder would remember wrongly after ``diff``, or None."""
    for path in (*diff.modified, *diff.deleted):
        said = _sayings(path)
        if said is None:
            continue
        before, now = said(_text(base, path)), said(_text(source, path))
        lost = sorted(before - now) or (sorted(now - before) if _is_makefile_template(path) else [])
        if lost:
            return f"{path} said `{lost[0][:60]}`, which its build folder would remember"
    return None


def why_not_relinked(diff: SourceDiff) -> str | None:
    """automake's programs depend on their objects alone: with one less, none is newer."""
    gone = next((path for path in diff.deleted if is_compiled(path)), None)
    return None if gone is None else f"{gone} went, and automake links nothing anew for that"


def is_automake(source: SourceTree) -> bool:
    """Whether automake wrote, or writes, the makefiles."""
    return any(path.rsplit("/", 1)[-1] == "Makefile.am" for path in source.manifest())


def _sayings(path: str) -> Callable[[str], frozenset[str]] | None:
    """How to find, in the text of the file ``path``, what gets remembered; None: nothing."""
    name = path.rsplit("/", 1)[-1]
    if name == "CMakeLists.txt" or name.endswith((".cmake", ".cmake.in")):
        return _cached_by_cmake
    if name in {"meson_options.txt", "meson.options"}:
        return lambda text: frozenset(_statements(text, _MESON_OPTION))
    if name == "meson.build":
        return lambda text: frozenset(_DEFAULTS.findall(text))
    if _is_makefile_template(path):
        return _commands_of_automake
    return None


def _is_makefile_template(path: str) -> bool:
    return path.endswith(("Makefile.am", "Makefile.in"))


def _cached_by_cmake(text: str) -> frozenset[str]:
    return frozenset(
        statement
        for statement in _statements(text, _CACHED)
        if not statement.lower().startswith("set") or "CACHE" in statement.split()
    )


def _commands_of_automake(text: str) -> frozenset[str]:
    lines = text.replace("\\\n", " ").splitlines()
    return frozenset(" ".join(line.split()) for line in lines if _AUTOMAKE_COMMAND.match(line))


def _statements(text: str, begins: re.Pattern[str]) -> Iterable[str]:
    """Each ``name(…)`` of the text that ``begins`` matches, parentheses balanced, in one line."""
    plain = _COMMENT.sub("", text)
    for match in begins.finditer(plain):
        depth, position = 1, match.end()
        while depth and position < len(plain):
            depth += {"(": 1, ")": -1}.get(plain[position], 0)
            position += 1
        yield " ".join(plain[match.start() : position].replace(")", " )").split())


def _text(source: SourceTree, path: str) -> str:
    return (source.read(path) or b"").decode(errors="replace")
