"""git's bisection, asked as a question: it halves, and moves away from what can't be tested."""

from __future__ import annotations

from pathlib import Path

from ckpt_git.git.objects.bisection import halving, merge_bases, next_to_test
from ckpt_git.git.repository import Repository
from tests.support import GitRepo


def test_the_best_commit_halves_what_is_left_and_the_bad_one_is_last(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    commits = [repo.commit(str(number)) for number in range(9)]
    ranked = halving(Repository.discover(repo.path), commits[8], [commits[0]])
    assert ranked[0] in commits[4:6]
    assert ranked[-1] == commits[8]
    assert sorted(ranked) == sorted(commits[1:])


def test_a_bisection_of_the_users_has_no_say(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    commits = [repo.commit(str(number)) for number in range(9)]
    at = Repository.discover(repo.path)
    before = halving(at, commits[8], [commits[0]])
    repo.git("bisect", "start", commits[3], commits[1])
    assert halving(at, commits[8], [commits[0]]) == before


def test_unrelated_commits_have_no_merge_base(tmp_path: Path) -> None:
    repo = GitRepo.init(tmp_path / "repo")
    one = repo.commit("one")
    repo.git("checkout", "-q", "--orphan", "other")
    other = repo.commit("other")
    at = Repository.discover(repo.path)
    assert merge_bases(at, one, other) == []
    assert merge_bases(at, one, one) == [one]


def test_where_the_best_cannot_be_tested_each_is_taken_once_and_neighbours_later() -> None:
    ranked = [str(number) for number in range(20)]
    skipped: set[str] = {"0"}
    taken = []
    while (chosen := next_to_test(ranked, skipped)) is not None:
        taken.append(chosen)
        skipped.add(chosen)
    assert sorted(taken) == sorted(ranked[1:])
    assert taken[:2] != ["1", "2"]
    assert next_to_test(ranked, set()) == "0"
