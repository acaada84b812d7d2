"""Whether what ``configure`` made still holds for a changed tree.

Running it again costs more than many a build, so it is left out where that is known to be right:
where nothing that a configure step could have read is another one. Build tools run themselves
again when their own files change (CMakeLists.txt, meson.build, Makefile.in); what they don't
notice is a file that they read, or a name that a glob would have found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ckpt_git.engines.local.freshness.by_folder import COPIES, FILES, begin_search, read_by_folder
from ckpt_git.engines.local.freshness.shell_words import simple_commands
from ckpt_git.engines.local.freshness.statements import (
    CALL,
    assignments,
    statements,
    text_of,
    texts_of,
)
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.derivation import PHASES, Derivation
from ckpt_git.model.source_diff import SourceDiff, matcher

# Inputs of compilers: a configure step reads one of these only where it names it.
_COMPILED = frozenset({
    "c", "cc", "cpp", "cxx", "c++", "m", "mm", "s", "asm", "sx", "f", "f90", "f95", "def",
    "h", "hh", "hpp", "hxx", "h++", "inc", "inl", "ipp", "tcc", "y", "l", "yy", "ll",
    "rs", "go", "d", "zig", "swift", "java", "kt", "scala", "hs", "ml", "mli",
})  # fmt: skip
_PROSE = frozenset({
    "md", "rst", "adoc", "texi", "1", "3", "5", "7", "8",
    "html", "css", "png", "svg", "jpg", "gif", "pdf", "po",
})  # fmt: skip
# What tells git, its hosts and editors something; there is no git in a build.
_OF_HOSTS = frozenset({".github", ".gitlab", ".forgejo", ".gitea", ".circleci", ".builds"})
_OF_GIT = frozenset({
    ".gitignore", ".mailmap", ".git-blame-ignore-revs", ".gitlab-ci.yml", ".travis.yml",
    ".cirrus.yml", ".appveyor.yml", ".editorconfig", ".pre-commit-config.yaml",
})  # fmt: skip
_BOOTSTRAPS = ("autogen.sh", "bootstrap", "bootstrap.sh", "buildconf")
_CONFIGURE_FILES = (
    *FILES, "configure", "configure.ac", "configure.in",
    "*.m4", *_BOOTSTRAPS, "package.json", "build.rs",
)  # fmt: skip
_AUTOCONF_FILES = ("configure.ac", "configure.in")
# A mention that isn't a reading: autoconf's check that it is in the right folder, comments, and
# the lists of sources in CMake and Meson.
_HARMLESS = re.compile(r"^\s*(?:#|dnl\b)|ac_unique_file|AC_CONFIG_SRCDIR")
# Words by themselves: `test/tcp-read.c` in a list of sources reads nothing.
_READS = re.compile(
    r"(?<![\w./-])(?:READ|STRINGS|REGEX|CONFIGURE_FILE|EXECUTE_PROCESS|TRY_\w+|COMMAND|SHA\d\w*|MD5|"
    r"run_command|find_program)(?![\w./-])|\.(?:read|hash|copyfile)\s*\(|" + COPIES,
    re.IGNORECASE,
)
# What these name runs in the build, or is a string: `string(REGEX …)` of a file's name opens none.
_NEVER = re.compile(
    r"(?:add_custom_\w+|add_test|install|custom_target|run_target|string|list)\b", re.IGNORECASE
)
# Steps of which it is known where they say what they read, and those that read nothing.
_KNOWN = frozenset({
    "cmake", "meson", "autoreconf", "aclocal", "autoheader", "autoconf", "automake", "libtoolize",
    "cd", "mkdir", "export", "true", ":",
})  # fmt: skip
_SHELLS = frozenset({"sh", "bash", "dash", "env"})
_SCRIPT = re.compile(rf"(?:\.{{1,2}}/)*(?:configure|{'|'.join(map(re.escape, _BOOTSTRAPS))})")
_SUBSTITUTION = re.compile(r"\$\(|`")
# How a script comes to files that it doesn't name.
_FINDS = re.compile(
    r"^(?!\s*(?:#|rm\b)).*(?:\b(?:find|ls|git)\s|\bgrep -\w*[rR]|[*?]\.\w)", re.MULTILINE
)
# How one that people wrote, and autoconf didn't, comes to the content of such files.
_READS_MANY = re.compile(
    r"^(?!\s*#).*\b(?:cat|cp|cut|grep|sed|awk|head|tail|\w+sum)\s(?:[^#\n]*(?:[*?]\.\w)|\s*-\w*[rRa])",
    re.MULTILINE,
)
_INCLUDES = re.compile(r"\s*include\s")  # automake's, where a Makefile.am is read
# What GNU Autoconf, Automake, Libtool and gettext read by names that are in macros of their own.
_OF_AUTOCONF = re.compile(
    r"(?:^|/)(?:config\.(?:guess|sub|rpath)|compile|depcomp|install-sh|ltmain\.sh|missing|mdate-sh|"
    r"mkinstalldirs|py-compile|ylwrap|ar-lib|test-driver|configure[^/]*|LINGUAS|POTFILES[^/]*|"
    r"Makevars[^/]*|Rules-[^/]*|[^/]*\.(?:in|am|ac|m4))$"
)
_OTHERS = ("cmake", "meson")
_EXECUTABLE = "100755"
_SCRIPTS = (".sh", ".py", ".pl", ".awk", ".sed")
_LISTS_SOURCES = tuple(name.removeprefix("*") for name in FILES)


def phases_to_run(drv: Derivation, source: SourceTree, diff: SourceDiff | None) -> dict[str, str]:
    """The phases of a build: all, or all but ``configure`` where that of the checkpoint, from which
    ``diff`` leads to ``source``, still holds."""
    phases = {name: drv.phases[name] for name in PHASES if name in drv.phases}
    if diff is None or "configure" not in phases:
        return phases
    if why_configure(phases["configure"], diff, source) is None:
        del phases["configure"]
    return phases


def why_configure(command: str, diff: SourceDiff, source: SourceTree) -> str | None:
    """Why the configure step ``command`` has to run again for ``diff``, or None."""
    if not diff:
        return None
    return (
        _unknown(command, source)
        or _seen_by_a_glob(diff, source)
        or _not_for_compilers(command, diff, source)
        or _read_by_name(command, (*diff.modified, *diff.added, *diff.deleted), source)
        or _read_by_a_script(diff.modified, source)
    )


def _unknown(command: str, source: SourceTree) -> str | None:
    """Whether a step of ``command`` could read what no rule here knows of."""
    if _SUBSTITUTION.search(command):
        return "nobody knows what it reads"
    for words in simple_commands(command):
        program = next((w for w in words if w not in _SHELLS and "=" not in w), words[0])
        if not (program in _KNOWN or _SCRIPT.fullmatch(program)):
            return f"nobody knows what {program} reads"
        script = program.rsplit("/", 1)[-1]
        finds = _FINDS if script in _BOOTSTRAPS else None
        if script == "configure" and not _is_autoconf(source):
            finds = _READS_MANY
        if finds is not None:
            found = (path for path in source.manifest() if path.rsplit("/", 1)[-1] == script)
            if any(finds.search(text_of(source, path)) for path in found):
                return f"{script} finds files that it doesn't name"
    return None


def _seen_by_a_glob(diff: SourceDiff, source: SourceTree) -> str | None:
    for path in (*diff.added, *diff.deleted):
        if not _is_autoconf(source):
            return f"{path} came or went, and a glob could see that"
        if not is_compiled(path) and not is_prose(path):
            return f"{path} came or went"
    return None


def _not_for_compilers(command: str, diff: SourceDiff, source: SourceTree) -> str | None:
    for path in diff.modified:
        if path.rsplit("/", 1)[-1] in command:
            return f"{path} changed"
        if not (is_compiled(path) or is_prose(path) or _is_nothing_to_autoconf(path, source)):
            return f"{path} changed"
    return None


def _is_nothing_to_autoconf(path: str, source: SourceTree) -> bool:
    """Whether a configure script could read a file only where it, or a script of its, names it.

    Not so for what lies below another configure script: what that one names isn't looked up in
    submodules.
    """
    if not _is_autoconf(source) or _OF_AUTOCONF.search(path):
        return False
    folders = (path[:end] for end, letter in enumerate(path) if letter == "/")
    manifest = source.manifest()
    return not any(
        f"{folder}/{name}" in manifest
        for folder in folders
        for name in ("configure", "configure.ac", "configure.in")
    )


def _read_by_a_script(paths: Iterable[str], source: SourceTree) -> str | None:
    """Whether one of ``paths`` is named by a script that configuring calls, or one that this calls:
    a version is often made so (``m4_esyscmd([scripts/version])``). Or whether it could be read
    there by a pattern, or automake is to include it."""
    names = sorted({p.rsplit("/", 1)[-1] for p in paths if not (is_compiled(p) or is_prose(p))})
    if not (names and _is_autoconf(source)):
        return None
    called = _scripts_called(source)
    for file, line in source.lines_with(names, [*map(_literally, called), "*.am"]):
        if file.endswith(".am") and not _INCLUDES.match(line):
            continue
        named = next(name for name in names if name in line)
        return f"{named} changed, which {file} names"
    manifest = source.manifest()
    own = [path for path in (*_AUTOCONF_FILES, *called) if path in manifest]
    written = (path for path in own if not _OF_AUTOCONF.search(path) or path in _AUTOCONF_FILES)
    for file, text in texts_of(source, written).items():
        if _READS_MANY.search(text):
            return f"{names[0]} changed, and {file} reads files that it doesn't name"
    return None


def _scripts_called(source: SourceTree) -> list[str]:
    """The scripts that configuring may call: those whose names its files mention, and those that
    they mention in turn."""
    scripts: dict[str, list[str]] = {}
    for path, entry in source.manifest().items():
        if entry.mode == _EXECUTABLE or path.endswith(_SCRIPTS):
            scripts.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    called: list[str] = []
    files: Iterable[str] = _CONFIGURE_FILES
    while files and scripts:
        lines = source.lines_with(sorted(scripts), tuple(files))
        mentioned = {name for name in scripts for _, line in lines if name in line}
        found = [path for name in mentioned for path in scripts.pop(name)]
        files = [*map(_literally, found)]
        called += found
    return called


def _literally(path: str) -> str:
    """The pattern that matches this path alone."""
    return "/" + re.sub(r"[*?\[]", r"[\g<0>]", path)


def _is_read_by_cmake(command: str, source: SourceTree) -> bool:
    """Whether the files of CMake and Meson may be read: not where a configure script of autoconf's
    is all that runs, and doesn't speak of them."""
    if any(word in command for word in _OTHERS) or not _is_autoconf(source):
        return True
    scripts = ("configure.ac", "configure.in", "*.m4", *_BOOTSTRAPS)
    lines = source.lines_with(_OTHERS, scripts)
    return any(not _HARMLESS.search(line) for _, line in lines)


def _read_by_name(command: str, paths: Iterable[str], source: SourceTree) -> str | None:
    paths = [path for path in paths if not is_prose(path)]
    names = {path.rsplit("/", 1)[-1] for path in paths}
    if not names:
        return None
    begin_search(source)
    listed: dict[str, set[str]] = {}
    for file, line in source.lines_with(sorted(names), _CONFIGURE_FILES):
        if _HARMLESS.search(line):
            continue
        named = {name for name in names if name in line}
        if not file.endswith(_LISTS_SOURCES):
            return f"{min(named)} changed, which {file} names"
        listed.setdefault(file, set()).update(named)
    if not _is_read_by_cmake(command, source):
        return None
    why, variables = read_by_folder(paths, source)
    if why is not None:
        return why
    for file, text in texts_of(source, listed).items():
        named = listed[file]
        for name in sorted(named):
            if _is_read(name, text):
                return f"{name} changed, which {file} reads"
            variables |= dict.fromkeys(_variables_with(name, text), name)
    return _read_by_variable(variables, source)


def _read_by_variable(variables: dict[str, str], source: SourceTree) -> str | None:
    """``variables`` are names of variables, each with that of a changed file in it."""
    seen: set[str] = set()
    texts = texts_of(source, filter(matcher(FILES), source.manifest())) if variables else {}
    while variables:
        seen |= variables.keys()
        more: dict[str, str] = {}
        for file, text in texts.items():
            for variable, name in variables.items():
                if variable not in text:
                    continue
                if _is_read(variable, text):
                    return f"{name} changed, which {file} reads as {variable}"
                more |= dict.fromkeys(_variables_with(variable, text), name)
        variables = {variable: more[variable] for variable in more.keys() - seen}
    return None


def _is_read(word: str, text: str) -> bool:
    """Whether a statement that reads files while configuring names ``word``."""
    return any(_says(word, said) for said in _readings(text))


def _says(word: str, said: str) -> bool:
    """Whether a statement has a whole ``word``. Not as what it calls: `file(STRINGS …)` has no
    variable of the name `file`."""
    return word in said and bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w| ?\()", said))


def _variables_with(name: str, text: str) -> Iterator[str]:
    """The variables that a text may have ``name`` put into."""
    return (variable for variable, value in assignments(text) if _says(name, value))


@lru_cache(maxsize=512)
def _readings(text: str) -> tuple[str, ...]:
    calls = statements(text, CALL)
    return tuple(said for said in calls if _READS.search(said) and not _NEVER.match(said))


def _is_autoconf(source: SourceTree) -> bool:
    """GNU Autoconf: its configure scripts know no globs, and automake's lists are explicit."""
    manifest = source.manifest()
    return "configure.ac" in manifest or "configure.in" in manifest


def is_compiled(path: str) -> bool:
    """An input of a compiler."""
    return _suffix(path) in _COMPILED


def is_prose(path: str) -> bool:
    """Documentation, pictures, what tells a host what to check: nothing that a configure step or a
    makefile reads."""
    parts = path.split("/")
    return parts[0] in _OF_HOSTS or parts[-1] in _OF_GIT or _suffix(path) in _PROSE


def _suffix(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name[1:] else ""
