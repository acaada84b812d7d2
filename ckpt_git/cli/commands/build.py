"""The commands that build: what they show while it goes on, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ckpt_git.builds import build as builds
from ckpt_git.builds.background import builder, detach, idle
from ckpt_git.builds.checkpoints.choose import why_other_recipe
from ckpt_git.builds.checks import untracked
from ckpt_git.builds.checks import verify as checks_verify
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions, Plan
from ckpt_git.cli.output.live import Live
from ckpt_git.cli.output.streams import out, out_json, say, say_ckpt
from ckpt_git.cli.output.wording import changed, count, how_far, name_of_tree, summary, to_compile
from ckpt_git.deferred import Deferred
from ckpt_git.engines.protocol import Event
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.record import Record
from ckpt_git.model.report.display_names import CONFIG_NAME, shown
from ckpt_git.model.target import Target
from ckpt_git.records import queue

if TYPE_CHECKING:
    from ckpt_git.builds.checks.verify import Verdict


def build(context: Context, name: str, options: BuildOptions, *, quiet: bool, as_json: bool) -> int:
    """``build`` and ``prepare``; returns the exit code."""
    context.warm_up()
    target = context.target(name)
    left_out: list[Deferred[list[str]]] = []

    with Live(sys.stderr, show_output=not (quiet or as_json)) as live:

        def announce(package: str, event: Event) -> None:
            if event.kind == "phase" and target.kind == "worktree" and not left_out:
                left_out.append(Deferred(lambda: untracked.left_out(context)))
            live.announce(package, event)

        records = builds.build(context, target, options, announce)
    renew_deep(context, target, records)
    report_common(context, target, records, *left_out)
    if as_json:
        out_json({"results": [record.result() for record in records]})
    for record in records:
        _tell(record, live, as_json=as_json)
    return exit_code(records) or int(options.artifacts and any(r.no_base for r in records))


def verify(
    context: Context, name: str, options: BuildOptions, *, quiet: bool, as_json: bool
) -> int:
    """``verify``; returns the exit code."""

    context.warm_up()
    target = context.target(name)
    with Live(sys.stderr, show_output=not (quiet or as_json)) as live:
        verdicts = checks_verify.verify(context, target, options, live.announce)
    report_common(context, target, [verdict.record for verdict in verdicts])
    if as_json:
        out_json({"results": [verdict.result() for verdict in verdicts]})
    for verdict in verdicts:
        _tell(verdict.record, live, as_json=as_json)
        if not as_json:
            _show_verdict(verdict)
    failed = exit_code([verdict.record for verdict in verdicts])
    return failed or int(not all(verdict.identical for verdict in verdicts))


def explain(context: Context, name: str, options: BuildOptions) -> None:
    """Say, for each package, where its build is going to start, and why not elsewhere."""
    target = context.repo.target(name)
    for package in context.config(target.tree).select(options.packages):
        plan = builds.plan(context, package, target, options)
        say(f"{package.name}: {_explained(plan)}")
        for checkpoint, distance in plan.choice.distances[1:]:
            say(f"  not {_named(checkpoint)}: {how_far(distance)}")
        refused: dict[str, list[Checkpoint]] = {}
        for one in plan.choice.refused:
            refused.setdefault(one.reason, []).append(one.checkpoint)
        for other in plan.choice.other_recipes:
            reason = why_other_recipe(plan.engine, other, plan.recipe)
            refused.setdefault(reason, []).append(other)
        for reason, (newest, *older) in refused.items():
            others = f" and {count(len(older), 'older one')}" if older else ""
            say(f"  not {_named(newest)}{others}: {reason}")


def _explained(plan: Plan) -> str:
    if plan.known is not None:
        known = f"this tree was built before, and {plan.known.outcome}"
        return f"{known}; --rebuild builds it all the same"
    start = plan.choice.start
    if start is None:
        return f"a clean build, for {plan.choice.why_clean}"
    others = "the nearest" if plan.choice.distances[1:] else "the only one to be had"
    base = _named(start.checkpoint)
    change = changed(start.diff.counts())
    far = (distance for one, distance in plan.choice.distances if one is start.checkpoint)
    return f"starts from the checkpoint of {base}, {others}: {change}{to_compile(next(far, None))}"


def _named(checkpoint: Checkpoint) -> str:
    made = "clean" if checkpoint.depth == 0 else f"{count(checkpoint.depth, 'build')} after a clean"
    return f"{name_of_tree(checkpoint)} ({made})"


def in_background(context: Context, name: str, options: BuildOptions, *, as_json: bool) -> None:
    """``build --background``: have it built by the builder, and return.

    There is no result yet: the document says what was asked for, and whether that was news.
    """

    target = context.repo.target(name)
    packages = context.config(target.tree).select(options.packages)
    root = context.repo.top or context.repo.git_dir
    request = queue.Request(
        str(root),
        (target,),
        queue.BY_HAND,
        packages=options.packages,
        clean=options.clean,
        rebuild=options.rebuild,
    )
    new = builder.submit(context.state, request, lambda: detach.spawn_builder(context.state, root))
    if as_json:
        names = [package.name for package in packages]
        asked = {"packages": names, "tree": target.tree, "commit": target.commit, "new": new}
        out_json({"results": [], "submitted": asked})
    elif new:
        out("building in the background; `git ckpt watch` follows it")
    else:
        out("it is being built already; `git ckpt watch` follows it")


def renew_deep(context: Context, target: Target, records: Sequence[Record]) -> None:
    """Have the background build clean what has a long chain of builds behind it."""
    packages = context.config(target.tree).packages
    if any(record.depth >= packages[record.package].max_depth for record in records):
        idle.renew(context, target, records)


def report_common(
    context: Context,
    target: Target,
    records: Sequence[Record],
    left_out: Deferred[list[str]] | None = None,
) -> None:
    """What is to be said once, however many packages there are; the names of what the build
    ``left_out`` of the work tree among it, which may have been looked up while it ran."""
    built = [record for record in records if not record.cached]
    for warning in dict.fromkeys(text for record in built for text in record.warnings):
        say_ckpt(warning)
    for record in built:
        if record.no_base is not None:
            say_ckpt(f"{record.package}: no checkpoint could be made of it: {record.no_base}")
    if target.kind == "worktree" and built:
        names = untracked.left_out(context) if left_out is None else left_out.value()
        untracked.remember(context, names)
        if names:
            say_ckpt(untracked.sentence(names))


def _tell(record: Record, live: Live, *, as_json: bool) -> None:
    """How one package's build ended: why it failed and where its log is, and a summary."""
    tell_failure(record, live)
    if not as_json:
        out(summary(record))


def tell_failure(record: Record, live: Live) -> None:
    """Why a build failed, if it did, and where its log is."""
    if record.passed:
        return
    if not live.has_just_shown(record.error):
        for line in record.error:
            say(line)
    say_ckpt(f"{record.package}: {_why(record)}; the whole log: {record.log}")


def _why(record: Record) -> str:
    if record.missing is not None:
        return (
            f"`{record.missing}` is not there for the build; install it, "
            f"or name its folder under `inputs` in {CONFIG_NAME}"
        )
    return record.reason or "failed"


def _show_verdict(verdict: Verdict) -> None:
    name = verdict.record.package
    if verdict.identical:
        same = "identical to a clean build" if verdict.record.passed else "a clean build fails, too"
        out(f"{name}: {same}")
    for path in verdict.differences:
        out(f"{name}: differs from a clean build: {shown(path)}")
    for path in verdict.unreproducible:
        out(f"{name}: not reproducible, two clean builds differ: {shown(path)}")


def exit_code(records: Sequence[Record]) -> int:
    failed = [record for record in records if not record.passed]
    if any(record.missing for record in failed):
        return 3
    return 1 if failed else 0
