"""Read ``ckpt.toml``: from the file's text to ``Config``. Pure; the caller reads files.

Everything is checked here, once: what comes out can be relied on, and what cannot be meant is a
``ConfigError`` that names file and line.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from ckpt_git.model.config import nix_recipe, toml_lines, values
from ckpt_git.model.config.packages import (
    DEFAULT_LOCKS,
    Config,
    Follow,
    OnCommit,
    Package,
    Verify,
)
from ckpt_git.model.config.push_policy import PUSH_KEYS, PushPolicy, parse_policy
from ckpt_git.model.config.values import FaultError
from ckpt_git.model.derivation import PHASES, Limits
from ckpt_git.model.errors import ConfigError

if TYPE_CHECKING:
    from ckpt_git.model.config.nix_recipe import NixRecipe
    from ckpt_git.model.config.toml_lines import KeyPath

Value = TypeVar("Value")


ENGINES = ("auto", "local", "nix")
FOLLOW: tuple[Follow, ...] = get_args(Follow)
VERIFY: tuple[Verify, ...] = get_args(Verify)
SHARED: Mapping[str, Callable[[KeyPath, object], Any]] = {
    "follow": lambda path, value: values.one_of(path, value, FOLLOW),
    "trace": values.boolean,
    "verify": lambda path, value: values.one_of(path, value, VERIFY),
    "max_depth": values.count,
}
"""Keys of a package that may also stand at the top, as the default for all; each is a field of
``Package``, and has the function that checks its value."""

COMMON_KEYS = ("engine", "source", "ignore", "timeout", *SHARED)
LOCAL_KEYS = ("fetch", *PHASES, "env", "inputs", "memory", "processes", "locks")
NIX_KEYS = ("file", "attr", "flake", "expr", "nix")
NIX_SETTINGS = ("options", "store")
PACKAGE_KEYS = (*COMMON_KEYS, *LOCAL_KEYS, *NIX_KEYS)
TOP_KEYS = ("on_commit", "notes", "store_limit", *SHARED, "push", "package")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_TOML_LINE = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)$")

LARGEST = 256 * 1024
"""Bytes of a file that is read in well under a second, however it is written: 2,000 packages. A
commit of somebody else's may bring any file, and a hook reads it."""
_DEEPEST = 5
_DEEP_KEY = re.compile(
    r"""(?:^|[\[{,])[ \t]*+(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"""
    f"{{{_DEEPEST}}}",
    re.MULTILINE,
)
"""``tomllib`` takes time and memory by the square of a dotted key's parts."""

_EXAMPLE = 'write, for example: [package.hello] and below it build = "make"'
_NAME_ONE = 'say which derivation, e.g. file = "default.nix", flake = ".#hello" or expr = "…"'


def parse(text: str, *, where: str = "ckpt.toml") -> Config:
    """Read the text of a ``ckpt.toml``; ``where`` is the name that errors show.

    Raises ``ConfigError`` for anything that cannot be meant, as ``where:line: what``.
    """
    try:
        return _config(_load(text, where))
    except FaultError as fault:
        line = _line(toml_lines.key_lines(text), fault.path)
        raise ConfigError(f"{where}:{line}: {fault.what}", fault.hint) from None


def decode(data: bytes, where: str = "ckpt.toml") -> str:
    """The text of the file ``where``. Raises ``ConfigError`` where it isn't UTF-8, or too long."""
    if len(data) > LARGEST:
        raise ConfigError(
            f"{where} is longer than {LARGEST // 1024} kB",
            "move long commands into scripts of the repository",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{where}:{line}: byte 0x{data[error.start]:02x} is not UTF-8",
            "save the file as UTF-8, which TOML asks for",
        ) from error


def _line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of ``path``, or of the nearest table around it that the text names."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _load(text: str, where: str) -> Mapping[str, Any]:
    if deep := _DEEP_KEY.search(text):
        line = text.count("\n", 0, deep.start()) + 1
        raise ConfigError(f"{where}:{line}: a key of more than {_DEEPEST} parts", "shorten it")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number or a nesting beyond all use, too
        place = _TOML_LINE.search(str(error))
        last = text.rstrip("\n").count("\n") + 1
        line = int(place[1]) if place and place[1] else last
        what = str(error)[: place.start()] if place else str(error)
        raise ConfigError(
            f"{where}:{line}: not valid TOML: {what}", "its rules are at https://toml.io"
        ) from error


# From here on: one function per thing that the file can hold, from the whole to the parts.


def _config(data: Mapping[str, Any]) -> Config:
    for key in data:
        if key not in TOP_KEYS:
            raise _unknown((key,), TOP_KEYS, elsewhere=PACKAGE_KEYS)
    on_commit = values.one_of(
        ("on_commit",), data.get("on_commit", "worktree"), ("worktree", "commit")
    )
    tables = values.table(("package",), data.get("package", {}))
    if not tables:
        raise FaultError(("package",), "no [package.NAME]: nothing to build", _EXAMPLE)
    shared = {key: check((key,), data[key]) for key, check in SHARED.items() if key in data}
    return Config(
        packages={name: _package(name, given, shared) for name, given in tables.items()},
        on_commit=cast(OnCommit, on_commit),
        notes=values.boolean(("notes",), data.get("notes", False)),
        push=_push(data.get("push", {})),
        store_limit=_optional(values.size, (), "store_limit", data),
    )


def _push(data: object) -> PushPolicy:
    table = values.table(("push",), data)
    for key in table:
        if key not in PUSH_KEYS:
            raise _unknown(("push", key), PUSH_KEYS, elsewhere=())
    return parse_policy(table)


def _package(name: str, data: object, shared: Mapping[str, Any]) -> Package:
    """The package ``name``; ``shared`` has what the top of the file says for all."""
    at = ("package", name)
    if name in PACKAGE_KEYS and not isinstance(data, dict):
        raise FaultError(at, f"`{name}` stands in [package], not in a package", _EXAMPLE)
    table = values.table(at, data)
    _check_name(at, name)
    for key in table:
        if key not in PACKAGE_KEYS:
            raise _unknown((*at, key), PACKAGE_KEYS, elsewhere=(*TOP_KEYS, *NIX_SETTINGS))
    engine = _engine(at, table)
    nix = _nix(at, name, table) if engine == "nix" else None
    if nix is None and "build" not in table:
        raise FaultError(at, f"package `{name}` has no `build`", 'say how, e.g. build = "make"')
    return Package(
        name=name,
        engine=engine,
        phases={key: values.command((*at, key), table[key]) for key in PHASES if key in table},
        fetch=_optional(values.command, at, "fetch", table),
        locks=values.patterns((*at, "locks"), table.get("locks", list(DEFAULT_LOCKS))),
        env=values.env((*at, "env"), table.get("env", {})),
        inputs=values.inputs((*at, "inputs"), table.get("inputs", [])),
        source="."
        if nix is not None and not nix.overrides_source
        else values.source_folder((*at, "source"), table.get("source", ".")),
        ignore=values.patterns((*at, "ignore"), table.get("ignore", [])),
        limits=Limits(
            timeout=_optional(values.duration, at, "timeout", table),
            memory=_optional(values.size, at, "memory", table),
            processes=_optional(values.count, at, "processes", table),
        ),
        nix=nix,
        **{**shared, **_own(at, table)},
    )


def _own(at: KeyPath, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys in a package's table that could also stand for all packages."""
    return {key: check((*at, key), table[key]) for key, check in SHARED.items() if key in table}


def _engine(at: KeyPath, table: Mapping[str, object]) -> str:
    """The engine that a table means: ``nix`` also where it just names a derivation.

    A key of the other engine would be without effect, so it is refused.
    """
    engine = values.one_of((*at, "engine"), table.get("engine", "auto"), ENGINES)
    kinds = {key: "nix" if key in NIX_KEYS else "local" for key in table if key not in COMMON_KEYS}
    meant = next(iter(kinds.values()), engine) if engine == "auto" else engine
    for key, kind in kinds.items():
        if kind != meant:
            other, with_ = ("Nix", "commands") if kind == "nix" else ("local", "Nix")
            raise FaultError(
                (*at, key),
                f"`{key}` is for the {other} engine, and package `{at[-1]}` is built with {with_}",
                "take it out, or make a package of its own of it",
            )
    return "nix" if meant == "nix" else engine


def _nix(at: KeyPath, name: str, table: Mapping[str, Any]) -> NixRecipe:
    """The derivation that a table names, and how Nix is called for it."""
    given = [form for form in nix_recipe.FORMS if form in table]
    if not given:
        raise FaultError(at, f"package `{name}` names no derivation", _NAME_ONE)
    if len(given) > 1:
        what = f"package `{name}` has both `{given[0]}` and `{given[1]}`"
        raise FaultError((*at, given[1]), what, "keep the one that names its derivation")
    form = given[0]
    if "attr" in table and form != "file":
        hint = "write it into the expression" if form == "expr" else "write it behind the #"
        raise FaultError((*at, "attr"), f"`attr` goes with `file`, not with `{form}`", hint)
    settings = values.table((*at, "nix"), table.get("nix", {}))
    for key in settings:
        if key not in NIX_SETTINGS:
            raise _unknown((*at, "nix", key), NIX_SETTINGS, elsewhere=())
    parse = {"file": values.nix_file, "flake": values.flake, "expr": values.command}[form]
    return nix_recipe.NixRecipe(
        form=form,
        text=parse((*at, form), table[form]),
        attr=_optional(values.command, at, "attr", table) or "",
        overrides_source=table.get("source") is not False,
        options=values.words((*at, "nix", "options"), settings.get("options", [])),
        store=_optional(values.command, (*at, "nix"), "store", settings),
    )


def _check_name(at: KeyPath, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise FaultError(
            at,
            f"{values.shown(name)} can't be a package's name, which becomes part of paths",
            "use up to 64 letters, digits and . _ + -, and begin with a letter or a digit",
        )


def _unknown(path: KeyPath, known: Iterable[str], *, elsewhere: Iterable[str]) -> FaultError:
    key, what = path[-1], f"unknown key {values.shown(path[-1])}"
    if key in elsewhere:
        where = "at the top, before the first [package.NAME]"
        if len(path) == 1:
            where = "in a [package.NAME]"
        elif key in NIX_SETTINGS:
            where = "in a [package.NAME.nix]"
        return FaultError(path, what + " here", f"it belongs {where}")
    if near := difflib.get_close_matches(key, known, n=1):
        return FaultError(path, what, f"did you mean `{near[0]}`?")
    return FaultError(path, what, f"known here: {', '.join(known)}")


def _optional(
    parse: Callable[[KeyPath, object], Value], at: KeyPath, key: str, table: Mapping[str, object]
) -> Value | None:
    return parse((*at, key), table[key]) if key in table else None
