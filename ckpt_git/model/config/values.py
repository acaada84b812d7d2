"""The values that a key of ``ckpt.toml`` can have, checked one by one. Pure.

Each function takes the path of the value, for errors, and the value as ``tomllib`` gave it; it
returns the value in the form that ``Config`` holds, or raises a ``FaultError`` that says what
was expected and what is there. ``config`` knows which key has which, and on which line it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from ckpt_git.model.config.toml_lines import KeyPath

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SANDBOX_VARIABLES = ("out", "NIX_BUILD_TOP")
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d+)?)s?)?")
_DURATION_UNITS = (86_400, 3_600, 60, 1)
_LONGEST = 1 << 50  # seconds: more is a slip, and overflows what a clock can add
_SIZE = re.compile(r"(\d{1,15}(?:\.\d+)?) ?([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class FaultError(Exception):
    """What is wrong with the value at ``path``. Its line is looked up when the error is printed."""

    def __init__(self, path: KeyPath, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.path = path
        self.what = what
        self.hint = hint


def table(path: KeyPath, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _wrong(path, "a table", value)
    return value


def boolean(path: KeyPath, value: object) -> bool:
    if not isinstance(value, bool):
        _wrong(path, "true or false", value)
    return value


def string(path: KeyPath, value: object) -> str:
    if not isinstance(value, str):
        _wrong(path, "a string", value)
    if "\0" in value:
        raise FaultError(path, f"{_named(path)} has a NUL character, which nothing here can hold")
    return value


def one_of(path: KeyPath, value: object, allowed: Sequence[str]) -> str:
    text = string(path, value)
    if text not in allowed:
        known = " or ".join(f'"{one}"' for one in allowed)
        raise FaultError(path, f"{_named(path)} is {shown(text)}", f"write {known}")
    return text


def command(path: KeyPath, value: object) -> str:
    text = string(path, value)
    if not text.strip():
        raise FaultError(path, f"{_named(path)} is empty", "leave the key out or give a command")
    return text


def words(path: KeyPath, value: object) -> tuple[str, ...]:
    """Strings, of which some may be empty."""
    if not isinstance(value, list):
        _wrong(path, "an array of strings", value)
    for element in value:
        if not isinstance(element, str):
            _wrong(path, "an array of strings", element, among=True)
    return tuple(string(path, element) for element in value)


def strings(path: KeyPath, value: object) -> tuple[str, ...]:
    given = words(path, value)
    if "" in given:
        raise FaultError(path, f"{_named(path)} has an empty string in it", "take it out")
    return given


def patterns(path: KeyPath, value: object) -> tuple[str, ...]:
    patterns = strings(path, value)
    for pattern in patterns:
        if pattern.startswith("!"):
            raise FaultError(
                path, f"{_named(path)}: {shown(pattern)}: a pattern can't take others back"
            )
    return patterns


def env(path: KeyPath, value: object) -> Mapping[str, str]:
    variables = table(path, value)
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise FaultError(
                (*path, name),
                f"{shown(name)} can't be the name of a variable",
                "use letters, digits and _, and begin with none of the digits",
            )
        if name in _SANDBOX_VARIABLES:
            raise FaultError(
                (*path, name), f"`{name}` is set by the sandbox", "choose another name"
            )
    return {name: string((*path, name), given) for name, given in variables.items()}


def inputs(path: KeyPath, value: object) -> tuple[str, ...]:
    inputs = strings(path, value)
    for one in inputs:
        if not one.startswith(("/", "~/")):
            raise FaultError(
                path,
                f"{_named(path)}: {shown(one)} is neither absolute nor below ~/",
                "files of the repository are there anyway; name what lies outside in full",
            )
        if ".." in one.split("/"):
            raise FaultError(
                path, f'{_named(path)}: {shown(one)} has ".." in it', "name it plainly"
            )
        if posixpath.normpath(one) in {"/", "//", "~"}:
            raise FaultError(
                path,
                f"{_named(path)}: {shown(one)} would show the build everything, secrets too",
                "name the one folder that the build needs",
            )
    return inputs


def source_folder(path: KeyPath, value: object) -> str:
    text = string(path, value)
    normal = posixpath.normpath(text)
    if not text or text.startswith("/") or normal.split("/")[0] == "..":
        raise FaultError(
            path,
            f"{_named(path)} is {shown(text)}, which is no folder of the repository",
            'give a path below its root, or "." for all of it',
        )
    return normal


def nix_file(path: KeyPath, value: object) -> str:
    """A path below the repository's root; a folder stands for its ``default.nix``."""
    return source_folder(path, value)


def flake(path: KeyPath, value: object) -> str:
    """A flake of this repository, as ``.#name`` or ``./folder#name``; normalised."""
    place, _, attribute = string(path, value).partition("#")
    if place.partition(":")[0] in {"git+file", "path"}:
        place = place.partition(":")[2]
    if not (place == "." or place.startswith("./")) or "?" in place:
        raise FaultError(
            path,
            f"{_named(path)} is {shown(value)}, which is no flake of this repository",
            'give one of its tree, e.g. ".#hello"',
        )
    return f"{source_folder(path, place)}#{attribute}"


def duration(path: KeyPath, value: object) -> float:
    """Seconds, from a number of them or a text such as ``1h30m``."""
    seconds = 0.0
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.replace(" ", ""))
        parts = zip(match.groups(), _DURATION_UNITS, strict=True) if match else ()
        seconds = sum(float(number) * unit for number, unit in parts if number)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value) if value < _LONGEST else 0.0
    else:
        _wrong(path, 'seconds, or a string like "1h30m"', value)
    if not 0 < seconds < _LONGEST:
        raise FaultError(
            path, f"{_named(path)} is {shown(value)}", 'give seconds above 0, or e.g. "1h30m"'
        )
    return seconds


def size(path: KeyPath, value: object) -> int:
    """Bytes, from a number of them or a text such as ``8G`` (units are powers of 1024)."""
    size = 0
    if isinstance(value, str):
        if match := _SIZE.fullmatch(value.strip()):
            size = int(float(match[1]) * _SIZE_UNITS[match[2].upper()])
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        _wrong(path, 'bytes, or a string like "8G"', value)
    if size <= 0:
        raise FaultError(
            path, f"{_named(path)} is {shown(value)}", 'give bytes above 0, or e.g. "8G"'
        )
    return size


def count(path: KeyPath, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        _wrong(path, "a whole number", value)
    if value <= 0:
        raise FaultError(path, f"{_named(path)} is {value}", "give a number above 0")
    return value


def _wrong(path: KeyPath, expected: str, value: object, *, among: bool = False) -> NoReturn:
    found = f"{_kind(value)} in it" if among else _kind(value)
    raise FaultError(path, f"{_named(path)} should be {expected}, but has {found}")


def _kind(value: object) -> str:
    """A TOML value's type in TOML's own words, with the value where that fits on the line."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the {'integer' if isinstance(value, int) else 'float'} {value}"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, list):
        return "an array"
    return "a table" if isinstance(value, dict) else "a date or time"


def _named(path: KeyPath) -> str:
    return f"`{path[-1]}`"


def shown(value: object) -> str:
    """A value for a one-line message: quoted, without control characters, not too long."""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return printable if len(printable) <= 60 else printable[:56] + '..."'  # noqa: PLR2004
