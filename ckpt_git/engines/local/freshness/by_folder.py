"""What CMake and Meson read while configuring without naming it: folders, globs, scripts.

``file(COPY include …)`` reads each header in that folder, and nothing has CMake run again for one:
CMake's manual, "file". Those that CMake looks at again by itself, as ``configure_file`` has it,
aren't among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from ckpt_git.engines.local.freshness.statements import assignments, statements, text_of, texts_of
from ckpt_git.engines.protocol import SourceTree

FILES = ("CMakeLists.txt", "*.cmake", "meson.build")
"""Patterns of the files that say what is read."""

_VERBS = (
    *("COPY", "INSTALL", "GLOB", "ARCHIVE_CREATE", "execute_process", "EXECUTE_PROCESS"),
    *("exec_program", "run_command"),
)
COPIES = r"file ?\( ?(?:COPY(?:_FILE)?|INSTALL|ARCHIVE_CREATE)\b"
"""A statement that copies, as a regular expression."""

_CALLS = re.compile(r"\b(?:file|execute_process|exec_program|run_command)\s*\(", re.IGNORECASE)
_READS = re.compile(COPIES, re.IGNORECASE)
_FINDS = re.compile(r"file ?\( ?GLOB(?:_RECURSE)? (\w+)\b", re.IGNORECASE)
_RUNS = re.compile(r"(?:execute_process|exec_program|run_command) ?\(", re.IGNORECASE)
_WORD = re.compile(r"[^\s()\[\]\"',]+")
_WHERE = re.compile(r"\b(?:WORKING_DIRECTORY|DESTINATION|OUTPUT_VARIABLE|RESULT_VARIABLE)\s+\S+")
_OF_SOURCES = re.compile(r"(?:_SOURCE_DIR|_LIST_DIR)\}$|\b(?:current_)?source_(?:root|dir)$")
_IN_CMAKE = re.compile(r"\$\{(\w+)\}/?$")
_IN_MESON = re.compile(r"^(\w+)$")
_ASKS_GIT = re.compile(r"\b(?:git|hg|svn)\b", re.IGNORECASE)
# How a script comes to files that it doesn't name: a shell's, Python's, Perl's ways.
_LISTS = re.compile(
    r"^(?!\s*#).*(?:\b(?:find|ls)\s|\bgrep -\w*[rR]|[*?]\.\w"
    r"|\b(?:glob|walk|listdir|scandir|opendir)\b)",
    re.MULTILINE,
)


def begin_search(source: SourceTree) -> None:
    """Begin to look for what ``read_by_folder`` asks for, beside what is asked before that."""
    source.begin_search(_VERBS, FILES)


def read_by_folder(paths: Iterable[str], source: SourceTree) -> tuple[str | None, dict[str, str]]:
    """Why a change of ``paths`` has to be configured, or None; and the variables that may hold one
    of them, as a glob found it, each with its name."""
    changed = list(paths)
    found: dict[str, str] = {}
    texts = texts_of(source, (file for file, _ in source.lines_with(_VERBS, FILES)))
    for file, text in texts.items():
        for said in statements(text, _CALLS):
            if glob := _FINDS.match(said):
                words = _WORD.findall(said)
                for path in changed:
                    if any(_names(word, path) for word in words):
                        found[glob[1]] = path.rsplit("/", 1)[-1]
            elif _READS.match(said) or _RUNS.match(said):
                for path in changed:
                    if _is_meant(path, said, file, source):
                        return f"{path} changed, which {file} reads by another name", {}
    return None, found


def _is_meant(path: str, said: str, file: str, source: SourceTree) -> bool:
    """Whether a statement may read ``path``: by its folder, which a variable may hold, by a
    pattern, or by a script that it runs."""
    words = _WORD.findall(_WHERE.sub("", said))
    if _RUNS.match(said):
        if any(_is_read_by(script, path, source) for script in _scripts(words, source)):
            return True
        if _ASKS_GIT.search(said):
            return False
    here = file.rpartition("/")[0]
    below = not here or path.startswith(f"{here}/")
    if any(_names(word, path) or (below and _OF_SOURCES.search(word)) for word in words):
        return True
    holds = _IN_MESON if file.endswith("meson.build") else _IN_CMAKE
    held = {found[1] for word in words if (found := holds.search(word))}
    return bool(held) and not held.isdisjoint(_given_a_folder(path, source))


def _given_a_folder(path: str, source: SourceTree) -> set[str]:
    """The variables that are given a folder of ``path``."""
    parts = path.split("/")[:-1]
    texts = texts_of(source, (file for file, _ in source.lines_with(sorted({*parts}), FILES)))
    given = (assigned for text in texts.values() for assigned in assignments(text))
    return {
        variable
        for variable, value in given
        if any(_last(word) in parts for word in _WORD.findall(value))
    }


def _names(word: str, path: str) -> bool:
    """Whether the last part of a word is a part of the path, or a pattern of one."""
    last = _last(word)
    return bool(last) and any(fnmatchcase(part, last) for part in path.split("/"))


def _last(word: str) -> str:
    return word.rstrip("/.").rsplit("}", 1)[-1].rsplit("/", 1)[-1]


def _scripts(words: Iterable[str], source: SourceTree) -> Iterator[str]:
    """The files of the tree that a command names by their last part."""
    called = {word.rsplit("/", 1)[-1] for word in words if "." in word or "/" in word}
    return (path for path in source.manifest() if path.rsplit("/", 1)[-1] in called)


def _is_read_by(script: str, path: str, source: SourceTree) -> bool:
    if script == path:
        return True
    text = text_of(source, script)
    return path.rsplit("/", 1)[-1] in text or _LISTS.search(text) is not None
