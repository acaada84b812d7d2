"""``rebase-checkpoint``: report what it will do, and what it did."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ckpt_git.builds.checkpoints.rebase import Move, Stay, Way, find_ways, find_worthwhile, go
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.cli.commands.build import exit_code, renew_deep, report_common, tell_failure
from ckpt_git.cli.output.live import Live
from ckpt_git.cli.output.streams import out, out_json
from ckpt_git.cli.output.wording import ago, cost_of_staying, count, name_of_tree, origin
from ckpt_git.model.target import Target


@dataclass(frozen=True, slots=True)
class RebaseRequest:
    """What was asked for: where to move the checkpoints to, how, and whether only if it pays."""

    name: str
    options: BuildOptions
    auto: bool = False

    def find(self, context: Context, target: Target) -> tuple[list[Way], list[Stay]]:
        """The checkpoints that move, and those that stay as that is cheaper."""
        find = find_worthwhile if self.auto else find_ways
        found = find(context, target, self.options)
        ways = [one for one in found if isinstance(one, Way)]
        return ways, [one for one in found if isinstance(one, Stay)]


def show_ways(context: Context, asked: RebaseRequest, *, as_json: bool) -> None:
    """``--dry-run``: say what would be done."""
    ways, stays = asked.find(context, context.repo.target(asked.name))
    if as_json:
        planned = [way.to_json() for way in ways]
        out_json({"results": [], "planned": planned, **_stayed(asked, stays)})
        return
    for stay in stays:
        out(f"{stay.package}: {_why_it_stays(stay)}")
    for way in ways:
        out(f"{way.package.name}: {_plan(way)}")


def rebase_checkpoint(context: Context, asked: RebaseRequest, *, quiet: bool, as_json: bool) -> int:
    """Move the checkpoints; returns the exit code."""
    context.warm_up()
    target = context.repo.target(asked.name)
    with Live(sys.stderr, show_output=not (quiet or as_json)) as live:
        ways, stays = asked.find(context, target)
        moves = [go(context, way, live.announce) for way in ways]
    records = [move.record for move in moves]
    renew_deep(context, target, records)
    report_common(context, target, records)
    if as_json:
        out_json({"results": [move.result() for move in moves], **_stayed(asked, stays)})
    for stay in [] if as_json else stays:
        out(f"{stay.package}: {_why_it_stays(stay)}")
    for move in moves:
        tell_failure(move.record, live)
        if not as_json:
            out(f"{move.way.package.name}: {_done(move)}")
    return exit_code(records) or int(any(m.new is None for m in moves))


def _stayed(asked: RebaseRequest, stays: Sequence[Stay]) -> dict[str, Any]:
    return {"stayed": [stay.to_json() for stay in stays]} if asked.auto else {}


def _why_it_stays(stay: Stay) -> str:
    where = f"the checkpoint of {name_of_tree(stay.checkpoint)} stays"
    if stay.why.price is None:
        return f"{where}: what a clean build takes isn't known yet"
    rent = f"a build of it there would add {stay.why.rent:.1f} s"
    return f"{where}: {cost_of_staying(stay.why)}; {rent}"


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
