"""What the local engine needs of a machine, and whether it is there: for ``doctor``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ckpt_git.engines.local.machine import Machine
from ckpt_git.engines.local.sandbox.capabilities import Abilities
from ckpt_git.engines.local.store.store import Store
from ckpt_git.engines.protocol import Diagnosis
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.errors import StoreError
from ckpt_git.model.report.finding import Finding, Level
from ckpt_git.watch.program import Programs

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
_GIB = 1 << 30
_TIGHT = 2 * _GIB  # less room than this in the store's file system is worth a note


class LocalDiagnosis(Diagnosis):
    """Looks at the machine anew, whatever was found out before."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def examine(self) -> Iterator[Finding]:
        found = store(self._machine.store)
        yield found
        if found.level == "missing":
            return  # what else there is can't be tried out
        able = self._machine.abilities()
        yield sandbox(able)
        yield layers(able)
        self._machine.look_for_programs_again()
        yield watcher(*self._machine.programs())

    def examine_package(self, drv: Derivation) -> Finding:
        return package(drv, self._machine.path(drv.inputs))


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
    """How a build gets what ``fetch`` brought, and why not in a quicker way."""
    reasons = _reasons(able.refused, ("overlay", "reflink"))
    level: Level = "note" if able.layers == "copy" else "fine"
    advice = "builds are copied: put the store on a file system with reflinks (btrfs, xfs)"
    return Finding(
        "layers", level, "; ".join([able.layers, *reasons]), advice if level == "note" else None
    )


def watcher(programs: Programs | None, refused: str | None) -> Finding:
    """Whether builds can be watched: nothing is answered from memory where they can't."""
    if programs is None:
        advice = "each build takes as long as a clean one until then"
        return Finding("watcher", "note", f"none ({refused})", advice)
    return Finding("watcher", "fine", "works")


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
