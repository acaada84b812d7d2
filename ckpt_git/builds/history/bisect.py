"""The first bad commit between a good one and a bad one, found by builds from checkpoints.

Which commit is tested next is git's own choice (``ckpt_git.git.objects.bisection``). A commit is
good where it builds, or where a command of the user's says so of what was built; what doesn't build
then says nothing about it and is skipped. Nothing is checked out, and no ref is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ckpt_git.builds.context import Context
from ckpt_git.git.objects import bisection
from ckpt_git.git.objects.rev_list import Walked
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.record import Record

Verdict = Literal["good", "bad", "skip"]


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of one commit found. ``why`` is for people: an exit code, a build's error.
    ``records`` are those of its builds; ``left`` is how many commits may be the first bad one
    yet, before this test, 0 for one that isn't part of the search."""

    commit: Walked
    verdict: Verdict
    why: str
    records: tuple[Record, ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The first bad commit; or, where some couldn't be tested, those of which one is."""

    candidates: tuple[Walked, ...]

    @property
    def first_bad(self) -> Walked | None:
        return self.candidates[0] if len(self.candidates) == 1 else None


class NoBisectionError(CkptError):
    """What was said to be good or bad isn't, so that there is nothing to look for."""

    exit_code = 1


Test = Callable[[Walked, int], Tested]
"""Tests a commit; told how many are left that may be the first bad one, 0 outside the search."""


def bisect(context: Context, good: str, bad: str, test: Test) -> Iterator[Tested | Ended]:
    """Look for the first bad commit after ``good``; each test is told as soon as it has ended, and
    at last what was found.

    Both ends are tested first: a search between wrong ones would name some commit or other. Raises
    ``NoBisectionError`` for those, ``UsageError`` where ``good`` isn't before ``bad``, and
    ``RepositoryError`` for revisions that aren't there.
    """
    right = bisection.commit_named(context.repo, good)
    wrong = bisection.commit_named(context.repo, bad)
    bases = bisection.merge_bases(context.repo, right.id, wrong.id)
    if wrong.id in bases:
        same = "the same commit" if right.id == wrong.id else f"before {good}"
        raise UsageError(f"{bad} is {same}", "name the good one first, then the bad one")
    yield _expected(test(right, 0), "good", good)
    yield _expected(test(wrong, 0), "bad", bad)
    goods = [right.id]
    for base in bases:
        if base == right.id:
            continue
        parting = test(bisection.commit_named(context.repo, base), 0)
        yield _expected(parting, "good", f"where {good} and {bad} part")
        goods.append(base)
    yield from _search(context, goods, wrong.id, test)


def _search(context: Context, goods: list[str], bad: str, test: Test) -> Iterator[Tested | Ended]:
    skipped: set[str] = set()
    while True:
        ranked = bisection.halving(context.repo, bad, goods)
        untested = [commit for commit in ranked if commit != bad]
        chosen = bisection.next_to_test(untested, skipped)
        if chosen is None:
            candidates = [bad, *untested]
            yield Ended(tuple(bisection.commit_named(context.repo, c) for c in candidates))
            return
        tested = test(bisection.commit_named(context.repo, chosen), len(ranked))
        yield tested
        if tested.verdict == "good":
            goods.append(chosen)
        elif tested.verdict == "bad":
            bad = chosen
        else:
            skipped.add(chosen)


def _expected(tested: Tested, verdict: Verdict, name: str) -> Tested:
    """``tested``, which the user has named as ``verdict``; what can't be tested is taken for it."""
    if tested.verdict in {verdict, "skip"}:
        return tested
    found = f"{name} ({tested.commit.id[:10]}) is not {verdict}: {tested.why}"
    raise NoBisectionError(found, "nothing is known of the commits between")
