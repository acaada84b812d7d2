"""The build of a target: from its record, from the nearest checkpoint, or clean.

The order is that of docs/explanation/design.md: tree, checkpoint, diff, engine, record. What one
gave is used only where it may be: a failure is confirmed by a clean build, and the result of a
checkpoint that turns out to be damaged is thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING

from ckpt_git.builds import finish
from ckpt_git.builds.checkpoints import distrust, follow_cost
from ckpt_git.builds.checkpoints.choose import Choice, choose
from ckpt_git.builds.checkpoints.follow import candidates, is_head, put_in_force
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions, Plan
from ckpt_git.deferred import Deferred
from ckpt_git.engines.protocol import (
    Announce,
    Engine,
    Event,
    EventKind,
    Listener,
    Realisation,
    Start,
)
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.packages import Package
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.errors import CkptError
from ckpt_git.model.record import Record
from ckpt_git.model.report.relocation import Relocation
from ckpt_git.model.target import Target
from ckpt_git.records import checkpoints, costs, results
from ckpt_git.records.lock import alone

if TYPE_CHECKING:
    from ckpt_git.model.follow_policy import CostOfStaying


def build(
    context: Context, target: Target, options: BuildOptions, announce: Announce
) -> list[Record]:
    """Build each selected package of ``target``, in the order of the configuration.

    Raises ``ConfigError``, ``RepositoryError``, ``MissingError`` and ``StoreError``; a build that
    fails is a record like any other.
    """
    try:
        return _build(context, target, options, announce)
    except CkptError:
        if not context.repo.mend(target):
            raise
    return _build(context, target, options, announce)


def _build(
    context: Context, target: Target, options: BuildOptions, announce: Announce
) -> list[Record]:
    packages = context.config(target.tree).select(options.packages)
    records = []
    for package in packages:
        records.append(build_package(context, package, target, options, announce))
        if options.artifacts:
            put_in_force(context, records[-1])
    return records


def plan(context: Context, package: Package, target: Target, options: BuildOptions) -> Plan:
    """Look everything up and decide; nothing is built or written yet."""
    drv = context.derivation(package, target.tree)
    engine = context.engine(drv.engine)
    source = context.repo.source(target.tree, package.source)
    key = context.repo.key(target.tree, package.source, package.ignore)
    anew = options.clean or options.rebuild
    to_build = anew or not results.has_built(context.state, package.name, key)
    recipe = engine.recipe(drv, source, to_build=to_build)
    known, stays = None, None
    if not anew:
        known = _known(context, engine, package, key, recipe, options)
    if known is not None or options.clean:
        choice = Choice(None, "asked for with --clean" if options.clean else None)
    else:
        choice = choose(
            context.repo,
            engine,
            candidates(context, package, all_of_them=options.nearest),
            recipe,
            source,
            drv,
            costs.weights(context.state, package.name),
            package.ignore,
        )
        if choice.start is not None and _follows_by_cost(package, options):
            stays = follow_cost.staying(context, package, choice.start.checkpoint, target.tree)
            if stays.pays_to_move and is_head(context, target):
                choice = choice._replace(start=None, why_clean=_why_moves(stays))
    return Plan(
        package=package,
        drv=drv,
        engine=engine,
        source=source,
        target=target,
        recipe=recipe,
        key=key,
        known=known,
        choice=choice,
        staying=stays,
    )


def _follows_by_cost(package: Package, options: BuildOptions) -> bool:
    """Whether this build may have to be the clean one that the checkpoint moves to. One that is
    put in force anyway may as well be made in the cheapest way."""
    return package.follow == "auto" and not (options.nearest or options.artifacts)


def _why_moves(stays: CostOfStaying) -> str:
    """That the checkpoint moves (``follow = "auto"``)."""
    spent = stays.drift.seconds + stays.rent
    return (
        f"the checkpoint moves here: keeping the old one would have cost {spent:.1f} s of rework so"
        f" far, a clean build costs {stays.price:.1f} s"
    )


def build_package(
    context: Context, package: Package, target: Target, options: BuildOptions, announce: Announce
) -> Record:
    """Build one package of ``target`` and keep its record.

    What another process is building already, in the background for one, is waited for: its
    record answers. Where it comes to nothing, or was asked to be built anyway, it is built here.
    """
    began = time.monotonic()
    made = plan(context, package, target, options)
    if made.known is not None or options.clean or options.rebuild:
        return _carry_out(context, made, announce, began)
    with _alone(context, made, announce) as waited:
        if waited or _known(context, made.engine, package, made.key, made.recipe, options):
            began = time.monotonic()
            made = plan(context, package, target, options)
        return _carry_out(context, made, announce, began)


def _alone(context: Context, made: Plan, announce: Announce) -> AbstractContextManager[bool]:
    """Be the one that builds what was planned; gives whether another one did until now."""

    def tell() -> None:
        announce(made.package.name, Event("note", "it is being built already; waiting for that"))
        announce(made.package.name, Event("phase", "waiting"))

    what = f"{made.package.name} {made.key} {made.recipe.id}"
    return alone(context.state.lock("builds"), what, tell)


def _carry_out(context: Context, made: Plan, announce: Announce, began: float) -> Record:
    if made.known is not None:
        results.touch(context.state, made.known)
        return made.known.answered_from_record(tree=made.target.tree, commit=made.target.commit)
    attempt = _Attempt(context, made, announce, looked_up=time.monotonic() - began)
    return attempt.record()


def _known(
    context: Context,
    engine: Engine,
    package: Package,
    key: str,
    recipe: Recipe,
    options: BuildOptions,
) -> Record | None:
    """The record that answers, if one does: confirmed, its output still whole.

    That a program was missing says nothing about the tree: it may be there by now.
    """
    record = results.find(context.state, package.name, key, recipe.id)
    if record is None or not record.confirmed or record.missing is not None:
        return None
    if options.output and record.out and engine.output_damage(record.output) is not None:
        return None
    if engine.changed_toolchain(record.toolchain) is not None:
        return None
    if options.artifacts and record.passed and not _has_artifacts(context, engine, record):
        return None
    return record


def _has_artifacts(context: Context, engine: Engine, record: Record) -> bool:
    return any(
        c.tree == record.tree and c.recipe.id == record.recipe and engine.unusable(c) is None
        for c in checkpoints.listed(context.state, record.package)
    )


class _Attempt:
    """One build of one package that has no record yet: tried from the checkpoint, then clean."""

    def __init__(
        self, context: Context, made: Plan, announce: Announce, *, looked_up: float
    ) -> None:
        self.context = context
        self.plan = made
        self.began = time.monotonic() - looked_up
        self.looked_up = looked_up
        self.log = results.new_log(context.state, made.package.name)
        self._announce = announce
        self._importing: Deferred[object] | None = None
        self._tell("log", str(self.log))

    def record(self) -> Record:
        start = self.plan.choice.start
        if start is None:
            return self._keep(self._realise(None), None, self.plan.choice.why_clean)
        result = self._realise(start)
        if result.distrust is not None:
            why = f"the checkpoint was damaged: {result.distrust}"
            self._drop_damaged()
            return self._again(why)
        if result.needs_clean is not None:
            return self._again(result.needs_clean)
        if result.outcome == "passed" or result.timed_out:
            return self._keep(result, start, None, confirmed=result.outcome == "passed")
        seen = self._keep(result, start, None, confirmed=False)
        return self._confirm(start, seen)

    def _confirm(self, start: Start, failed: Record) -> Record:
        """A failure from a checkpoint may be the checkpoint's: told at once with its error, and a
        clean build decides."""
        self._tell("failed", f"failed from the checkpoint: {failed.reason}")
        for line in failed.error:
            self._tell("error", line)
        result = self._again_clean("confirming with a clean build")
        why = f"the build from the checkpoint failed ({failed.reason})"
        if result.outcome == "passed":
            why += ", the clean one passed: the checkpoint was removed"
            distrust.distrust_base(self.context, start.checkpoint)
        return self._keep(result, None, why)

    def _again(self, why: str) -> Record:
        return self._keep(self._again_clean(why), None, why)

    def _again_clean(self, why: str) -> Realisation:
        self._tell("note", why)
        self._note([why])
        return self._realise(None)

    def _note(self, lines: Iterable[str]) -> None:
        """Say something in the log."""
        with self.log.open("a", encoding="utf-8", errors="surrogateescape") as log:
            log.writelines(f"=== {line}\n" for line in lines)

    def _realise(self, start: Start | None) -> Realisation:
        made = self.plan
        return made.engine.realise(
            made.drv,
            made.source,
            made.recipe,
            commit=made.target.commit,
            start=start,
            log=self.log,
            listener=self._listener(),
        )

    def _keep(
        self,
        result: Realisation,
        start: Start | None,
        why_clean: str | None,
        *,
        confirmed: bool = True,
    ) -> Record:

        ending = finish.Ending(
            plan=self.plan,
            result=result,
            start=start,
            why_clean=why_clean,
            log=self.log,
            began=self.began,
            looked_up=self.looked_up,
        )
        return finish.keep(self.context, ending, self._relocation(), confirmed=confirmed)

    def _relocation(self) -> Relocation:
        return relocation(self.context, self.plan.engine, self.plan.drv)

    def _listener(self) -> Listener:
        moved = self._relocation()

        def hear(event: Event) -> None:
            if event.kind == "phase" and self._importing is None:
                self._importing = Deferred(lambda: import_module("ckpt_git.builds.finish"))
            text = moved.line(event.text) if event.kind == "line" else event.text
            self._announce(self.plan.package.name, Event(event.kind, text))

        return hear

    def _tell(self, kind: EventKind, text: str) -> None:
        self._announce(self.plan.package.name, Event(kind, text))

    def _drop(self, checkpoint: Checkpoint) -> None:
        checkpoints.drop(self.context.state, checkpoint)
        self.plan.engine.discard(checkpoint)

    def _drop_damaged(self) -> None:
        """Several checkpoints may lie on the damaged layer."""
        for checkpoint in checkpoints.listed(self.context.state, self.plan.package.name):
            if self.plan.engine.damage(checkpoint) is not None:
                self._drop(checkpoint)


def relocation(context: Context, engine: Engine, drv: Derivation) -> Relocation:
    """How messages of a build become messages about the user's own files."""
    top = context.repo.top
    if top is None:
        return Relocation(engine.source_path(drv), "", lambda _: False)
    own = top / drv.source.folder if drv.source.folder != "." else top
    source = context.repo.source(drv.source.tree, drv.source.folder)
    return Relocation(
        engine.source_path(drv), str(own), lambda path: (own / path).exists(), source.manifest
    )
