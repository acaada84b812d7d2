"""What make would run: asked of make itself, by a dry run, in a sandbox that is thrown away.

make decides by dates alone. It doesn't see that a command is another one (a flag in the
Makefile, a file that a wildcard no longer finds), so after such a change its "up to date" proves
nothing. But it can be asked: ``make -n`` in an empty tree prints every command of a clean build.
Done for the base's sources and for the new ones, that tells which commands are new; ``make -n``
on the checkpoint tells which of those it is going to run by itself. What is new and wouldn't
run is what a checkpointed build would get wrong. GNU make's manual, "Options/Recursion" and
"Instead of Execution".
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.local import layers
from ckpt_git.engines.local.job import Job, run_phases
from ckpt_git.engines.local.later import Later
from ckpt_git.engines.local.layers import Ground
from ckpt_git.engines.protocol import SourceTree

_TIMEOUT = 20.0  # seconds; a dry run that takes longer isn't worth it
_FOLDER = re.compile(r"^g?make(?:\[\d+\])?: (Entering|Leaving) directory [`'](.*)'$")
_ARCHIVER = re.compile(r"(?:^|/)(?:[\w.+-]+-)?(?:gcc-)?ar$")
_GLOB = re.compile(r"(?<![\\$])[*?](?!\))|\bfind\b|\bls\b")
_SHOWN = 70


class Command(NamedTuple):
    """One command that make prints, and the folder that it runs in."""

    folder: str
    text: str


Commands = Counter[Command]


def missed_by_make(job: Job, base: SourceTree) -> str | None:
    """Which command of a clean build would not be run on the checkpoint, or None.

    ``base`` is the tree that the checkpoint was built from.
    """
    assert job.start is not None
    basis = Later(lambda: _whole(job, base))
    fresh = _whole(job, job.source)
    before = basis.value()
    if fresh is None or before is None:
        return "a dry run of make doesn't tell what a clean build would run"
    new, gone = fresh - before, before - fresh
    if not new and not gone:
        return None
    going_to_run = _on_checkpoint(job)
    if going_to_run is None:
        return "a dry run of make doesn't tell what it would run on the checkpoint"
    for command in new:
        if command not in going_to_run:
            return f"make would not run a command that changed: {_short(command)}"
    return _stale_archive(new, gone) or _left_over(fresh, gone)


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


def _stale_archive(new: Commands, gone: Commands) -> str | None:
    """``ar r`` replaces members in their place and adds new ones at the end; it never removes
    or moves one: ar(1)."""
    now = {_archive(command): _members(command) for command in new}
    for command in gone:
        archive, before = _archive(command), _members(command)
        if archive is None or archive not in now:
            continue
        after = now[archive]
        stale = sorted(set(before) - set(after))
        if stale:
            return f"{archive[1]} would keep {stale[0]}, which left its list"
        if after[: len(before)] != before:
            return f"{archive[1]} would hold its members in another order"
    return None


def _left_over(fresh: Commands, gone: Commands) -> str | None:
    """What a command made that is no longer run lies in the checkpoint; a glob would find it."""
    made_before = [command for command in gone if not any(_alike(command, c) for c in fresh)]
    if not made_before:
        return None
    for command in fresh:
        if _GLOB.search(command.text):
            return f"what `{_short(made_before[0])}` once made could be found by {_short(command)}"
    return None


def _alike(one: Command, other: Command) -> bool:
    """Two forms of one command: the same program, making the same file."""
    return one.folder == other.folder and _made(one.text) == _made(other.text)


def _made(text: str) -> tuple[str, ...]:
    """The program and the file that ``-o`` names, else all its words but the flags."""
    words = _words(text)
    if "-o" in words[:-1]:
        return (words[0], words[words.index("-o") + 1])
    return tuple(word for word in words if not word.startswith("-"))


def _archive(command: Command) -> tuple[str, str] | None:
    words = _words(command.text)
    is_archiver = len(words) > 2 and _ARCHIVER.search(words[0])  # noqa: PLR2004 - ar KEY ARCHIVE
    return (command.folder, words[2]) if is_archiver else None


def _members(command: Command) -> list[str]:
    return _words(command.text)[3:]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # half a quotation: a command of several lines
        return text.split()


def _short(command: Command) -> str:
    text = " ".join(command.text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


# --- running make ---------------------------------------------------------------------------


def _whole(job: Job, source: SourceTree) -> Commands | None:
    """All commands of a clean build of ``source``."""
    with job.store.workspace() as work:
        sources = work / "fs" / "source"
        sources.mkdir(parents=True)
        source.write(sources)
        return _dry_run(job, work, Ground(work / "fs", ()))


def _on_checkpoint(job: Job) -> Commands | None:
    """The commands that make would run on the checkpoint, once the change is in it."""
    with job.store.workspace() as work:
        ground = layers.prepare(
            job.store, job.able.layers, work, job.source, job.start, fetched=None
        )
        return _dry_run(job, work, ground)


def _dry_run(job: Job, work: Path, ground: Ground) -> Commands | None:
    """What the phases print with make told to run nothing; None where the build fails.

    ``check`` and ``install`` may fail: they may want what was not built.
    """
    phases = {
        name: text if name == "build" else f"( {text}\n) || true"
        for name, text in job.drv.phases.items()
        if name in {"build", "check", "install"}
    }
    log = work / "log"
    limits = replace(job.drv.limits, timeout=_TIMEOUT)
    quiet = replace(job, drv=replace(job.drv, limits=limits), log=log, listener=lambda _: None)
    env = {"MAKEFLAGS": "nw", "NIX_BUILD_CORES": "1"}
    ended = run_phases(quiet, work, ground, phases, env=env)
    return commands(log.read_text(errors="replace")) if ended.code == 0 else None
