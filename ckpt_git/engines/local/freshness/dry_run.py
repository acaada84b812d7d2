"""make's dry runs, in sandboxes that are thrown away: GNU make's manual, "Instead of Execution"."""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ckpt_git.engines.local.job import Job, run_phases
from ckpt_git.engines.local.workspace import layers
from ckpt_git.engines.local.workspace.layers import Ground
from ckpt_git.model.footprint import Footprint

if TYPE_CHECKING:
    from ckpt_git.engines.local.trace.session import Tracing

_TIMEOUT = 20.0  # seconds; a dry run that takes longer isn't worth it
_FOLDER = re.compile(r"^g?make(?:\[\d+\])?: (Entering|Leaving) directory [`'](.*)'$")
_NO_RULE = re.compile(r"\*\*\* No rule to make target [`'](.+?)'")
_ROUNDS = 4


class Command(NamedTuple):
    """One command that make prints, and the folder that it runs in."""

    folder: str
    text: str


Commands = Counter[Command]


class DryRun(NamedTuple):
    """What a dry run told. ``wanted`` are the files that no rule was found for; ``footprint`` is
    what it read, where that was looked at and could be seen."""

    passed: bool
    commands: Commands
    wanted: frozenset[str]
    footprint: Footprint | None = None


class UnfitError(Exception):
    """What make would miss can't be told or can't be helped: a reason for a clean build."""


def commands(output: str) -> Commands:
    """The commands in what ``make -n`` printed, each with its folder."""
    folders: list[str] = []
    found: Commands = Counter()
    whole = output.replace("\\\n", " ")
    for line in whole.splitlines():
        moved = _FOLDER.match(line)
        if moved is not None and moved[1] == "Entering":
            folders.append(moved[2])
        elif moved is not None and folders:
            folders.pop()
        elif line and not line.startswith(("=== ", "make: ", "make[")):
            found[Command(folders[-1] if folders else "", line)] += 1
    return found


def whole(job: Job, built: Collection[str], run: Callable[[Collection[str]], DryRun]) -> DryRun:
    """The one that tells all commands of a clean build. ``run`` hides what it is given.

    Raises ``UnfitError`` where none does.

    A file that a make below makes must not be hidden from the one above, which has no rule for it:
    in a dry run it would never be there. Nor must what such a file is a link to (libtool's
    ``.libs/x.la``).
    """
    hidden = set(built)
    for _ in range(_ROUNDS):
        found = run(hidden)
        wanted = {path for path in hidden for name in found.wanted if _is_called(path, name)}
        wanted |= {_linked_to(job, path) for path in wanted} & hidden
        if found.passed or not wanted:
            break
        hidden -= wanted
    return _passed(found)


def _is_called(path: str, name: str) -> bool:
    name = posixpath.normpath(name).lstrip("./")
    return path == name or path.endswith(f"/{name}")


def _linked_to(job: Job, path: str) -> str:
    """What a link of the checkpoint's points to, relative to ``/build``; itself where it's none."""
    assert job.start is not None
    layer = job.store.layer(job.start.checkpoint.id)
    for name in () if layer is None else layer.chain:
        with suppress(OSError):
            target = os.readlink(job.store.fs(name) / path)
            return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return path


def _passed(found: DryRun) -> DryRun:
    if not found.passed:
        raise UnfitError("a dry run of make doesn't tell what it would run")
    return found


def of_the_base(job: Job, hidden: Collection[str], tracer: Path | None = None) -> DryRun:
    """A build of the checkpoint's own sources, if ``hidden`` weren't there; ``tracer`` sees what is
    read."""
    assert job.start is not None
    checkpoint, method = job.start.checkpoint.id, job.able.layers
    with job.store.workspace() as scratch:
        ground = layers.of_checkpoint(job.store, method, scratch, checkpoint, hidden)
        return _dry_run(job, scratch, ground, tracer)


def on(
    job: Job, work: Path, ground: Ground, hidden: Collection[str], tracer: Path | None = None
) -> DryRun:
    """A build on ``ground`` if ``hidden`` weren't there; ``tracer`` sees what is read."""
    with job.store.workspace() as scratch:
        upon = layers.upon(job.store, work, ground, scratch, hidden)
        return _dry_run(job, scratch, upon, tracer)


def would_run(job: Job, work: Path, ground: Ground, hidden: Collection[str] = ()) -> Commands:
    """The commands of a build on ``ground`` if ``hidden`` weren't there.

    Raises ``UnfitError`` where a dry run doesn't tell.
    """
    return _passed(on(job, work, ground, hidden)).commands


def _dry_run(job: Job, scratch: Path, ground: Ground, tracer: Path | None = None) -> DryRun:
    """What the phases print with make told to run nothing.

    ``check`` and ``install`` may fail: they may want what was not built.
    """
    phases = {
        name: text if name == "build" else f"( {text}\n) || true"
        for name, text in job.drv.phases.items()
        if name in {"build", "check", "install"}
    }
    log = scratch / "log"
    limits = replace(job.drv.limits, timeout=_TIMEOUT)
    drv = replace(job.drv, limits=limits)
    quiet = replace(job, drv=drv, log=log, listener=lambda _: None, tracer=tracer)
    env = {"MAKEFLAGS": "nwk", "NIX_BUILD_CORES": "1"}
    tracing = quiet.tracing(scratch)
    ended = run_phases(quiet, scratch, ground, phases, env=env, tracing=tracing)
    output = log.read_text(errors="replace")
    wanted = frozenset(_NO_RULE.findall(output))
    return DryRun(ended.code == 0, commands(output), wanted, _footprint(job, tracing))


def _footprint(job: Job, tracing: Tracing | None) -> Footprint | None:
    if tracing is None:
        return None
    try:
        return Footprint.of(tracing.trace(job.source, clean=True))
    except (OSError, ValueError):  # what ran damaged what was noted
        return None
