"""Writes the demo's project, a small C program, and makes the demo's changes to it.

The program, ``tally``, summarises a column of numbers held as one of ten types. What is written
once lies in ``sources/`` as it is; what each type needs is written from ``sources/per_type/``.
Touches the folder it is given and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SOURCES = Path(__file__).parent / "sources"
_INCLUDE = re.compile(r'^#include "(.+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type that a column can be held as.

    ``wide`` is the C type it is read into with ``parse``; ``refused`` holds for a value of
    ``wide`` that ``type`` can't hold.
    """

    name: str
    type: str
    wide: str
    parse: str
    refused: str


@dataclass(frozen=True, slots=True)
class Change:
    """A commit that the demo makes: in each file, one text replaced by another."""

    subject: str
    edits: tuple[tuple[str, str, str], ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path, _, _ in self.edits))


def _signed(bits: int, limits: str = "") -> Kind:
    return Kind(f"i{bits}", f"int{bits}_t", "long long", "strtoll(word, &end, 10)", limits)


def _unsigned(bits: int, limits: str = "") -> Kind:
    # strtoull takes a minus sign and wraps around.
    refused = f" || *word == '-'{limits}"
    wide, parse = "unsigned long long", "strtoull(word, &end, 10)"
    return Kind(f"u{bits}", f"uint{bits}_t", wide, parse, refused)


KINDS = (
    *(_signed(n, f" || number > INT{n}_MAX || number < INT{n}_MIN") for n in (8, 16, 32)),
    _signed(64),
    *(_unsigned(n, f" || number > UINT{n}_MAX") for n in (8, 16, 32)),
    _unsigned(64),
    Kind("f32", "float", "double", "strtod(word, &end)", " || fabs(number) > FLT_MAX"),
    Kind("f64", "double", "double", "strtod(word, &end)", ""),
)

_UPPER_MEDIAN = """\
{
    return ascending[count / 2];
"""
_MEDIAN = """\
{
    if (count % 2 == 0)
        return (ascending[count / 2 - 1] + ascending[count / 2]) / 2.0;
    return ascending[count / 2];
"""
_LEAST = """\
    double least;
"""
_RANGE = """\
    double range;
"""
_SET_MEDIAN = """\
    summary->median = median_of(ascending, count);
"""
_SET_RANGE = """\
    summary->range = summary->greatest - summary->least;
"""
_PRINT_MEDIAN = """\
    text_addf(&out, "median     %g\\n", summary->median);
"""
_PRINT_RANGE = """\
    text_addf(&out, "range      %g\\n", summary->range);
"""

ONE_SOURCE = Change(
    "The median of an even count is the mean of the two in the middle",
    (("src/summary.c", _UPPER_MEDIAN, _MEDIAN),),
)
"""A mistake mended in one C file."""

ONE_HEADER = Change(
    "Tell the range of a column too",
    (
        ("include/tally/summary.h", _LEAST, _RANGE + _LEAST),
        ("src/summary.c", _SET_MEDIAN, _SET_RANGE + _SET_MEDIAN),
        ("src/summary.c", _PRINT_MEDIAN, _PRINT_RANGE + _PRINT_MEDIAN),
    ),
)
"""A struct that grows at its start: whoever uses its header has to be compiled again, or lies."""


def write_project(folder: Path) -> tuple[str, ...]:
    """Write the whole project below ``folder`` and return the paths of its files, sorted."""
    written = []
    for path, text in _files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        written.append(path)
    return tuple(sorted(written))


def apply_change(folder: Path, change: Change) -> None:
    """Make ``change`` to the files below ``folder``.

    Raises ``ValueError`` where a file doesn't hold the text that is to be replaced.
    """
    for path, old, new in change.edits:
        text = (folder / path).read_text()
        if text.count(old) != 1:
            raise ValueError(f"{path}: {old!r} is there {text.count(old)} times")
        (folder / path).write_text(text.replace(old, new))


def sources_affected(folder: Path, changed: tuple[str, ...]) -> frozenset[str]:
    """The C files that are among ``changed`` or include one of them, directly or not.

    Read from the ``#include`` lines themselves: a second opinion on what the compiler's own
    dependency files make ``make`` do.
    """
    return frozenset(
        path.relative_to(folder).as_posix()
        for path in folder.glob("src/*.c")
        if not _reach(folder, path.relative_to(folder).as_posix()).isdisjoint(changed)
    )


def _reach(folder: Path, start: str) -> set[str]:
    """``start`` and all that it includes."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            names = _INCLUDE.findall((folder / path).read_text())
            waiting += [f"include/{name}" for name in names]
    return reached


def _files() -> Iterator[tuple[str, str]]:
    """Every file of the project: its path and its text."""
    yield ".gitignore", (_SOURCES / "gitignore").read_text()
    for path in ("Makefile", "README", "tests/run.sh"):
        yield path, (_SOURCES / path).read_text()
    for source in (*_SOURCES.glob("include/tally/*.h"), *_SOURCES.glob("src/*.c")):
        yield source.relative_to(_SOURCES).as_posix(), source.read_text()
    yield "src/kinds.c", _kinds_source()
    for template in (_SOURCES / "per_type").glob("*.in"):
        for kind in KINDS:
            yield _instance(template, kind)


def _instance(template: Path, kind: Kind) -> tuple[str, str]:
    module, extension = template.name.removesuffix(".in").split(".")
    folder = "include/tally" if extension == "h" else "src"
    values = {
        "name": kind.name,
        "NAME": kind.name.upper(),
        "type": kind.type,
        "wide": kind.wide,
        "parse": kind.parse,
        "refused": kind.refused,
    }
    return f"{folder}/{module}_{kind.name}.{extension}", _filled(template.read_text(), values)


def _kinds_source() -> str:
    values = {
        "includes": "\n".join(f'#include "tally/column_{kind.name}.h"' for kind in KINDS),
        "entries": "\n".join(f'    {{"{k.name}", column_{k.name}_summarise}},' for k in KINDS),
    }
    return _filled((_SOURCES / "src" / "kinds.c.in").read_text(), values)


def _filled(template: str, values: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], template)
