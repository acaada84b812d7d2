"""Four or five ways to build the same changes of a real project, in one run and change by change.

A clean build, the project's own build in a persistent tree, ccache from a clean tree, firebuild
from one where it is installed, and `git ckpt build` from the checkpoint before. Ours is the whole
command, from Python's start to its end, and writes a new checkpoint. The others are timed from the
first command to the last.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bare, corpus, ours
from benchmarks.projects import Project
from ckpt_git.model.errors import CkptError, MissingError

Say = Callable[[str], None]

CLEAN, CCACHE, FIREBUILD = "clean build", "ccache, clean tree", "firebuild, clean tree"
BARE, OURS = "bare, persistent tree", "git ckpt build"
_CCACHE_FOLDER = Path("/usr/lib/ccache")

FACTOR, EXTRA = 1.10, 0.25
"""What ours may cost over a bare build from the parent's checkpoint: a factor, and seconds."""


@dataclass(frozen=True, slots=True)
class Series:
    """Changes of one kind; ``seconds`` has a way's time for each of them, in their order.

    ``apart`` are changes that ours built clean, each with its reason: their times are in no
    median, as that is another thing than a build from a checkpoint.
    """

    project: str
    kind: str
    seconds: Mapping[str, tuple[float, ...]]
    apart: Mapping[str, str]

    def median(self, way: str) -> float:
        return median(self.seconds[way])

    @property
    def holds(self) -> bool:
        """Whether ours keeps to the budget, in a series of which some change was measured."""
        return bool(self.seconds[OURS]) and self.median(OURS) <= self.budget

    @property
    def budget(self) -> float:
        """The seconds that ours may take, at these medians."""
        return FACTOR * self.median(BARE) + EXTRA

    def to_json(self) -> dict[str, Any]:
        medians = {way: self.median(way) for way, times in self.seconds.items() if times}
        budget = self.budget if medians else None
        return {**asdict(self), "median": medians, "budget": budget, "holds": self.holds}


@dataclass(frozen=True, slots=True)
class _Site:
    """The trees, stores and caches of one series."""

    project: Project
    subject: ours.Subject
    clean: bare.Tree
    persistent: bare.Tree
    cache: Path

    @property
    def phases(self) -> Mapping[str, str]:
        return self.project.phases


@dataclass(frozen=True, slots=True)
class _Timed:
    """One build's seconds; ``why_clean`` where ours started from nothing, although it need not."""

    seconds: float
    why_clean: str | None = None


def compare(
    project: Project, cache: Path, work: Path, changes: int, say: Say
) -> tuple[Series, Series]:
    """Time ``changes`` one-file commits and as many releases, in the empty folder ``work``.

    Raises ``MissingError`` without ccache and ``CkptError`` where something doesn't build.
    """
    if not _CCACHE_FOLDER.is_dir():
        raise MissingError("ccache is not installed", "install it: apt install ccache")
    origin = corpus.repository(project, cache)
    edited = _site(project, origin, work / "edits")
    edits = _commit_edits(edited, changes)
    released = _site(project, origin, work / "releases")
    releases = corpus.releases(origin)[-changes - 1 :]
    return (
        # In a tree that is configured already a person runs `make` alone, and so does ours.
        _measure(edited, project.edit.kind, edits, reconfigure=False, say=say),
        _measure(released, "release", releases, reconfigure=True, say=say),
    )


def _site(project: Project, origin: Path, work: Path) -> _Site:
    work.mkdir(parents=True)
    subject = ours.Subject(work / "repository", work / "store")
    corpus.git(work, "clone", "--quiet", str(origin), str(subject.repository))
    ours.configure(subject, project.name, project.phases)
    clean = bare.Tree(subject.repository, work / "clean" / "source", work / "clean" / "out")
    persistent = bare.Tree(subject.repository, work / "bare" / "source", work / "bare" / "out")
    return _Site(project, subject, clean, persistent, work / "ccache")


def _commit_edits(site: _Site, changes: int) -> tuple[str, ...]:
    """The last release, and ``changes`` commits after it, each of one line in one file."""
    repository, edit = site.subject.repository, site.project.edit
    commits = [corpus.git(repository, "rev-parse", "HEAD")]
    for number in range(changes):
        with (repository / edit.file).open("a") as file:
            file.write("\n" + edit.line.format(n=number) + "\n")
        corpus.git(repository, "commit", "--quiet", "--all", f"--message={edit.kind} {number}")
        commits.append(corpus.git(repository, "rev-parse", "HEAD"))
    return tuple(commits)


def _measure(
    site: _Site, kind: str, commits: tuple[str, ...], *, reconfigure: bool, say: Say
) -> Series:
    """Build the first commit every way, untimed; then time each way at each further one."""
    phases = dict(site.phases)
    ways = (CLEAN, CCACHE, *([FIREBUILD] if shutil.which("firebuild") else []), BARE, OURS)
    for way in ways:
        _build(site, way, commits[0], phases)
    if not reconfigure:
        phases.pop("configure", None)
    rows: list[dict[str, float]] = []
    apart: dict[str, str] = {}
    for number, commit in enumerate(commits[1:]):
        row: dict[str, float] = {}
        for way in _rotated(ways, number):
            done = _build(site, way, commit, phases, base=commits[number])
            row[way] = done.seconds
            if done.why_clean is not None:
                apart[commit] = done.why_clean
            say(f"{site.project.name}, {kind} {number + 1}: {way} {done.seconds:.2f} s")
        if commit not in apart:
            rows.append(row)
    seconds = {way: tuple(row[way] for row in rows) for way in ways}
    return Series(site.project.name, kind, seconds, apart)


def _rotated(ways: Sequence[str], number: int) -> Iterator[str]:
    """The ways, each change beginning with another one: none always has the warmest caches."""
    at = number % len(ways)
    yield from (*ways[at:], *ways[:at])


def _build(
    site: _Site,
    way: str,
    commit: str,
    phases: Mapping[str, str],
    base: str | None = None,
) -> _Timed:
    """One build. ``phases`` are those of a tree that was built before."""
    if way == OURS:
        return _build_ours(site, commit, base)
    tree = site.persistent if way == BARE else site.clean
    if way != BARE:
        bare.remove(tree)
        phases = site.phases
    bare.check_out(tree, commit)
    caches = {"CCACHE_DIR": str(site.cache), "XDG_CACHE_HOME": str(site.cache)}
    done = bare.build(
        tree,
        phases,
        first_on_path=_CCACHE_FOLDER if way == CCACHE else None,
        below=("firebuild",) if way == FIREBUILD else (),
        variables=caches if way in {CCACHE, FIREBUILD} else None,
    )
    if not done.passed:
        last = done.log.decode(errors="replace").strip().splitlines()[-1:]
        raise CkptError(f"{way} of {commit[:10]} failed: {' '.join(last)}", f"see {tree.folder}")
    return _Timed(done.seconds)


def _build_ours(site: _Site, commit: str, base: str | None) -> _Timed:
    result = ours.call(site.subject, "build", commit)
    if not result.passed:
        raise CkptError(f"git ckpt build of {commit[:10]} failed", f"see {result.log}")
    if base is not None and result.base not in {base, None}:
        raise CkptError(
            f"git ckpt build of {commit[:10]} started from {result.base} and not from its parent"
        )
    return _Timed(result.wall, result.why_clean if base is not None else None)
