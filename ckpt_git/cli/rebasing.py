"""``rebase-checkpoint``: what it is going to do, and what it did, in words."""

from __future__ import annotations

import sys

from ckpt_git.builds.build import BuildOptions
from ckpt_git.builds.context import Context
from ckpt_git.builds.rebase_checkpoint import Move, Way, find_ways, go
from ckpt_git.cli.building import exit_code, renew_deep, tell_around, tell_failure
from ckpt_git.cli.live import Live
from ckpt_git.cli.streams import out, out_json
from ckpt_git.cli.words import ago, count, name_of_tree, origin


def show_ways(context: Context, name: str, options: BuildOptions, *, as_json: bool) -> None:
    """``--dry-run``: say what would be done."""
    ways = find_ways(context, context.repo.target(name), options)
    if as_json:
        out_json({"results": [], "planned": [way.to_json() for way in ways]})
        return
    for way in ways:
        out(f"{way.package.name}: {_plan(way)}")


def rebase_checkpoint(
    context: Context, name: str, options: BuildOptions, *, quiet: bool, as_json: bool
) -> int:
    """Move the checkpoints; returns the exit code."""
    context.warm_up()
    target = context.repo.target(name)
    with Live(sys.stderr, show_output=not (quiet or as_json)) as live:
        ways = find_ways(context, target, options)
        moves = [go(context, way, options, live.announce) for way in ways]
    records = [move.record for move in moves]
    renew_deep(context, target, records)
    tell_around(context, target, records)
    if as_json:
        out_json({"results": [move.result() for move in moves]})
    for move in moves:
        tell_failure(move.record, live)
        if not as_json:
            out(f"{move.way.package.name}: {_done(move)}")
    return exit_code(records) or int(any(m.new is None for m in moves))


def _plan(way: Way) -> str:
    to = name_of_tree(way.target)
    if way.how == "nothing":
        return f"the checkpoint of {to} is in force already"
    if way.how == "failed":
        return f"no checkpoint of {to}, which is known to fail; --clean tries again"
    if way.how == "existing":
        how = f"the build of {to} that is there would be the checkpoint, without building"
    elif way.base is not None:
        how = f"the checkpoint of {to} would be built from that of {name_of_tree(way.base)}"
    else:
        how = f"the checkpoint of {to} would be built clean: {way.why}"
    return how + _instead(way)


def _done(move: Move) -> str:
    way, to = move.way, name_of_tree(move.way.target)
    if move.new is None:
        stays = "none is in force" if way.old is None else f"that of {name_of_tree(way.old)} stays"
        return f"no checkpoint of {to}: {move.record.reason or move.record.no_base}; {stays}"
    if way.how == "nothing":
        return f"the checkpoint of {to} is in force already"
    made = f"in {move.record.seconds.total:.2f} s, {origin(move.record)}"
    if move.record.cached:
        made = f"without building, as it was built {ago(move.record.finished)}"
    came = "" if way.old is None else f"from {name_of_tree(way.old)} "
    return f"the checkpoint moved {came}to {to}, {made}{_nearer(way)}"


def _instead(way: Way) -> str:
    return "" if way.old is None else f", instead of that of {name_of_tree(way.old)}{_nearer(way)}"


def _nearer(way: Way) -> str:
    """What the move saves every build that starts there."""
    return f"; builds of it start {count(way.files, 'file')} nearer" if way.files else ""
