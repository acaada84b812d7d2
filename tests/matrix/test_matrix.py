"""The change matrix: a checkpointed build gives what a clean one gives, whatever changed.

Every change alone is built in this machine's best setting. In each setting (sandbox, user) the
changes are built by kind and all at once; ``CKPT_MATRIX=full`` builds each of them there too, alone
and mixed with a text edit, which takes about half an hour.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.matrix.changes import CHANGES, KINDS, Change, made_at_once, made_of_kind, text_edit
from tests.matrix.conftest import MakeSite
from tests.matrix.outputs import differences
from tests.matrix.samples import SAMPLES, Sample
from tests.matrix.site import Site
from tests.support import GitRepo

BEST = "bubblewrap"
SANDBOXES = (BEST, "namespaces", "none")
PERSONS = ("self", "other")
SETTINGS = [(who, sandbox) for who in PERSONS for sandbox in SANDBOXES]
FULL = os.environ.get("CKPT_MATRIX") == "full"

in_each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


@in_each_sample
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_each_change_alone(site: MakeSite, sample: Sample, change: Change) -> None:
    assert_as_clean(site(sample, "self", BEST), change.make)


@pytest.mark.slow
@in_each_sample
@pytest.mark.parametrize("setting", SETTINGS, ids="-".join)
def test_each_setting_with_one_kind_after_the_other(
    site: MakeSite, sample: Sample, setting: tuple[str, str]
) -> None:
    """Each commit is built with the memory of the one before."""
    place = site(sample, *setting)
    for kind in KINDS:
        assert_as_clean(place, made_of_kind(kind))


@pytest.mark.slow
@in_each_sample
@pytest.mark.parametrize("setting", SETTINGS, ids="-".join)
def test_each_setting_with_all_changes_at_once(
    site: MakeSite, sample: Sample, setting: tuple[str, str]
) -> None:
    assert_as_clean(site(sample, *setting), made_at_once)
    for change in CHANGES if FULL else ():
        assert_as_clean(site(sample, *setting), change.make)
        assert_as_clean(site(sample, *setting), _with_text_edit(change))


def assert_as_clean(place: Site, change: Callable[[GitRepo], object]) -> None:
    """Commit ``change``, build it from the checkpoint and from nothing, and compare."""
    before = place.git("rev-parse", "HEAD^{tree}")
    commit = place.commit(change)
    assert place.git("rev-parse", "HEAD^{tree}") != before, "the change changes nothing"
    assert not differences(place.checkpointed(commit), place.clean(commit))


def _with_text_edit(change: Change) -> Callable[[GitRepo], None]:
    def make(tree: GitRepo) -> None:
        change.make(tree)
        text_edit(tree)

    return make
