"""What the local engine needs of a machine, and whether it is there: for ``doctor``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ckpt_git.engines.local.host import COMPILER_CACHE, which
from ckpt_git.engines.local.sandbox.capabilities import Abilities
from ckpt_git.engines.local.store.store import Store
from ckpt_git.engines.local.toolchain.compiler_cache import LIMIT
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.errors import StoreError
from ckpt_git.model.finding import Finding, Level

_PROGRAM = re.compile(r"[\w.+-]+")
_SHELL = frozenset(
    (
        *("case", "for", "function", "if", "select", "time", "until", "while"),
        *("alias", "cd", "command", "declare", "eval", "exec", "exit", "export", "hash", "let"),
        *("local", "pushd", "read", "readonly", "set", "shift", "shopt", "source", "times", "trap"),
        *("type", "typeset", "ulimit", "umask", "unset", "wait"),
    )
)
"""What a shell knows by itself and nobody installs: words that begin a clause, builtins."""
_SAVES = "compiling then takes a quarter of the time, where it is optimised an eighth"
_GIB = 1 << 30
_TIGHT = 2 * _GIB  # less room than this in the store's file system is worth a note


def store(kept: Store) -> Finding:
    """Whether the store can be written, and how much room it has."""
    try:
        kept.open()
    except StoreError as error:
        return Finding("store", "missing", error.what, error.hint)
    free = shutil.disk_usage(kept.root).free
    text = f"{kept.root}, {free / _GIB:.1f} GiB free"
    if free < _TIGHT:
        return Finding("store", "note", text, "free some space, or set CKPT_STORE")
    return Finding("store", "fine", text)


def sandbox(able: Abilities) -> Finding:
    """Which sandbox builds get, and why no better one."""
    reasons = _reasons(able.refused, ("bubblewrap", "namespaces"))
    if able.sandbox == "none":
        advice = "install bubblewrap, or allow unprivileged user namespaces"
        return Finding("sandbox", "note", f"none ({'; '.join(reasons) or 'as asked for'})", advice)
    return Finding("sandbox", "fine", "; ".join([able.sandbox, *reasons]))


def layers(able: Abilities) -> Finding:
    """How a build starts on a checkpoint, and why not in a quicker way."""
    reasons = _reasons(able.refused, ("overlay", "reflink"))
    level: Level = "note" if able.layers == "copy" else "fine"
    advice = "builds are copied: put the store on a file system with reflinks (btrfs, xfs)"
    return Finding(
        "layers", level, "; ".join([able.layers, *reasons]), advice if level == "note" else None
    )


def tracer(library: Path | None, refused: str | None) -> Finding:
    """Whether builds can be traced, for those packages that ask for it."""
    if library is None:
        advice = "`trace` in ckpt.toml has no effect until then"
        return Finding("tracer", "note", f"none ({refused})", advice)
    return Finding("tracer", "fine", "works")


def compiler_cache(able: Abilities, path: str) -> Finding:
    """Whether builds that can't start from a checkpoint may take objects from a compiler cache."""
    found = which(COMPILER_CACHE, path)
    if able.sandbox == "none":
        return Finding("compiler cache", "note", "none: it is used in a sandbox alone")
    if found is None:
        what = "none: what can't start from a checkpoint takes as long as a clean build"
        return Finding("compiler cache", "note", what, f"install {COMPILER_CACHE}: {_SAVES}")
    return Finding("compiler cache", "fine", f"{found}, up to {LIMIT} for each package")


def package(drv: Derivation, path: str) -> Finding:
    """Whether there is what a build asks for before it has begun: inputs, and on ``path`` the
    programs that its commands begin with."""
    gone = [given for given in drv.inputs if not Path(given).exists()]
    if gone:
        what = f"its input {gone[0]} isn't there"
        return Finding(drv.name, "missing", what, "install it, or change `inputs` in ckpt.toml")
    for phase, command in drv.phases.items():
        program = _first_program(command)
        if program is not None and shutil.which(program, path=path) is None:
            what = f"`{phase}` starts with {program}, which isn't on the PATH of a build"
            advice = "install it, or name its folder under `inputs` in ckpt.toml"
            return Finding(drv.name, "missing", what, advice)
    return Finding(drv.name, "fine", ", ".join(drv.phases))


def _first_program(command: str) -> str | None:
    """The program that a shell command begins with, where that is plain to see."""
    words = command.split(maxsplit=1)
    return words[0] if words and _PROGRAM.fullmatch(words[0]) and words[0] not in _SHELL else None


def _reasons(refused: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    return [f"{name}: {why}" for name, why in refused.items() if name in names]
