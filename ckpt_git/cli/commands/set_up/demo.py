"""``git ckpt demo``: the main job on a small C project, told step by step, in a temporary folder.

Runs git and this program as a user would, with a home, a store and a git configuration of their
own, so that nothing of the user's is read or written. Each step checks what it claims: a demo
that can't fail shows nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from ckpt_git.demo.project import (
    ONE_HEADER,
    ONE_SOURCE,
    Change,
    apply_change,
    sources_affected,
    write_project,
)
from ckpt_git.folders import remove
from ckpt_git.model.errors import CkptError, MissingError
from ckpt_git.process import ProcessError, run

_COMPILED = re.compile(r"cc .* -c .*?(\S+\.c)")
_EVEN_COLUMN = ("tally", "i32", "4", "1", "3", "2")
_NAMES_SHOWN = 4


class DemoError(CkptError):
    """A step didn't show what it claims to show."""

    exit_code = 1


class Said(NamedTuple):
    """What a program printed on its two outputs."""

    out: str
    errors: str


@dataclass(frozen=True, slots=True)
class Built:
    """A build that the demo saw: what it was, the C files it compiled, and its seconds."""

    title: str
    compiled: tuple[str, ...]
    seconds: float
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays: the project's repository, and the environment of all it runs."""

    repository: Path
    env: Mapping[str, str]
    console: Console

    def git(self, *arguments: str, **env: str) -> str:
        """What git said on both outputs. Raises ``ProcessError``."""
        done = run(["git", *arguments], cwd=self.repository, env={**self.env, **env})
        return (done.stdout + done.stderr).decode(errors="replace").strip()

    def ckpt(self, *arguments: str, ok: Sequence[int] = (0,)) -> Said:
        """What ``git ckpt ARGUMENTS`` printed. Raises ``ProcessError``."""
        # -P: the project's own files are no Python modules of ours.
        command = [sys.executable, "-P", "-m", "ckpt_git", *arguments]
        with self.console.status(f"git ckpt {arguments[0]} …"):
            done = run(command, cwd=self.repository, env=self.env, ok=ok)
        return Said(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def result(self, *arguments: str) -> dict[str, Any]:
        """The one result in what ``git ckpt ARGUMENTS --json`` printed, whatever it is."""
        document = json.loads(self.ckpt(*arguments, "--json", ok=(0, 1)).out)
        (only,) = document["results"]
        return dict(only)

    def step(self, command: str) -> None:
        self.console.print(f"\n$ {command}", style="bold", markup=False, soft_wrap=True)

    def tell(self, text: str) -> None:
        self.console.print(f"  {text}", markup=False, soft_wrap=True)


def demo(*, keep: bool = False) -> None:
    """Show the main job. ``keep`` leaves the folder there and says where it is.

    Raises ``MissingError`` where no C compiler or make is there, and ``DemoError`` where a step
    doesn't show what it claims.
    """
    _need("git", "make", "cc")
    with _stage(keep=keep) as stage:
        before = _set_up(stage)
        rebuilt = [_commit(stage, change) for change in (ONE_SOURCE, ONE_HEADER)]
        _verify(stage)
        _side_by_side(stage, [before, *rebuilt])


# --- the steps -------------------------------------------------------------------------------


def _set_up(stage: Stage) -> Built:
    """The project, ``init``, and the clean build that is the first checkpoint."""
    files = write_project(stage.repository)
    stage.git("init", "-q", "-b", "main")
    stage.git("add", "--all")
    stage.git("commit", "-q", "-m", "A summary of a column of numbers")
    stage.console.print(f"A C program of {len(files)} files, committed to a new repository.")

    stage.step("git ckpt init")
    stage.ckpt("init")
    stage.tell("installed the hooks and wrote ckpt.toml:")
    for line in (stage.repository / "ckpt.toml").read_text().splitlines():
        if line and not line.startswith("#"):
            stage.tell(f"  {line}")
    stage.git("add", "ckpt.toml")
    stage.git("commit", "-q", "-m", "Build with ckpt-git", CKPT_SKIP="1")

    stage.step("git ckpt prepare")
    built = _seen(stage, "clean build", stage.result("prepare"))
    everything = {f for f in files if f.endswith(".c")}
    _check(set(built.compiled) == everything, "the clean build didn't compile every C file")
    stage.tell(f"{_compiled(built)}; what it made is the first checkpoint")
    _check(_answer(stage, "median") == "3", "the program has no mistake to fix")
    stage.tell(f"`{' '.join(_EVEN_COLUMN)}` says that the median is 3, which is wrong")
    return built


def _commit(stage: Stage, change: Change) -> Built:
    """A commit through git itself; its hook has the change built in the background."""
    apply_change(stage.repository, change)
    affected = sources_affected(stage.repository, change.paths)

    stage.step(f'git commit -am "{change.subject}"')
    started = time.monotonic()
    said = stage.git("commit", "-q", "-am", change.subject)
    stage.tell(f"git was back after {(time.monotonic() - started) * 1000:.0f} ms; the hook said:")
    stage.tell(f"  {said}")

    title = f"{' and '.join(Path(p).name for p in change.paths)} changed"
    built = _seen(stage, title, _background(stage))
    stage.tell(f"{_compiled(built)}: {_names(built.compiled)}")
    _check(built.result["checkpoint"] is not None, "the commit was built without a checkpoint")
    _check(
        set(built.compiled) == affected and len(built.compiled) == len(affected),
        f"{', '.join(sorted(affected))} had to be compiled, not {', '.join(built.compiled)}",
    )
    return built


def _verify(stage: Stage) -> None:
    _check(_answer(stage, "median") == "2.5", "the new output still has the old mistake")
    _check(_answer(stage, "range") == "3", "the new output lacks the new line")
    stage.step(f"git ckpt run -- {' '.join(_EVEN_COLUMN)}")
    stage.tell("median 2.5, range 3: both commits are in it")

    stage.step("git ckpt verify")
    result = stage.result("verify")
    _check(result["identical"], f"verify found a difference: {result['differences']}")
    stage.tell("the output is the one that a clean build gives, file by file")


def _side_by_side(stage: Stage, builds: Sequence[Built]) -> None:
    table = Table(box=None, padding=(0, 2))
    table.add_column()
    table.add_column("compiled", justify="right")
    table.add_column("seconds", justify="right")
    for built in builds:
        table.add_row(built.title, str(len(built.compiled)), f"{built.seconds:.2f}")
    stage.console.print()
    stage.console.print(table)


# --- what the steps are made of ----------------------------------------------------------------


def _background(stage: Stage) -> dict[str, Any]:
    """The result of HEAD's background build, once it has ended."""
    stage.ckpt("watch", ok=(0, 1))
    said = stage.ckpt("log", "--json")
    newest = json.loads(said.out)["records"][0]
    head = stage.git("rev-parse", "HEAD")
    _check(newest["commit"] == head, f"the commit wasn't built: {said.errors.strip()}")
    return dict(newest)


def _seen(stage: Stage, title: str, result: Mapping[str, Any]) -> Built:
    """The log has what was answered, too: make says each command. So it is asked what ran."""
    log = Path(result["log"]).read_text(errors="replace")
    _check(result["outcome"] == "passed", f"{title}: the build failed: {log[-2000:]}")
    (last,) = json.loads(stage.ckpt("why", "--last", "--json").out)["results"]
    _check(last["ran"] is not None, f"{title}: what it ran isn't known: {last['notes']}")
    found = (_COMPILED.fullmatch(command["command"]) for command in last["ran"])
    compiled = tuple(match[1] for match in found if match is not None)
    return Built(title, compiled, result["seconds"]["total"], result)


def _answer(stage: Stage, line: str) -> str | None:
    """What the newest output's program says about the column on ``line``."""
    said = stage.ckpt("run", "--", *_EVEN_COLUMN)
    found = re.search(rf"^{line} +(\S+)$", said.out, re.MULTILINE)
    return found[1] if found else None


def _compiled(built: Built) -> str:
    count = len(built.compiled)
    return f"{count} file{'s' if count > 1 else ''} compiled in {built.seconds:.2f} s"


def _names(paths: Sequence[str]) -> str:
    more = len(paths) - _NAMES_SHOWN
    shown = sorted(paths)[:_NAMES_SHOWN]
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DemoError(otherwise, "`git ckpt demo --keep` leaves the project to look at")


def _need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise MissingError(
            f"the demo builds a C program, and {', '.join(missing)} isn't on PATH",
            "install git, gcc and make",
        )


@contextmanager
def _stage(*, keep: bool) -> Iterator[Stage]:
    """A temporary folder with all that the demo writes, removed at the end whatever happened."""
    root = Path(tempfile.mkdtemp(prefix="ckpt-demo-"))
    repository = root / "tally"
    repository.mkdir()
    stage = Stage(repository, _surroundings(root), Console(highlight=False))
    try:
        yield stage
    finally:
        with suppress(ProcessError):  # nothing runs any more, where all went well
            stage.ckpt("cancel")
        if keep:
            stage.console.print(f"\nKept: {repository}", markup=False, soft_wrap=True)
        else:
            remove(root)


def _surroundings(root: Path) -> dict[str, str]:
    """An environment in which neither git nor this program finds anything of the user's."""
    package = Path(__file__).parents[4]
    return {
        "HOME": str(root),
        "XDG_CACHE_HOME": str(root / "cache"),
        "XDG_CONFIG_HOME": str(root / "config"),
        "CKPT_STORE": str(root / "store"),
        "CKPT_SKIP": "",
        # Where this program itself is, as the folders for a user's packages lie below HOME.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")])),
        "PYTHONUSERBASE": site.getuserbase(),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "0",
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_TEMPLATE_DIR": "",
        "GIT_AUTHOR_NAME": "A Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.com",
        "GIT_COMMITTER_NAME": "A Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.com",
    }
