"""What ours costs by itself, on projects made for it: commands that are answered, and the hooks.

Each is measured beside what it is compared with, taking turns, and told as medians.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bare, corpus, made, ours
from ckpt_git.model.errors import CkptError
from ckpt_git.process import run

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One comparison: seconds of ``ours`` and of ``other``, and by how much ours may exceed it."""

    what: str
    ours: tuple[float, ...]
    other: tuple[float, ...]
    other_is: str
    allowed: float

    @property
    def excess(self) -> float:
        """Seconds by which the median of ours lies above the other's."""
        return median(self.ours) - median(self.other)

    @property
    def holds(self) -> bool:
        return self.excess <= self.allowed

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "excess": self.excess, "holds": self.holds}


def micro(work: Path, say: Say) -> tuple[Measure, ...]:
    """All of them, in the empty folder ``work``."""
    found = []
    for one in _measures(work):
        found.append(one)
        say(f"{one.what}: {one.excess:.4f} s over {one.other_is}")
    return tuple(found)


def _measures(work: Path) -> Iterator[Measure]:
    for tool in ("make", "ninja"):
        yield no_change(work / f"no-change-{tool}", tool)
    yield from comment(work / "comment")
    yield two_branches(work / "branches")
    for measure in (commit_hook, push_hook_of_one, push_hook_of_fifty):
        yield measure(work / measure.__name__)


# --- builds that compile nothing

_FEW, _MANY, _TURNS = 400, 5000, 7
"""Compiled files, and how often each build is done."""


def no_change(work: Path, tool: str) -> Measure:
    """`git ckpt build --rebuild` beside the build tool's own no-op, on ``_FEW`` C files."""
    subject = _repository(work, {"build": f"{tool} -j$NIX_BUILD_CORES"}, made.c_files(_FEW))
    tree = bare.Tree(subject.repository, work / "bare" / "source", work / "bare" / "out")
    phases = {"build": f"{tool} -j$NIX_BUILD_CORES"}
    bare.check_out(tree, "HEAD")
    bare.build(tree, phases)
    _passed(ours.call(subject, "build"))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_TURNS):
        times[0].append(_passed(ours.call(subject, "build", "--rebuild")).wall)
        times[1].append(bare.build(tree, phases).seconds)
    return Measure(
        what=f"no change, {_FEW} files, {tool}",
        ours=tuple(times[0]),
        other=tuple(times[1]),
        other_is=f"{tool} itself",
        allowed=0.35,
    )


def comment(work: Path) -> Iterator[Measure]:
    """A comment in the makefile, with few files and with many: make runs, and each command that it
    begins is answered."""
    times: dict[int, list[float]] = {}
    for files in (_FEW, _MANY):
        subject = _repository(work / str(files), {"build": "make"}, made.c_files(files))
        clean = _passed(ours.call(subject, "build", "HEAD")).wall
        times[files] = [_commented(subject) for _ in range(_TURNS)]
    what = f"a comment in the makefile, {_MANY:,} files"
    many, few = tuple(times[_MANY]), median(times[_FEW])
    yield Measure(what, ours=many, other=(0.0,), other_is="nothing", allowed=2.5)
    yield Measure(what, many, other=(clean / 10,), other_is="a tenth of a clean build", allowed=0)
    yield Measure(
        "a command that is answered",
        ours=tuple((seconds - few) / (_MANY - _FEW) for seconds in many),
        other=(0.0,),
        other_is="nothing",
        allowed=0.0005,
    )


def _commented(subject: ours.Subject) -> float:
    makefile = (subject.repository / "Makefile").read_text()
    _commit(subject, {"Makefile": f"{makefile}# and more\n"})
    result = _passed(ours.call(subject, "build", "HEAD"))
    if result.compiled != 0:
        raise CkptError(f"{result.compiled} files were compiled", f"see {result.log}")
    return result.wall


# --- two branches in turns

_SWITCHES, _APART = 10, 20
"""How often the branch is another one, and in how many files the two differ."""


def two_branches(work: Path) -> Measure:
    """An edit of one file after each switch between two branches: the first build of each branch
    aside, that file is compiled and nothing else. A bare make compiles what the switch touched."""
    subject = _repository(work, {"build": "make"}, made.c_files(_FEW))
    tree = bare.Tree(subject.repository, work / "bare" / "source", work / "bare" / "out")
    corpus.git(subject.repository, "branch", "other")
    apart = {f"{made.file_name(n)}.c": f"int other{n};\n" for n in range(_APART)}
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(_SWITCHES + 2):
        branch = ("main", "other")[turn % 2]
        corpus.git(subject.repository, "checkout", "--quiet", branch)
        edit = {f"{made.file_name(_APART)}.c": f"int edit{turn};\n"}
        _commit(subject, {**apart, **edit} if turn == 1 else edit)
        result = _passed(ours.call(subject, "build", "HEAD"))
        bare.check_out(tree, branch)
        seconds = bare.build(tree, {"build": "make"}).seconds
        if turn < 2:  # the first build of a branch
            continue
        if result.compiled != 1:
            raise CkptError(f"{result.compiled} files were compiled", f"see {result.log}")
        times[0].append(result.wall)
        times[1].append(seconds)
    return Measure(
        what=f"an edit after a switch between two branches, {_FEW} files",
        ours=tuple(times[0]),
        other=tuple(times[1]),
        other_is="make itself",
        allowed=0.3,
    )


# --- what the hook adds to a commit

_COMMITS = 50


def commit_hook(work: Path) -> Measure:
    """`git commit` of one file with the post-commit hook and without, 50 of each.

    The builds that the hook starts end before the next commit begins: they are measured nowhere.
    Both kinds of commit come after the same wait, since a processor that rests is slower at first.
    """
    phases = {"build": "true", "install": 'mkdir -p "$out" && cp file.txt "$out"'}
    hooked = _repository(work / "hook", phases, {"file.txt": "0\n"})
    plain = _repository(work / "plain", phases, {"file.txt": "0\n"})
    _passed(ours.call(hooked, "build", "HEAD"))
    _ckpt(hooked, "install")
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(_COMMITS):
        for subject, found in zip((hooked, plain), times, strict=True):
            found.append(_commit(subject, {"file.txt": f"{turn + 1}\n"}))
            _until_idle(hooked)
    return Measure(
        what="git commit with the hook",
        ours=tuple(times[0]),
        other=tuple(times[1]),
        other_is="without one",
        allowed=0.005,
    )


def _until_idle(subject: ours.Subject) -> None:
    """Wait until nothing is built, seen twice: the build starts a moment after the commit."""
    quiet = 0
    while quiet < 2:
        time.sleep(0.1)
        quiet = (
            quiet + 1 if json.loads(_ckpt(subject, "status", "--json"))["running"] is None else 0
        )


# --- what the hook adds to a push

_PUSHES, _REFS, _PUSHED_SOURCES = 20, 50, 60


def push_hook_of_one(work: Path) -> Measure:
    """`git push` of one commit that was built before."""
    return _push_hook(work, refs=1, allowed=0.1)


def push_hook_of_fifty(work: Path) -> Measure:
    """`git push` of fifty branches whose trees were built before."""
    return _push_hook(work, refs=_REFS, allowed=0.3)


def _push_hook(work: Path, *, refs: int, allowed: float) -> Measure:
    """`git push` to a repository beside this one, with the pre-push hook and without, 20 of each.

    What is pushed is deleted there before the next push, so that each pushes the same.
    """
    phases = {"build": "make -j$NIX_BUILD_CORES"}
    subject = _repository(work / "hook", phases, made.c_files(_PUSHED_SOURCES))
    branches = _built_branches(subject, refs)
    _ckpt(subject, "install")
    corpus.git(work, "init", "--quiet", "--bare", "remote")
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_PUSHES):
        for options, found in zip(([], ["--no-verify"]), times, strict=True):
            found.append(_push(subject, work / "remote", [*options], branches))
    return Measure(
        what=f"git push of {refs} built {'branch' if refs == 1 else 'branches'} with the hook",
        ours=tuple(times[0]),
        other=tuple(times[1]),
        other_is="without one",
        allowed=allowed,
    )


def _built_branches(subject: ours.Subject, number: int) -> list[str]:
    """So many branches, each with a tree of its own, which is built."""
    names = [f"work-{n}" for n in range(number)]
    for name in names:
        corpus.git(subject.repository, "checkout", "--quiet", "-b", name)
        _commit(subject, {f"{made.file_name(0)}.c": f'const char *name = "{name}";\n'})
        _passed(ours.call(subject, "build", "HEAD"))
    return names


def _push(
    subject: ours.Subject, remote: Path, options: Sequence[str], branches: Sequence[str]
) -> float:
    start = time.perf_counter()
    run(
        ["git", "push", "--quiet", *options, str(remote), *branches],
        cwd=subject.repository,
        env=ours.environment(subject),
    )
    seconds = time.perf_counter() - start
    corpus.git(remote, "branch", "--quiet", "-D", *branches)
    return seconds


# --- what they share


def _repository(work: Path, phases: Mapping[str, str], files: Mapping[str, str]) -> ours.Subject:
    """A repository with one commit of these files, and a ``ckpt.toml`` that none holds."""
    subject = ours.Subject(work / "repository", work / "store")
    subject.repository.mkdir(parents=True)
    corpus.git(subject.repository, "init", "--quiet", "--initial-branch=main")
    ours.configure(subject, "measured", phases)
    _commit(subject, files)
    return subject


def _commit(subject: ours.Subject, files: Mapping[str, str]) -> float:
    """Write and stage ``files`` and commit them; the seconds of the commit alone."""
    made.write(subject.repository, files)
    corpus.git(subject.repository, "add", "--all")
    start = time.perf_counter()
    run(
        ["git", "commit", "--quiet", "--message=change"],
        cwd=subject.repository,
        env=ours.environment(subject),
    )
    return time.perf_counter() - start


def _ckpt(subject: ours.Subject, *arguments: str) -> bytes:
    command = [sys.executable, "-m", "ckpt_git", *arguments]
    return run(command, cwd=subject.repository, env=ours.environment(subject)).stdout


def _passed(result: ours.Result) -> ours.Result:
    if not result.passed:
        raise CkptError("a build of a project made for measuring failed", f"see {result.log}")
    return result
