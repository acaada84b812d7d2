"""git's bisection without `git bisect`: which commit halves what is left. Reads objects only.

`git bisect` keeps its state in HEAD, the index, the work tree and refs/bisect, none of which are
ours to write, and its own state would stand in the way of one that the user is in the midst of.
`git rev-list --bisect-all` is the same algorithm as a question: it reads no ref but those named.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.git.objects.rev_list import Walked, read_log
from ckpt_git.git.objects.trees import resolve
from ckpt_git.model.errors import RepositoryError
from ckpt_git.process import ProcessError

_GOLDEN = 0.618_034  # its multiples spread evenly, without a pattern


def commit_named(at: Location, revision: str) -> Walked:
    """The commit that ``revision`` names. Raises ``RepositoryError``."""
    [commit] = resolve(at, f"{revision}^{{commit}}")
    found = read_log(at, ["--max-count=1"], [commit]) if commit is not None else []
    if not found or found[0].commit is None:
        raise RepositoryError(f"there is no commit {revision!r}", "`git log --all` lists them")
    return found[0].commit


def halving(at: Location, bad: str, goods: Sequence[str]) -> list[str]:
    """The commits that may have brought in what is bad, ``bad`` among them, by how well a test of
    them would halve what is left, best first. Raises ``RepositoryError``."""
    asked = ("rev-list", "--bisect-all", bad, "--not", *goods, "--")
    try:
        listed = at.git(*asked).stdout.decode()
    except ProcessError as error:
        raise explained(error, f"bisect up to {bad}") from error
    return [line.split(" ")[0] for line in listed.splitlines()]


def merge_bases(at: Location, one: str, other: str) -> list[str]:
    """Where the histories of two commits part; none for unrelated ones."""
    try:
        return at.git("merge-base", "--all", one, other).stdout.decode().split()
    except ProcessError as error:
        if error.code == 1:  # git-merge-base(1): there is none
            return []
        raise explained(error, f"compare {one} and {other}") from error


def next_to_test(ranked: Sequence[str], skipped: Collection[str]) -> str | None:
    """The best of ``ranked`` that can still be tested; None where all were.

    Where the best one couldn't be tested, its neighbours often can't either: then one further
    away is taken, as `git bisect skip` does (bisect.c, ``skip_away``).
    """
    left = [commit for commit in ranked if commit not in skipped]
    if not left or ranked[0] not in skipped:
        return left[0] if left else None
    share = (len(ranked) - len(left)) * _GOLDEN % 1.0
    return left[int(len(left) * share**1.5)]
