"""``doctor``: what works here, what doesn't, and what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ckpt_git import __version__
from ckpt_git.builds.background import running
from ckpt_git.builds.context import Context, store_path
from ckpt_git.cli.streams import out
from ckpt_git.engines.local import system
from ckpt_git.engines.local.engine import LocalEngine
from ckpt_git.engines.local.probe import Abilities
from ckpt_git.engines.local.store import Store
from ckpt_git.git.hooks import HOOKS, hooks_folder
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.errors import CkptError
from ckpt_git.process import run

Level = Literal["fine", "note", "missing"]
_SIGNS = {"fine": "✓", "note": "!", "missing": "✗"}
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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``advice`` says what to do where it isn't fine."""

    subject: str
    level: Level
    text: str
    advice: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> list[Finding]:
    """Look at everything; what can't be looked at is a finding too. Writes only to the store."""
    findings = [*_programs()]
    try:
        context = Context.open()
    except CkptError as error:
        return [*findings, Finding("repository", "missing", error.what, error.hint)]
    for look in (_repository, _configuration, _hooks, _store, _engine, _builder):
        try:
            findings += look(context)
        except CkptError as error:
            findings.append(Finding(look.__name__.strip("_"), "missing", error.what, error.hint))
    return findings


def show(findings: list[Finding]) -> None:
    """Print findings for people."""
    for finding in findings:
        out(f"{_SIGNS[finding.level]} {finding.subject:14} {finding.text}")
        if finding.advice is not None:
            out(f"  {'':14} {finding.advice}")


def _programs() -> Iterator[Finding]:
    yield Finding("git-ckpt", "fine", f"{__version__}, Python {sys.version.split()[0]}")
    try:
        yield Finding("git", "fine", run(["git", "version"]).stdout.decode().strip())
    except CkptError as error:
        yield Finding("git", "missing", error.what, error.hint)


def _repository(context: Context) -> Iterator[Finding]:
    repo = context.repo
    yield Finding("repository", "fine", f"{repo.top or repo.git_dir} ({repo.object_format})")


def _configuration(context: Context) -> Iterator[Finding]:
    target = context.current()
    for package in context.config(target.tree).packages.values():
        yield _package(context, context.derivation(package, target.tree))


def _package(context: Context, drv: Derivation) -> Finding:
    """Whether there is what a build asks for before it has begun: inputs, and the programs
    that its commands begin with."""
    gone = [path for path in drv.inputs if not Path(path).exists()]
    if gone:
        what = f"its input {gone[0]} isn't there"
        return Finding(drv.name, "missing", what, "install it, or change `inputs` in ckpt.toml")
    for phase, command in drv.phases.items():
        program = _first_program(command)
        if program is not None and shutil.which(program, path=_build_path(context, drv)) is None:
            what = f"`{phase}` starts with {program}, which isn't on the PATH of a build"
            advice = "install it, or name its folder under `inputs` in ckpt.toml"
            return Finding(drv.name, "missing", what, advice)
    return Finding(drv.name, "fine", ", ".join(drv.phases))


def _first_program(command: str) -> str | None:
    """The program that a shell command begins with, where that is plain to see."""
    words = command.split(maxsplit=1)
    return words[0] if words and _PROGRAM.fullmatch(words[0]) and words[0] not in _SHELL else None


def _build_path(context: Context, drv: Derivation) -> str:
    engine = context.engine("local")
    assert isinstance(engine, LocalEngine)
    own = engine.abilities().sandbox == "none"
    base = context.environment.get("PATH", os.defpath) if own else system.SYSTEM_PATH
    return system.search_path(drv.inputs, base)


def _hooks(context: Context) -> Iterator[Finding]:
    if context.repo.top is None:
        return  # nobody commits in a bare repository
    folder = hooks_folder(context.repo)
    for name in HOOKS:
        hook = folder / name
        ours = hook.is_file() and b"ckpt" in hook.read_bytes()
        if ours and os.access(hook, os.X_OK):
            yield Finding("hooks", "fine", str(hook))
        else:
            yield Finding("hooks", "note", f"{hook} isn't ours", "`git ckpt install` puts it there")


def _store(context: Context) -> Iterator[Finding]:
    path = store_path(context.repo, context.home, context.environment)
    Store(path).open()
    free = shutil.disk_usage(path).free
    text = f"{path}, {free / _GIB:.1f} GiB free"
    if free < _TIGHT:
        yield Finding("store", "note", text, "free some space, or set CKPT_STORE")
    else:
        yield Finding("store", "fine", text)


def _engine(context: Context) -> Iterator[Finding]:
    engine = context.engine("local")
    assert isinstance(engine, LocalEngine)
    able = engine.abilities()
    yield _sandbox(able)
    yield _layers(able)


def _sandbox(able: Abilities) -> Finding:
    reasons = [f"{name}: {why}" for name, why in able.refused.items()
               if name in {"bubblewrap", "namespaces"}]  # fmt: skip
    if able.sandbox == "none":
        advice = "install bubblewrap, or allow unprivileged user namespaces"
        return Finding("sandbox", "note", f"none ({'; '.join(reasons) or 'as asked for'})", advice)
    return Finding("sandbox", "fine", "; ".join([able.sandbox, *reasons]))


def _layers(able: Abilities) -> Finding:
    reasons = [f"{name}: {why}" for name, why in able.refused.items()
               if name in {"overlay", "reflink"}]  # fmt: skip
    level: Level = "note" if able.layers == "copy" else "fine"
    advice = "builds are copied: put the store on a file system with reflinks (btrfs, xfs)"
    return Finding(
        "layers", level, "; ".join([able.layers, *reasons]), advice if level == "note" else None
    )


def _builder(context: Context) -> Iterator[Finding]:
    now = running(context.state)
    text = "idle" if now is None else f"process {now.pid} builds {now.package or now.tree[:10]}"
    yield Finding("builder", "fine", text)
