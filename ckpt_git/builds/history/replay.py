"""Build each commit of a range in its order, each from the nearest checkpoint.

Nothing is checked out. What is on record answers, so a replay that was interrupted goes on where
it was. A commit that fails doesn't end it: the next one is built from the last that passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from ckpt_git.builds.build import build_package
from ckpt_git.builds.checks.verify import verify
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.engines.protocol import Announce
from ckpt_git.git.objects.rev_list import Walked
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import ConfigError, RepositoryError
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target

Watch = Callable[[int, Walked], AbstractContextManager[Announce]]
"""Entered around the builds of each commit, by its number from 0; gives who hears of them."""


@dataclass(frozen=True, slots=True)
class Built:
    """What is known of a package at one commit; ``answered`` says that no build was needed.

    ``differences`` are paths in which a clean build gave something else.
    """

    commit: Walked
    record: Record
    answered: bool
    differences: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.record.passed and not self.differences


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A commit of which nothing can be built, and why: its configuration, objects that are gone."""

    commit: Walked
    why: str


def replay(
    context: Context,
    commits: Sequence[Walked],
    packages: Sequence[str],
    watch: Watch,
    *,
    verified: bool = False,
) -> Iterator[Built | Unbuilt]:
    """Build ``packages`` (all for none) of each commit, in the order given; each result comes as
    soon as it is known. With ``verified`` what a checkpoint gave is compared with a clean build.

    Raises ``MissingError`` or ``StoreError`` where no build could run.
    """
    for number, commit in enumerate(commits):
        with watch(number, commit) as announce:
            try:
                chosen = context.config(commit.tree).select(packages)
                found: list[Built | Unbuilt] = [
                    _built(context, package, commit, announce, verified=verified)
                    for package in chosen
                ]
            except (ConfigError, RepositoryError) as error:
                found = [Unbuilt(commit, str(error))]
        yield from found


def target_of(commit: Walked) -> Target:
    """The commit as something to build."""
    return Target("commit", commit.id, commit.tree, commit.id)


def _built(
    context: Context, package: Package, commit: Walked, announce: Announce, *, verified: bool
) -> Built:
    target = target_of(commit)
    options = BuildOptions(output=False, nearest=True)
    record = build_package(context, package, target, options, announce)
    answered = record.cached
    differences: tuple[str, ...] = ()
    if verified and _is_to_be_verified(record):
        [verdict] = verify(context, target, BuildOptions((package.name,)), announce)
        answered, differences = False, verdict.differences
        record = verdict.record if verdict.identical else verdict.clean
    if record.out is not None and not record.output.exists():  # only the newest are kept
        record = replace(record, out=None)
    return Built(commit, record, answered, differences)


def _is_to_be_verified(record: Record) -> bool:
    """What was built clean is what it is; what installed nothing has nothing to compare."""
    comparable = record.passed and record.out is not None
    return comparable and record.depth > 0 and not record.verified
