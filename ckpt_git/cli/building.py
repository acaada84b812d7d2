"""The commands that build: what they show while it goes on, and how they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from ckpt_git.builds import build as builds
from ckpt_git.builds.build import BuildOptions
from ckpt_git.builds.context import CONFIG_NAME, Context
from ckpt_git.builds.verify import Verdict
from ckpt_git.cli.live import Live
from ckpt_git.cli.words import name_of_tree, summary
from ckpt_git.git.repository import Target
from ckpt_git.model.record import Record

_NAMES_SHOWN = 10


def build(context: Context, name: str, options: BuildOptions, *, quiet: bool, as_json: bool) -> int:
    """``build`` and ``prepare``; returns the exit code."""
    target = context.repo.target(name)
    with Live(sys.stderr, show_output=not (quiet or as_json)) as live:
        records = builds.build(context, target, options, live.announce)
    _tell_untracked(context, target, records)
    if as_json:
        _print({"results": [record.result() for record in records]})
    for record in records:
        _tell(record, as_json=as_json)
    return _exit_code(records)


def verify(
    context: Context, name: str, options: BuildOptions, *, quiet: bool, as_json: bool
) -> int:
    """``verify``; returns the exit code."""
    from ckpt_git.builds.verify import verify as compare_builds  # noqa: PLC0415

    target = context.repo.target(name)
    with Live(sys.stderr, show_output=not (quiet or as_json)) as live:
        verdicts = compare_builds(context, target, options, live.announce)
    _tell_untracked(context, target, [verdict.record for verdict in verdicts])
    if as_json:
        _print({"results": [verdict.result() for verdict in verdicts]})
    for verdict in verdicts:
        _tell(verdict.record, as_json=as_json)
        if not as_json:
            _show_verdict(verdict)
    failed = _exit_code([verdict.record for verdict in verdicts])
    return failed or int(not all(verdict.identical for verdict in verdicts))


def explain(context: Context, name: str, options: BuildOptions) -> None:
    """Say, for each package, where its build is going to start, and why not elsewhere."""
    target = context.repo.target(name)
    for package in context.config(target.tree).select(options.packages):
        plan = builds.plan(context, package, target, options)
        print(f"{package.name}: {_explained(plan)}", file=sys.stderr)  # noqa: T201
        for checkpoint, distance in plan.choice.distances[1:]:
            far = "an unknown number of" if distance is None else str(distance)
            print(f"  not {name_of_tree(checkpoint)}: {far} files away", file=sys.stderr)  # noqa: T201
        for refused in plan.choice.refused:
            print(f"  not {name_of_tree(refused.checkpoint)}: {refused.reason}", file=sys.stderr)  # noqa: T201


def _explained(plan: builds.Plan) -> str:
    if plan.known is not None:
        return f"this tree has a record ({plan.known.outcome}); --rebuild builds it all the same"
    start = plan.choice.start
    if start is None:
        return f"a clean build: {plan.choice.why_clean}"
    counts = ", ".join(f"{number} {kind}" for kind, number in start.diff.counts().items() if number)
    away = counts or "no file"
    return f"from the checkpoint of {name_of_tree(start.checkpoint)}, the nearest: {away} differs"


def in_background(context: Context, name: str, options: BuildOptions) -> None:
    """``build --background``: have it built by the builder, and return."""
    from ckpt_git.builds.background import submit  # noqa: PLC0415
    from ckpt_git.builds.detach import spawn_builder  # noqa: PLC0415
    from ckpt_git.records.queue import BY_HAND, Request, Wanted  # noqa: PLC0415

    target = context.repo.target(name)
    context.config(target.tree).select(options.packages)
    root = context.repo.top or context.repo.git_dir
    wanted = Wanted(target.kind, target.name, target.tree, target.commit)
    request = Request(
        str(root),
        (wanted,),
        BY_HAND,
        packages=options.packages,
        clean=options.clean,
        rebuild=options.rebuild,
    )
    if submit(context.state, request, lambda: spawn_builder(context.state, root)):
        print("building in the background; `git ckpt watch` follows it")  # noqa: T201
    else:
        print("that is being built already; `git ckpt watch` follows it")  # noqa: T201


def _tell_untracked(context: Context, target: Target, records: Sequence[Record]) -> None:
    """What isn't tracked isn't built: say so, for it is a common surprise (NixOS/nix #7107)."""
    if target.kind != "worktree" or all(record.cached for record in records):
        return
    names = [name for name in context.repo.untracked() if name != CONFIG_NAME]
    if names:
        shown = ", ".join(names[:_NAMES_SHOWN])
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        _say(f"not built, as git doesn't track them: {shown}{more}; `git add` those that matter")


def _tell(record: Record, *, as_json: bool) -> None:
    for warning in record.warnings:
        _say(f"{record.package}: {warning}")
    if not record.passed:
        for line in record.error:
            print(line, file=sys.stderr)  # noqa: T201
        _say(f"{record.package}: {_why(record)}; the whole log: {record.log}")
    if not as_json:
        print(summary(record))  # noqa: T201


def _why(record: Record) -> str:
    if record.missing is not None:
        return (
            f"`{record.missing}` is not there for the build; install it, "
            f"or name its folder under `inputs` in {CONFIG_NAME}"
        )
    return record.reason or "failed"


def _show_verdict(verdict: Verdict) -> None:
    if verdict.identical and verdict.record.passed:
        print(f"{verdict.record.package}: identical to a clean build")  # noqa: T201
    for path in verdict.differences:
        print(f"differs: {path}")  # noqa: T201
    for path in verdict.unreproducible:
        print(f"not reproducible, two clean builds differ: {path}")  # noqa: T201


def _exit_code(records: Sequence[Record]) -> int:
    failed = [record for record in records if not record.passed]
    if any(record.missing for record in failed):
        return 3
    return 1 if failed else 0


def _print(document: dict[str, object]) -> None:
    print(json.dumps({"version": 1, **document}, indent=2))  # noqa: T201


def _say(text: str) -> None:
    print(f"ckpt: {text}", file=sys.stderr)  # noqa: T201
