"""The build of a target: from its record, from the nearest checkpoint, or clean.

The order is that of docs/explanation/design.md: tree, checkpoint, diff, engine, record. This module
makes the plan; ``attempt`` carries it out where no record answers.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ckpt_git.builds import attempt
from ckpt_git.builds.checkpoints import follow_cost
from ckpt_git.builds.checkpoints.choose import Choice, choose
from ckpt_git.builds.checkpoints.follow import candidates, is_head, put_in_force
from ckpt_git.builds.plan import BuildOptions, Plan
from ckpt_git.engines.protocol import Announce, Engine, Event, changed_toolchain
from ckpt_git.model.config.packages import Package
from ckpt_git.model.derivation import Recipe
from ckpt_git.model.errors import CkptError
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target
from ckpt_git.records import checkpoints, costs, results
from ckpt_git.records.lock import alone

if TYPE_CHECKING:
    from ckpt_git.builds.context import Context
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
        if not context.repo.repair(target):
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
    """Whether ``follow = "auto"`` may ask for a clean build here. Where the caller puts the
    checkpoint in force anyway, the cheapest build will do."""
    return package.follow == "auto" and not (options.nearest or options.artifacts)


def _why_moves(stays: CostOfStaying) -> str:
    """The note that the checkpoint moves (``follow = "auto"``), and why."""
    spent = stays.drift.seconds + stays.rent
    return (
        f"the checkpoint moves here: keeping the old one would have cost {spent:.1f} s of rework so"
        f" far, a clean build costs {stays.price:.1f} s"
    )


def build_package(
    context: Context, package: Package, target: Target, options: BuildOptions, announce: Announce
) -> Record:
    """Build one package of ``target`` and keep its record.

    If another process is building the same already, this one waits, and takes its record. If that
    process leaves no record, or the caller asked for a rebuild, the package is built here.
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
    """Let no other process build the same meanwhile. Gives whether this one had to wait."""

    def tell() -> None:
        announce(made.package.name, Event("note", "already being built; waiting for its end"))
        announce(made.package.name, Event("phase", "waiting"))

    what = f"{made.package.name} {made.key} {made.recipe.id}"
    return alone(context.state.lock("builds"), what, tell)


def _carry_out(context: Context, made: Plan, announce: Announce, began: float) -> Record:
    if made.known is not None:
        results.touch(context.state, made.known)
        return made.known.answered_from_record(tree=made.target.tree, commit=made.target.commit)
    looked_up = time.monotonic() - began
    return attempt.Attempt(context, made, announce, looked_up=looked_up).record()


def _known(
    context: Context,
    engine: Engine,
    package: Package,
    key: str,
    recipe: Recipe,
    options: BuildOptions,
) -> Record | None:
    """The record that answers, if there is one: confirmed, and its output is undamaged.

    A record of a build for which a program was missing never answers: the program may be there now.
    """
    record = results.find(context.state, package.name, key, recipe.id)
    if record is None or not record.confirmed or record.missing is not None:
        return None
    if options.output and record.out and engine.outputs.damage(record.output) is not None:
        return None
    if changed_toolchain(engine, record.toolchain) is not None:
        return None
    if options.artifacts and record.passed and not _has_artifacts(context, engine, record):
        return None
    return record


def _has_artifacts(context: Context, engine: Engine, record: Record) -> bool:
    return any(
        c.tree == record.tree
        and c.recipe.id == record.recipe
        and engine.artifacts.unusable(c) is None
        for c in checkpoints.listed(context.state, record.package)
    )
