"""Validate a push: find out whether each ref that is pushed builds, before git sends it.

    refs ──> commits ──> those that count (``[push]``) ──> trees, each once ──> records, else builds

What is validated is the tree of each commit that is pushed, whatever the work tree or the index
hold. A push is its user's own act, so nobody is asked whether its recipes may be run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ckpt_git.builds import build, plan
from ckpt_git.builds.checks import verify
from ckpt_git.builds.context import Context
from ckpt_git.engines import protocol
from ckpt_git.git.objects import push_range
from ckpt_git.git.objects.push_range import Commit
from ckpt_git.model.config.packages import Config, Package
from ckpt_git.model.config.push_policy import PushPolicy, policy_of_broken
from ckpt_git.model.errors import CkptError, ConfigError
from ckpt_git.model.push import Push, RefUpdate
from ckpt_git.model.record import Record
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.model.target import Target
from ckpt_git.records import results

if TYPE_CHECKING:
    from ckpt_git.engines.protocol import Announce


@dataclass(frozen=True, slots=True)
class Subject:
    """A commit to validate for the sake of ``refs``, as ``policy`` says; ``config`` is its own."""

    commit: Commit
    refs: tuple[str, ...]
    policy: PushPolicy
    config: Config


@dataclass(frozen=True, slots=True)
class Skipped:
    """A ref that can't be validated, as there is no commit behind it."""

    ref: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one package of ``subject``; ``built`` says that it took a build.

    ``differences`` are the paths in which a clean build gave something else than the checkpoint.
    """

    subject: Subject
    record: Record
    built: bool = False
    differences: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.record.passed and not self.differences


@dataclass(frozen=True, slots=True)
class Unchecked:
    """What can't be validated, and why. ``allowed`` says that it may be pushed all the same."""

    commit: Commit
    refs: tuple[str, ...]
    why: str
    allowed: bool


Result = Skipped | Checked | Unchecked

Watch = Callable[[Subject, Package], "AbstractContextManager[Announce]"]
"""Entered around each build; gives who is to hear what happens in it."""


def validate(context: Context, push: Push, watch: Watch) -> Iterator[Result]:
    """Find out whether what is pushed builds; each result comes as soon as it is known.

    What needs no build comes first. Where that refuses the push, nothing is built for it: it
    goes as a whole or not at all. Raises ``RepositoryError`` where the objects can't be read.
    """
    refused = False
    unknown: list[tuple[Subject, Package]] = []
    for found in _subjects(context, push):
        if not isinstance(found, Subject):
            refused |= _refuses(found)
            yield found
            continue
        for package in found.config.packages.values():
            result = _on_record(context, found, package)
            if result is None:
                unknown.append((found, package))
            else:
                refused |= _refuses(result)
                yield result
    for subject, package in () if refused else unknown:
        yield _build(context, subject, package, watch)


def _refuses(result: Result) -> bool:
    if isinstance(result, Checked):
        return not result.good
    return isinstance(result, Unchecked) and not result.allowed


# -- what is to be validated ----------------------------------------------------------------------


def _subjects(context: Context, push: Push) -> Iterator[Subject | Skipped | Unchecked]:
    """The commits that the policies of the pushed tips ask for, a tree once for each policy."""
    sent = [update for update in push.updates if not update.deletes]
    read = _Configs(context)
    tips = read.tips([update.local for update in sent])
    yield from (Skipped(u.remote_ref) for u, tip in zip(sent, tips, strict=True) if tip is None)
    found: dict[tuple[str, PushPolicy], Subject] = {}
    for update, tip in zip(sent, tips, strict=True):
        policy = None if tip is None else read.policy(tip)
        if tip is None or policy is None or not policy.covers(push, update):
            continue
        commits = _commits(context, update, tip, policy)
        read.ahead(commits)
        for commit in commits:
            try:
                config = read.config(commit)
            except ConfigError as error:
                yield _unchecked(commit, (update.name,), policy, error)
            else:
                if config is not None:
                    _add(found, Subject(commit, (update.name,), policy, config))
    yield from found.values()


def _add(found: dict[tuple[str, PushPolicy], Subject], subject: Subject) -> None:
    at = (subject.commit.tree, subject.policy)
    known = found.setdefault(at, subject)
    found[at] = replace(known, refs=tuple(dict.fromkeys((*known.refs, *subject.refs))))


def _commits(
    context: Context, update: RefUpdate, tip: Commit, policy: PushPolicy
) -> Sequence[Commit]:
    """The tip, and with ``commits = "all"`` before it what the remote hasn't got yet."""
    if policy.commits == "tips":
        return (tip,)
    [old] = push_range.peeled(context.repo, [update.remote])
    news = push_range.between(context.repo, tip.id, None if old is None else old.id)
    return [*(commit for commit in news if commit != tip), tip]


class _Configs:
    """``ckpt.toml`` of each commit; one text, which is the rule, is read once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._texts: dict[str, bytes | None] = {}
        self._parsed: dict[bytes | None, Config | ConfigError | None] = {}

    def tips(self, ids: Sequence[str]) -> list[Commit | None]:
        """The commits that are pushed, None for what leads to none; and look into them."""
        found = push_range.peeled_with(self._context.repo, ids, CONFIG_NAME)
        self._texts.update((tip[0].tree, tip[1]) for tip in found if tip is not None)
        return [None if tip is None else tip[0] for tip in found]

    def ahead(self, commits: Iterable[Commit]) -> None:
        """Look into all of these at once."""
        trees = list({commit.tree: None for commit in commits if commit.tree not in self._texts})
        texts = push_range.contents(self._context.repo, trees, CONFIG_NAME)
        self._texts.update(zip(trees, texts, strict=True))

    def config(self, commit: Commit) -> Config | None:
        """None where neither the commit nor the work tree has one. Raises ``ConfigError``."""
        self.ahead([commit])
        text = self._texts[commit.tree]
        if text not in self._parsed:
            try:
                self._parsed[text] = self._context.parsed_config(text)
            except ConfigError as error:
                self._parsed[text] = error
        found = self._parsed[text]
        if isinstance(found, ConfigError):
            raise found
        return found

    def policy(self, tip: Commit) -> PushPolicy | None:
        """What the tip says about its being pushed."""
        try:
            config = self.config(tip)
        except ConfigError:
            text = self._texts[tip.tree] or b""
            return policy_of_broken(text.decode("utf-8-sig", errors="replace"))
        return None if config is None else config.push


# -- what is known of it, and what has to be built ------------------------------------------------


def _on_record(context: Context, subject: Subject, package: Package) -> Result | None:
    """What was found out before; None where it takes a build.

    The output may be gone by now: that it was built is what counts here.
    """
    try:
        record = _record(context, subject, package)
    except (CkptError, OSError) as error:
        return _unchecked(subject.commit, subject.refs, subject.policy, error)
    if record is None or not _is_conclusive(record) or record.verified is False:
        return None
    if record.passed and (_has_to_be_verified(subject, record) or _has_to_be_seen(subject, record)):
        return None
    return Checked(subject, record)


def _record(context: Context, subject: Subject, package: Package) -> Record | None:
    """The record of the tree, unless something is another thing now that its build had read."""
    drv = context.derivation(package, subject.commit.tree)
    engine = context.engine(drv.engine)
    source = context.repo.source(subject.commit.tree, package.source)
    recipe = engine.recipe(drv, source)
    key = context.repo.key(subject.commit.tree, package.source, package.ignore)
    record = results.find(context.state, package.name, key, recipe.id)
    if record is None or protocol.changed_toolchain(engine, record.toolchain) is not None:
        return None
    return record


def _build(context: Context, subject: Subject, package: Package, watch: Watch) -> Result:
    try:
        with watch(subject, package) as announce:
            result = _built(context, subject, package, announce)
    except (CkptError, OSError) as error:
        return _unchecked(subject.commit, subject.refs, subject.policy, error)
    record = result.record
    if record.passed and _has_to_be_seen(subject, record):
        why = f"{package.name}: its build was not seen whole, and `require` asks for that"
        return _unchecked(subject.commit, subject.refs, subject.policy, CkptError(why))
    if record.passed or _is_conclusive(record):
        return result
    why = f"{package.name}: {_inconclusive(record)}"
    return _unchecked(subject.commit, subject.refs, subject.policy, CkptError(why))


def _built(context: Context, subject: Subject, package: Package, announce: Announce) -> Checked:

    target = Target("commit", subject.refs[0], subject.commit.tree, subject.commit.id)
    record = build.build_package(context, package, target, plan.BuildOptions(), announce)
    if not (record.passed and _has_to_be_verified(subject, record)):
        return Checked(subject, record, built=True)
    if record.out is None:  # nothing to compare: that it builds clean is all there is to know
        clean = build.build_package(
            context, package, target, plan.BuildOptions(clean=True), announce
        )
        return Checked(subject, clean, built=True)

    [verdict] = verify.verify(context, target, plan.BuildOptions((package.name,)), announce)
    return Checked(subject, verdict.clean, built=True, differences=verdict.differences)


def _has_to_be_verified(subject: Subject, record: Record) -> bool:
    """Whether a clean build is still to be compared with. What was built clean is what it is."""
    return subject.policy.require == "verified" and record.made != "clean" and not record.verified


def _has_to_be_seen(subject: Subject, record: Record) -> bool:
    """Whether it is asked for that a build was seen whole, and this one wasn't."""
    return subject.policy.require == "traced" and record.trace != "complete"


def _is_conclusive(record: Record) -> bool:
    """Whether the outcome says something about the tree, not about the moment or the machine."""
    return record.confirmed and record.missing is None


def _inconclusive(record: Record) -> str:
    if record.missing is not None:
        return f"`{record.missing}` is not there for the build"
    return record.reason or "the build gave no result"


def _unchecked(
    commit: Commit, refs: tuple[str, ...], policy: PushPolicy, error: Exception
) -> Unchecked:
    return Unchecked(commit, refs, str(error), allowed=policy.on_error == "allow")
