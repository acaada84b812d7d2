"""Consecutive changes of a real project, built in five ways, change by change.

A clean build; ccache from a clean tree; `git ckpt build` from one checkpoint that stays where it
is; `git ckpt build` from checkpoints that follow the work; and the project's own build in one
persistent tree. Each change's output is compared with the clean build's, file by file: both were
built for the same `$out`, so they are equal to the byte, but for what two clean builds make
differently.

Ours are timed as whole commands, from Python's start to its end, a new checkpoint included; so is
the clean build, which is `git ckpt build --clean` in a store of its own. The others are timed from
the first command to the last.

With Nix (``by_nix``) two of the ways are built: `git ckpt build` from checkpoints that follow, in a
private store with the small stdenv of this project's tests, and bare. What was built is compared at
the end, by `git ckpt verify`, since two builds by Nix have different paths in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bare, histories, nix, ours
from benchmarks.histories import History
from ckpt_git.model.errors import CkptError, MissingError
from ckpt_git.process import run

Say = Callable[[str], None]

WAYS = ("clean build", "ccache, clean tree", "fixed checkpoint", "following", "bare, persistent")
CLEAN, CCACHE, FIXED, FOLLOWING, BARE = WAYS
_CCACHE_FOLDER = Path("/usr/lib/ccache")

TIMED = (FOLLOWING, BARE)
"""The two that the limits are about: for a machine that is at hand for minutes only."""

FACTOR, OVERHEAD = 1.10, 0.25
"""What following may cost: a multiple of the bare builds' sum, and the median of seconds over."""

EACH_BY_NIX = nix.EXTRA
"""What it may cost with Nix: seconds over the bare build, for each change alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One commit. ``why_clean`` where following built it clean; ``fails`` where it doesn't build,
    in any way: nothing is timed then. ``compiled`` is how many files following compiled.
    ``differences`` is None where there was no clean build to compare with.
    """

    commit: str
    subject: str
    seconds: Mapping[str, float]
    compiled: int | None = None
    why_clean: str | None = None
    differences: tuple[str, ...] | None = ()
    fails: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        differences = data["differences"]
        return cls(**{**data, "differences": None if differences is None else tuple(differences)})

    @property
    def counts(self) -> bool:
        """Whether its times are those of a build from a checkpoint."""
        return not self.fails and self.why_clean is None

    @property
    def overhead(self) -> float:
        """Seconds that following took longer than the bare build."""
        return self.seconds[FOLLOWING] - self.seconds[BARE]


@dataclass(frozen=True, slots=True)
class Following:
    """All changes of one history, built by the local engine or ``by_nix``; the seconds are medians
    of ``times`` runs."""

    project: str
    changes: tuple[Change, ...]
    by_nix: bool = False
    times: int = 1

    @property
    def counted(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.counts)

    def total(self, way: str) -> float:
        """The sum of seconds over what counts."""
        return sum(change.seconds[way] for change in self.counted)

    @property
    def factor(self) -> float:
        """Following as a multiple of bare builds, in sum."""
        return self.total(FOLLOWING) / self.total(BARE)

    @property
    def overhead(self) -> float:
        """The median of what a change took longer."""
        return median(change.overhead for change in self.counted)

    @property
    def most(self) -> float:
        """What the dearest change took longer."""
        return max(change.overhead for change in self.counted)

    @property
    def ways(self) -> tuple[str, ...]:
        """Those that were timed."""
        return tuple(self.counted[0].seconds) if self.counted else ()

    @property
    def identical(self) -> bool | None:
        """Whether all are as their clean builds; None where that wasn't looked into."""
        if any(change.differences is None for change in self.changes):
            return None
        return not any(change.differences for change in self.changes)

    @property
    def holds(self) -> bool:
        if not self.counted or self.identical is False:
            return False
        if self.by_nix:
            return self.most <= EACH_BY_NIX
        return self.factor <= FACTOR and self.overhead <= OVERHEAD

    def to_json(self) -> dict[str, Any]:
        sums = {way: self.total(way) for way in self.ways}
        found = {"sum": sums, "factor": self.factor, "overhead": self.overhead} if sums else {}
        return {**asdict(self), **found, "holds": self.holds}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Following:
        """What ``to_json`` made."""
        changes = tuple(map(Change.from_json, data["changes"]))
        return cls(data["project"], changes, data.get("by_nix", False), data.get("times", 1))

    @classmethod
    def medians(cls, runs: Sequence[Following]) -> Following:
        """Several runs of one history as one. What fails, is built clean or differs does so in any
        of them."""
        first = runs[0]
        changes = tuple(map(_median, zip(*(one.changes for one in runs), strict=True)))
        return cls(first.project, changes, first.by_nix, len(runs))


@dataclass(frozen=True, slots=True)
class _Site:
    """The repositories, trees and stores of one run. ``nix`` has the variables of the Nix store
    that following builds in, and is None with the local engine."""

    history: History
    clean: ours.Subject
    fixed: ours.Subject
    following: ours.Subject
    fresh: bare.Tree
    persistent: bare.Tree
    cache: Path
    nix: Mapping[str, str] | None


def _median(runs: Sequence[Change]) -> Change:
    """One commit's runs as one."""
    failed = next((one for one in runs if one.fails), None)
    if failed is not None:
        return failed
    first = runs[0]
    compared = [one.differences for one in runs if one.differences is not None]
    return replace(
        first,
        seconds={way: median(one.seconds[way] for one in runs) for way in first.seconds},
        why_clean=next((one.why_clean for one in runs if one.why_clean), None),
        differences=tuple(dict.fromkeys(chain(*compared))) if compared else None,
    )


def follow(
    history: History,
    work: Path,
    say: Say,
    ways: tuple[str, ...] = WAYS,
    *,
    by_nix: bool = False,
    compare: bool = True,
) -> Following:
    """Build every commit of ``history`` in each of ``ways``, in the empty folder ``work``; those of
    ``TIMED`` alone ``by_nix``, which are compared with clean builds only where asked to.

    Raises ``MissingError`` without ccache where that is one of them, and ``by_nix`` without Nix.
    """
    if by_nix:
        ways = TIMED
    if CCACHE in ways and not _CCACHE_FOLDER.is_dir():
        raise MissingError("ccache is not installed", "install it: apt install ccache")
    work.mkdir(parents=True, exist_ok=True)
    with nix.store(work / "nix", None) if by_nix else nullcontext() as variables:
        site = _set_up(history, work, variables)
        first, *later = history.commits
        for way in ways:
            _build(site, way, first, dict(history.phases))
        changes = []
        for number, commit in enumerate(later):
            changes.append(_change(site, number, commit, ways, say))
        if by_nix and compare:
            changes = [_verified(site, change, say) for change in changes]
    return Following(history.name, tuple(changes), by_nix)


def _set_up(history: History, work: Path, variables: Mapping[str, str] | None) -> _Site:
    following = histories.clone(history, work / "following", by_nix=variables is not None)
    repository = following.repository
    return _Site(
        history,
        clean=histories.clone(history, work / "clean"),
        fixed=histories.clone(history, work / "fixed", follow="manual"),
        following=following,
        fresh=bare.Tree(repository, work / "ccache" / "source", work / "ccache" / "out"),
        persistent=bare.Tree(repository, work / "bare" / "source", work / "bare" / "out"),
        cache=work / "ccache" / "cache",
        nix=variables,
    )


def _change(site: _Site, number: int, commit: str, ways: tuple[str, ...], say: Say) -> Change:
    phases = dict(site.history.phases)
    if not site.history.reconfigure:
        phases.pop("configure", None)
    subject = histories.subject_of(site.history, commit)
    seconds: dict[str, float] = {}
    results: dict[str, ours.Result] = {}
    for way in _rotated(ways, number):
        done = _build(site, way, commit, phases)
        if done is None:
            say(f"{site.history.name} {number + 1}: {commit[:10]} doesn't build: {way}")
            return Change(commit, subject, {}, fails=True)
        seconds[way] = done if isinstance(done, float) else done.wall
        if isinstance(done, ours.Result):
            results[way] = done
    made = results[FOLLOWING]
    clean = results.get(CLEAN)
    differences = None if clean is None else _differences(site, commit, made, clean)
    say(
        f"{site.history.name} {number + 1}: {commit[:10]} "
        + ", ".join(f"{way} {seconds[way]:.2f} s" for way in ways)
        + ("" if not differences else f": DIFFERS in {', '.join(differences)}")
    )
    seconds = {way: seconds[way] for way in ways}
    return Change(commit, subject, seconds, made.compiled, made.why_clean, differences)


def _rotated(ways: tuple[str, ...], number: int) -> Iterator[str]:
    """The ways, each change beginning with another one: none always has the warmest caches."""
    at = number % len(ways)
    yield from (*ways[at:], *ways[:at])


def _build(
    site: _Site, way: str, commit: str, phases: Mapping[str, str]
) -> ours.Result | float | None:
    """Ours' result, or a bare build's seconds; None where it fails.

    ``phases`` are those of a tree that was built before.
    """
    if way == CLEAN:
        return _passed(ours.call(site.clean, "build", commit, "--clean"))
    if way in {FIXED, FOLLOWING}:
        subject = site.fixed if way == FIXED else site.following
        return _passed(ours.call(subject, "build", commit, variables=site.nix))
    if way == CCACHE:
        bare.remove(site.fresh)
        bare.check_out(site.fresh, commit)
        cache = {"CCACHE_DIR": str(site.cache)}
        whole = site.history.phases
        done = bare.build(site.fresh, whole, first_on_path=_CCACHE_FOLDER, variables=cache)
        return done.seconds if done.passed else None
    bare.check_out(site.persistent, commit)
    done = bare.build(site.persistent, phases)
    return done.seconds if done.passed else None


def _verified(site: _Site, change: Change, say: Say) -> Change:
    """The change with what `git ckpt verify` finds different from a clean build."""
    if change.fails:
        return change
    found = ours.call(site.following, "verify", change.commit, variables=site.nix)
    differences = () if found.identical else found.differences or ("nothing could be compared",)
    say(f"{site.history.name}: {change.commit[:10]} {', '.join(differences) or 'identical'}")
    return replace(change, differences=differences)


def _passed(result: ours.Result) -> ours.Result | None:
    return result if result.passed else None


def _differences(
    site: _Site, commit: str, made: ours.Result, clean: ours.Result
) -> tuple[str, ...]:
    """What of our output isn't as in the clean build, nor different in a second clean one."""
    if made.out is None or clean.out is None:
        raise CkptError(f"{site.history.name} installs nothing", "give an --install to compare")
    found = _differing(made.out, clean.out)
    if not found:
        return ()
    again = ours.call(site.clean, "build", commit, "--clean")
    unsteady = set() if again.out is None else set(_differing(clean.out, again.out))
    return tuple(line for line in found if line not in unsteady)


def _differing(one: Path, other: Path) -> list[str]:
    """What diff(1) says of two folders, without their own names."""
    done = run(["diff", "--recursive", "--brief", "--no-dereference", one, other], ok=(0, 1))  # type: ignore[list-item]
    said = done.stdout.decode(errors="replace")
    return sorted(said.replace(f"{one}/", "").replace(f"{other}/", "").splitlines())
