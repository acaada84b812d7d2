"""What the benchmarks conclude from what they measured, and what a list of repositories says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks import histories, measured, ours
from benchmarks.follow import BARE, OURS, WAYS, Change, Following
from ckpt_git.model.errors import UsageError


def _change(ours: float, bare: float, **fields: object) -> Change:
    seconds = {**dict.fromkeys(WAYS, 10.0), OURS: ours, BARE: bare}
    return Change("c" * 40, "subject", seconds, **fields)  # type: ignore[arg-type]


def test_following_holds_within_a_part_of_the_bare_builds_and_a_moment_for_each() -> None:
    assert Following("p", (_change(5.7, 5.0), _change(1.2, 1.0))).holds
    assert not Following("p", (_change(6.2, 5.0), _change(1.1, 1.0))).holds
    assert not Following("p", (_change(1.0, 1.0, differences=("a",)),)).holds
    assert not Following("p", ()).holds


def test_following_by_nix_holds_where_each_change_alone_keeps_to_its_limit() -> None:
    assert Following("p", (_change(1.9, 0.2), _change(11.0, 9.1)), by_nix=True).holds
    dear = Following("p", (_change(2.3, 0.2), _change(9.0, 9.0)), by_nix=True)
    assert not dear.holds
    assert Following.from_json(dear.to_json()) == dear
    different = _change(1.0, 0.2, differences=("prog",))
    assert not Following("p", (different,), by_nix=True).holds


def test_of_several_runs_the_medians_count_and_what_is_wrong_in_any_of_them() -> None:
    runs = [
        Following("p", (_change(seconds, 1.0), _change(2.0, 2.0)), by_nix=True)
        for seconds in (9.0, 1.5, 2.0)
    ]
    found = Following.medians(runs)
    assert found.holds
    assert found.total(OURS) == 4.0
    assert Following.from_json(found.to_json()) == found
    wrong = Following("p", (_change(1.5, 1.0, differences=("prog",)), _change(2.0, 2.0)))
    assert not Following.medians([runs[1], wrong, runs[2]]).holds
    other = Following("p", (_change(1.5, 1.0, wrong=(BARE,)), _change(2.0, 2.0)))
    assert len(Following.medians([runs[1], other, runs[2]]).counted) == 1


def test_what_fails_or_is_wrong_when_bare_is_compared_and_not_counted() -> None:
    stale = _change(9.0, 0.1, wrong=(BARE,))
    fails = _change(9.0, 0.1, passed=False)
    found = Following("p", (_change(1.0, 1.0), stale, fails))
    assert found.total(OURS) == 1.0
    assert found.holds
    assert found.identical
    assert not Following("p", (_change(1.0, 1.0), _change(1.0, 1.0, wrong=(OURS,)))).holds


def test_the_page_counts_all_histories_together_and_names_what_is_apart() -> None:
    """One history alone isn't within the limit."""
    slow = Following(
        "slow",
        (_change(31.0, 30.0), _change(9.0, 8.0, why_clean="the machine is another")),
        tool="make",
        recipe='[package."slow"]\nbuild = "make"\n',
        again=("configure",),
    )
    quick = Following(
        "quick",
        (_change(1.6, 1.0), _change(0.2, 0.1, passed=False), _change(1.1, 0.9, unsteady=("log",))),
        by_init=True,
    )
    assert not quick.holds
    documents = [json.loads(json.dumps({"follow": [one.to_json()]})) for one in (slow, quick)]
    whole = measured.read(documents)
    assert whole.holds
    assert (len(whole.together.changes), len(whole.together.counted)) == (5, 4)
    page = measured.page(whole).replace("\n", " ")
    assert "5 of 5 commits of 2 histories" in page
    assert "took 43 s in sum (limit: 45), which is 1.07 times" in page
    assert "built clean: the machine is another" in page
    assert "two clean builds differ in log" in page
    assert "it doesn't build" in page
    assert "as `git ckpt init` writes it" in page
    assert "again where one of these changed: `configure`" in page
    other = Following("other", (_change(1.0, 1.0, differences=("prog",)),))
    assert not measured.read([*documents, {"follow": [other.to_json()]}]).holds
    uncompared = Following("other", (_change(1.0, 1.0, differences=None),))
    assert not measured.read([{"follow": [uncompared.to_json()]}]).holds


def test_a_list_of_repositories_has_ranges_and_recipes(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path / "repository", check=True)

    (tmp_path / "repository").mkdir()
    git("init", "-q")
    for name in ("Makefile", "configure", "main.c"):
        (tmp_path / "repository" / name).write_text("")
        git("add", ".")
        git("commit", "-qm", name)
    corpus = tmp_path / "corpus.toml"
    corpus.write_text(
        '[one]\nrepository = "repository"\nrange = "HEAD~2..HEAD"\ntool = "make"\n'
        'again = ["conf*"]\nconfigure = "./configure"\nbuild = "make"\nenv = { A = "b" }\n'
        '[two]\nrepository = "repository"\nrange = "HEAD~1..HEAD"\n'
    )
    one, two = histories.of_file(corpus)
    assert (one.tool, len(one.commits), one.by_init) == ("make", 3, False)
    assert one.phases == {"configure": "./configure", "build": "make"}
    assert [one.reconfigures(*one.commits[n : n + 2]) for n in (0, 1)] == [True, False]
    assert ours.package("one", one.recipe).endswith('build = "make"\nenv = { A = "b" }\n')
    assert (two.by_init, len(two.commits)) == (True, 2)
    corpus.write_text('[one]\nrange = "HEAD~1..HEAD"\n')
    with pytest.raises(UsageError, match="one has no 'repository'"):
        list(histories.of_file(corpus))
