"""Consecutive changes of a real project: built clean, bare and by `git ckpt`, change by change.

A clean build; the project's own build in one persistent tree; and `git ckpt build`, which asks what
the builds before remember. What ours installs is compared with what the clean build does, file by
file (kind, mode, content, link target): both were built for the same `$out`, so they are equal to
the byte, but for what two clean builds make differently. All three verdicts are compared as well.

Ours are timed as whole commands, from Python's start to its end, a new checkpoint included; so is
the clean build, which is `git ckpt build --clean` in a store of its own. The bare build is timed
from its first command to its last.

With Nix (``by_nix``) `git ckpt build` runs in a private store with the small stdenv of this
project's tests. What was built is compared at the end, by `git ckpt verify`, since two builds by
Nix have different paths in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bare, histories, nix, ours
from benchmarks.histories import History
from ckpt_git.builds.checks.compare import Contents, contents
from ckpt_git.builds.checks.compare import differences as differing
from ckpt_git.engines.local import host
from ckpt_git.engines.protocol import Installed
from ckpt_git.model.errors import CkptError

Say = Callable[[str], None]

WAYS = ("clean build", "bare, persistent", "git ckpt build")
CLEAN, BARE, OURS = WAYS

TIMED = (BARE, OURS)
"""The two that the limits are about."""

FACTOR, EACH = 1.10, 0.30
"""What ours may cost in sum: a multiple of the bare builds, and seconds for each change."""

EACH_BY_NIX = nix.EXTRA
"""What it may cost with Nix: seconds over the bare build, for each change alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One commit. ``passed`` is the clean build's verdict, and ``wrong`` the ways that come to
    another. ``differences`` are the paths in which ours isn't as the clean build, None where that
    wasn't looked into, but for those in which a second clean build isn't either (``unsteady``).
    ``ran`` and ``answered`` count our commands, ``compiled`` the object files among them.
    """

    commit: str
    subject: str
    seconds: Mapping[str, float]
    passed: bool = True
    wrong: tuple[str, ...] = ()
    differences: tuple[str, ...] | None = ()
    unsteady: tuple[str, ...] = ()
    why_clean: str | None = None
    ran: int | None = None
    answered: int = 0
    compiled: int | None = None

    @property
    def counts(self) -> bool:
        """Whether its times say what a build costs: one that fails ends somewhere."""
        return self.passed and not self.wrong

    @property
    def identical(self) -> bool | None:
        """Whether ours is as the clean build, verdict and outputs; None where nobody looked."""
        if self.differences is None:
            return None
        return OURS not in self.wrong and not self.differences

    @property
    def overhead(self) -> float:
        """Seconds that ours took longer than the bare build."""
        return self.seconds[OURS] - self.seconds[BARE]


@dataclass(frozen=True, slots=True)
class Following:
    """All changes of one history, built by the local engine or ``by_nix``; the seconds are medians
    of ``times`` runs. ``recipe`` is as in ckpt.toml; ``again`` is ``History``'s."""

    project: str
    changes: tuple[Change, ...]
    tool: str = ""
    recipe: str = ""
    again: tuple[str, ...] = ()
    by_init: bool = False
    by_nix: bool = False
    times: int = 1

    @property
    def counted(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.counts)

    def total(self, way: str) -> float:
        """The sum of seconds over what counts; 0 for a way that wasn't built."""
        return sum(change.seconds.get(way, 0.0) for change in self.counted)

    @property
    def limit(self) -> float:
        """The seconds that ours may take in sum."""
        return FACTOR * self.total(BARE) + EACH * len(self.counted)

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
        found = {change.identical for change in self.changes}
        return None if found == {None} else False not in found

    @property
    def holds(self) -> bool:
        if not self.counted or self.identical is False:
            return False
        if self.by_nix:
            return self.most <= EACH_BY_NIX
        return self.total(OURS) <= self.limit

    def to_json(self) -> dict[str, Any]:
        sums = {way: self.total(way) for way in self.ways}
        return {**asdict(self), "sum": sums, "limit": self.limit, "holds": self.holds}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Following:
        """What ``to_json`` made."""
        own = {field.name: data[field.name] for field in fields(cls)}
        changes = tuple(Change(**_tuples(change)) for change in data["changes"])
        return cls(**{**_tuples(own), "changes": changes})

    @classmethod
    def medians(cls, runs: Sequence[Following]) -> Following:
        """Several runs of one history as one. What fails or differs does so in any of them."""
        changes = tuple(map(_median, zip(*(one.changes for one in runs), strict=True)))
        return replace(runs[0], changes=changes, times=len(runs))


@dataclass(frozen=True, slots=True)
class _Site:
    """The repositories, trees and stores of one run. ``nix`` has the variables of the Nix store
    that ours builds in, and is None with the local engine."""

    history: History
    clean: ours.Subject
    ours: ours.Subject
    persistent: bare.Tree
    nix: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, of which ``result`` is what `git ckpt` said of it."""

    passed: bool
    seconds: float
    log: bytes
    result: ours.Result | None = None


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists alone."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _median(runs: Sequence[Change]) -> Change:
    """One commit's runs as one; ways that not every run has are the first's."""
    first = runs[0]
    times = {way: [one.seconds[way] for one in runs if way in one.seconds] for way in first.seconds}
    compared = [one.differences for one in runs if one.differences is not None]
    return replace(
        first,
        seconds={way: median(found) for way, found in times.items()},
        passed=all(one.passed for one in runs),
        wrong=tuple(dict.fromkeys(chain(*(one.wrong for one in runs)))),
        why_clean=next((one.why_clean for one in runs if one.why_clean), None),
        differences=tuple(dict.fromkeys(chain(*compared))) if compared else None,
    )


def follow(
    history: History, work: Path, say: Say, *, by_nix: bool = False, compare: bool = True
) -> Following:
    """Build every commit of ``history``, in the empty folder ``work``; bare and by `git ckpt` alone
    where nothing is to be compared.

    Raises ``MissingError`` ``by_nix`` without Nix, and ``CkptError`` where the first commit, which
    the others start from, doesn't build.
    """
    ways = WAYS if compare and not by_nix else TIMED
    work.mkdir(parents=True, exist_ok=True)
    with nix.store(work / "nix", None) if by_nix else nullcontext() as variables:
        site = _set_up(history, work, variables)
        for way in ways:
            done = _build(site, way, None, history.commits[0])
            if not done.passed:
                said = done.log.decode(errors="replace").strip().splitlines()[-3:]
                raise CkptError(f"{way}: {history.commits[0]} doesn't build: {' / '.join(said)}")
        changes = []
        for number, (before, commit) in enumerate(pairwise(history.commits)):
            changes.append(_change(site, before, commit, _rotated(ways, number), say))
        if by_nix and compare:
            changes = [_verified(site, change, say) for change in changes]
    return Following(
        history.name,
        tuple(changes),
        history.tool,
        recipe=ours.package(history.name, history.recipe),
        again=history.again,
        by_init=history.by_init,
        by_nix=by_nix,
    )


def _set_up(history: History, work: Path, variables: Mapping[str, str] | None) -> _Site:
    subject = histories.clone(history, work / "ours", by_nix=variables is not None)
    persistent = bare.Tree(subject.repository, work / "bare" / "source", work / "bare" / "out")
    return _Site(history, histories.clone(history, work / "clean"), subject, persistent, variables)


def _rotated(ways: tuple[str, ...], number: int) -> Iterator[str]:
    """The ways, each change beginning with another one: none always has the warmest caches."""
    at = number % len(ways)
    yield from (*ways[at:], *ways[:at])


def _change(site: _Site, before: str, commit: str, ways: Iterable[str], say: Say) -> Change:
    builds = {way: _build(site, way, before, commit) for way in ways}
    told = builds.get(CLEAN, builds[OURS])
    made, clean = builds[OURS].result, told.result
    assert made is not None and clean is not None, "both are built by git ckpt"  # noqa: PT018
    found, unsteady = _differences(site, commit, made, clean) if CLEAN in builds else (None, ())
    wrong = tuple(way for way in WAYS if way in builds and builds[way].passed != told.passed)
    change = Change(
        commit,
        histories.subject_of(site.history, commit),
        {way: builds[way].seconds for way in WAYS if way in builds},
        passed=told.passed,
        wrong=wrong,
        differences=found,
        unsteady=unsteady,
        why_clean=made.why_clean,
        ran=made.ran,
        answered=made.answered,
        compiled=made.compiled,
    )
    if BARE in wrong:  # what lies in the tree spoils it: as a person does, begin again
        bare.remove(site.persistent)
        _build(site, BARE, None, commit)
    say(_line(site.history, change))
    return change


def _line(history: History, change: Change) -> str:
    """What goes on, for one who waits."""
    times = ", ".join(f"{way} {seconds:.2f} s" for way, seconds in change.seconds.items())
    said = [f"{history.name}: {change.commit[:10]} {times}, {change.ran} ran"]
    if not change.passed:
        said.append("doesn't build")
    if change.wrong:
        said.append(f"WRONG VERDICT: {', '.join(change.wrong)}")
    if change.differences:
        said.append(f"DIFFERS in {', '.join(change.differences)}")
    if change.why_clean is not None:
        said.append(f"clean: {change.why_clean}")
    return "; ".join(said)


def _build(site: _Site, way: str, before: str | None, commit: str) -> _Build:
    """One build; the persistent tree holds what was built of ``before``."""
    if way == BARE:
        return _build_bare(site, before, commit)
    subject, options = (site.clean, ("--clean",)) if way == CLEAN else (site.ours, ())
    result = ours.call(
        subject, "build", commit, *options, variables=site.nix if way == OURS else None
    )
    return _Build(result.passed, result.wall, result.log.read_bytes(), result)


def _build_bare(site: _Site, before: str | None, commit: str) -> _Build:
    history, phases = site.history, dict(site.history.phases)
    if before is not None and not history.reconfigures(before, commit):
        phases.pop("configure", None)
    inputs = (str(Path(path).expanduser()) for path in history.recipe.get("inputs", ()))
    path = host.search_path(tuple(inputs), bare.SEARCH_PATH)
    variables = {"PATH": path, **history.recipe.get("env", {})}
    bare.check_out(site.persistent, commit)
    done = bare.build(site.persistent, phases, variables=variables)
    return _Build(done.passed, done.seconds, done.log)


def _verified(site: _Site, change: Change, say: Say) -> Change:
    """The change with what `git ckpt verify` finds different from a clean build."""
    if not change.passed:
        return change
    found = ours.call(site.ours, "verify", change.commit, variables=site.nix)
    differences = () if found.identical else found.differences or ("nothing could be compared",)
    say(f"{site.history.name}: {change.commit[:10]} {', '.join(differences) or 'identical'}")
    return replace(change, differences=differences)


def _differences(
    site: _Site, commit: str, made: ours.Result, clean: ours.Result
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths in which our outputs aren't as a clean build's, and those in which two clean builds
    aren't as each other."""
    if not made.passed or not clean.passed:
        return (), ()
    expected = _installed(clean)
    found = differing(_installed(made), expected)
    if not found:
        return (), ()
    again = ours.call(site.clean, "build", commit, "--clean")
    unsteady = differing(expected, _installed(again))
    return tuple(path for path in found if path not in unsteady), tuple(unsteady)


def _installed(result: ours.Result) -> Contents:
    if result.out is None:
        raise CkptError("a recipe installs nothing", "give it an `install` to compare")
    return contents(Installed({"": result.out}))
