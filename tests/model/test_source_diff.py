"""What differs between two trees, and which paths a pattern of ``ckpt.toml`` means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_git.model.source_diff import Entry, Manifest, SourceDiff, matcher

entries = st.builds(Entry, st.sampled_from(["100644", "100755", "120000"]), st.sampled_from("ab"))
manifests = st.dictionaries(st.sampled_from(["a", "b", "d/c", "\udcff", "a\nb"]), entries)


def applied(diff: SourceDiff, old: Manifest) -> Manifest:
    kept = {path: entry for path, entry in old.items() if path not in diff.deleted}
    return {**kept, **diff.added, **diff.modified}


@given(manifests, manifests)
def test_a_diff_leads_from_the_old_tree_to_the_new_one(old: Manifest, new: Manifest) -> None:
    assert applied(SourceDiff.between(old, new), old) == new


@given(manifests, manifests)
def test_a_diff_names_each_path_that_differs_once_and_no_other(
    old: Manifest, new: Manifest
) -> None:
    diff = SourceDiff.between(old, new)
    differing = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    assert sorted(diff.paths()) == sorted(differing)
    assert len(diff) == len(differing) == sum(diff.counts().values())
    assert bool(diff) is bool(differing)
    assert sorted(diff.written) == sorted(differing - set(diff.deleted))


def test_kinds_of_change() -> None:
    old = {"kept": Entry("100644", "1"), "mode": Entry("100644", "2"), "gone": Entry("100644", "3")}
    new = {"kept": Entry("100644", "1"), "mode": Entry("100755", "2"), "new": Entry("120000", "3")}
    diff = SourceDiff.between(old, new)
    assert diff.added == {"new": Entry("120000", "3")}
    assert diff.modified == {"mode": Entry("100755", "2")}
    assert diff.deleted == ("gone",)


@given(manifests, manifests)
def test_ignored_paths_are_left_out_of_every_kind(old: Manifest, new: Manifest) -> None:
    diff = SourceDiff.between(old, new)
    rest = diff.without(matcher(["d/**", "a"]))
    assert sorted(rest.paths()) == sorted(p for p in diff.paths() if p not in {"a", "d/c"})


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/deep/x.md", True),
        ("*.md", ".md", True),
        ("*.md", "x.mdx", False),
        ("/*.md", "README.md", True),
        ("/*.md", "docs/x.md", False),
        ("docs/**", "docs/a", True),
        ("docs/**", "docs/a/b", True),
        ("docs/**", "docs", False),
        ("docs/**", "other/docs/a", False),
        ("docs/*", "docs/a", True),
        ("docs/*", "docs/a/b", False),
        ("docs/", "docs/a/b", True),
        ("docs/", "lib/docs/a", True),
        ("docs/", "docs", False),
        ("/docs/", "lib/docs/a", False),
        ("**/test/**", "test/a", True),
        ("**/test/**", "a/b/test/c/d", True),
        ("**/test/**", "contest/a", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].c", "x/a.c", True),
        ("[!ab].c", "a.c", False),
        ("[!ab].c", "c.c", True),
        ("a[", "a[", True),
        ("x.c", "xyc", False),
        ("*", "a\nb", True),
        ("*.c", "\udcff.c", True),
        ("(a|b)+$", "(a|b)+$", True),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert matcher([pattern])(path) is matches


def test_any_of_several_patterns_is_enough_and_none_matches_nothing() -> None:
    either = matcher(["*.md", "docs/"])
    assert either("a.md")
    assert either("docs/a.c")
    assert not either("a.c")
    assert not matcher([])("a.md")
