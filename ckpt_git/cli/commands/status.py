"""``status``: show the checkpoint in force, the last build, and what runs now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ckpt_git.builds.background.builder import running
from ckpt_git.builds.background.git_operation import Waiting, waiting_processes
from ckpt_git.builds.checkpoints.choose import Distance, measure
from ckpt_git.builds.checkpoints.follow import candidates
from ckpt_git.builds.checkpoints.follow_cost import staying
from ckpt_git.builds.checkpoints.store_budget import limit
from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import out
from ckpt_git.cli.output.wording import (
    ago,
    amount,
    cost_of_staying,
    count,
    how_far,
    name_of_tree,
    origin,
    sign,
    since,
    waits_for,
)
from ckpt_git.engines.local.store import eviction
from ckpt_git.engines.local.store.store import Store
from ckpt_git.git.objects.diffs import drift
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.config.packages import Package
from ckpt_git.model.follow_policy import CostOfStaying
from ckpt_git.model.record import Record
from ckpt_git.model.report.display_names import shown
from ckpt_git.records import checkpoints, costs, results
from ckpt_git.records.runs import Ended, Running, last_ended

_ENDINGS = {
    "died": "was killed",
    "error": "could not run",
    "cancelled": "was cancelled",
    "different": "found that the checkpoint had given another thing than a clean build",
}


@dataclass(frozen=True, slots=True)
class PackageStatus:
    """Where one package stands. ``drift`` is (files, lines) from the checkpoint to the work tree;
    ``problem`` says why the checkpoint won't be used. ``kept`` has all that the next build may
    start from and how far each is, nearest first; ``seconds`` is what the nearest leaves to
    compile, where that is known. ``staying`` has the numbers that ``follow = "auto"`` goes by."""

    name: str
    checkpoint: Checkpoint | None
    problem: str | None
    drift: tuple[int, int] | None
    last: Record | None
    kept: tuple[tuple[Checkpoint, Distance | None], ...] = ()
    seconds: float | None = None
    staying: CostOfStaying | None = None

    def to_json(self) -> dict[str, Any]:
        checkpoint = self.checkpoint
        return {
            "package": self.name,
            "checkpoint": None
            if checkpoint is None
            else {
                "commit": checkpoint.commit,
                "tree": checkpoint.tree,
                "depth": checkpoint.depth,
                "created": checkpoint.created,
                "problem": self.problem,
            },
            "drift": None
            if self.drift is None
            else {"files": self.drift[0], "lines": self.drift[1]},
            "last": None if self.last is None else record_json(self.last),
            "checkpoints": [_distance_json(*one) for one in self.kept],
            "next_seconds": self.seconds,
            "staying": None if self.staying is None else self.staying.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Survey:
    """What ``status`` shows."""

    packages: tuple[PackageStatus, ...]
    running: Running | None
    store: Path
    size: int
    limit: int
    last_run: Ended | None = None
    waiting: tuple[Waiting, ...] = ()

    def to_json(self) -> dict[str, Any]:
        now, last = self.running, self.last_run
        return {
            "last_run": None
            if last is None
            else {"ending": last.ending, "at": last.at, "commit": last.commit},
            "packages": [package.to_json() for package in self.packages],
            "store": {"path": str(self.store), "bytes": self.size, "limit": self.limit},
            "waiting": [{"for": one.series, "pid": one.pid} for one in self.waiting],
            "running": None
            if now is None
            else {
                "package": now.package,
                "phase": now.phase,
                "why": now.request.why,
                "tree": now.tree,
                "commit": now.commit,
                "target": asdict(now.target),
                "since": now.since,
                "pid": now.pid,
                "log": now.log,
            },
        }


def survey(context: Context, names: Sequence[str]) -> Survey:
    """Look at everything that ``status`` shows; builds nothing."""
    tree = context.current().tree
    packages = context.config(tree).select(names)
    stands = tuple(_stand(context, package, tree) for package in packages)
    taken = eviction.size(Store(context.store))
    most = limit(context, tree)
    now = running(context.state)  # first: that one died is found out by looking
    last, waits = last_ended(context.state), tuple(waiting_processes(context.repo, context.state))
    return Survey(stands, now, context.store, taken, most, last, waits)


def _stand(context: Context, package: Package, tree: str) -> PackageStatus:
    name, folder = package.name, package.source
    checkpoint = checkpoints.in_force(context.state, name)
    last = next(iter(results.history(context.state, name, 1)), None)
    if checkpoint is None:
        return PackageStatus(name, None, None, None, last)
    problem = context.engine(checkpoint.engine).artifacts.unusable(checkpoint)
    away = drift(context.repo, checkpoint.tree, tree, folder)
    weights = costs.weights(context.state, name)
    known = candidates(context, package)
    kept = measure(context.repo, known, tree, folder, weights, package.ignore)
    nearest = kept[0][1] if kept else None
    seconds = None if nearest is None else weights.takes(nearest.compiled)
    auto = package.follow == "auto"
    stays = staying(context, package, checkpoint, tree) if auto else None
    return PackageStatus(name, checkpoint, problem, away, last, kept, seconds, stays)


def _distance_json(checkpoint: Checkpoint, distance: Distance | None) -> dict[str, Any]:
    return {
        "commit": checkpoint.commit,
        "tree": checkpoint.tree,
        "depth": checkpoint.depth,
        "files": None if distance is None else distance.files,
        "compiled": None if distance is None else round(distance.compiled, 1),
    }


def show_status(found: Survey) -> None:
    """Print a survey for people."""
    for package in found.packages:
        out(package.name)
        out(f"  checkpoint  {_checkpoint(package)}")
        if package.drift is not None:
            out(f"  drift       {_drift(*package.drift)}")
        if package.staying is not None:
            out(f"  following   {cost_of_staying(package.staying)}")
        if package.kept:
            out(f"  next build  {_next(package)}")
        out(f"  last build  {_last(package.last)}")
    out(f"{amount(found.size)} of {amount(found.limit)} used in {shown(str(found.store))}")
    now = found.running
    if found.last_run is not None and found.last_run.ending in _ENDINGS:
        last = found.last_run
        what = "the work tree" if last.commit is None else last.commit[:10]
        out(f"the last build in the background, of {what}, {_ENDINGS[last.ending]} {ago(last.at)}")
    for one in found.waiting:
        out(waits_for(one.series))
    if now is None:
        out("nothing is being built")
    else:
        what = f"{now.package or 'a build'} of {name_of_tree(now)}"
        doing = f"{now.phase or 'preparing'}, for {since(now.since)}"
        verb = "verifying" if now.request.idle else "building"
        out(f"{verb} {what}: {doing} (git ckpt watch)")


def _checkpoint(package: PackageStatus) -> str:
    checkpoint = package.checkpoint
    if checkpoint is None:
        return "none yet; the next build makes one"
    depth = checkpoint.depth
    made = "built clean" if depth == 0 else f"{count(depth, 'build')} after a clean one"
    text = f"{name_of_tree(checkpoint)}, {ago(checkpoint.created)}, {made}"
    return text if package.problem is None else f"{text}; not usable: {package.problem}"


def _next(package: PackageStatus) -> str:
    """From where the next build would start, as far as its recipe is the same."""
    (nearest, distance), *others = package.kept
    text = f"from {name_of_tree(nearest)}, {how_far(distance, package.seconds)}"
    return text + (f"; {count(len(others), 'other checkpoint')} farther" if others else "")


def _drift(files: int, lines: int) -> str:
    if files == 0:
        return "none: the work tree is the same"
    return f"{count(files, 'file')}, {count(lines, 'line')} from there to the work tree"


def _last(record: Record | None) -> str:
    if record is None:
        return "none"
    text = f"{sign(record)} {name_of_tree(record)} {record.outcome} {ago(record.finished)}"
    text += f" in {record.seconds.total:.2f} s, {origin(record)}"
    if record.verified is not None:
        text += ", verified" if record.verified else ", DIFFERS from a clean build"
    elif not record.confirmed:
        text += ", not confirmed by a clean build"
    elif record.passed and record.depth > 0:
        text += ", not verified"
    if not record.passed:
        why = [line for line in record.error if line.strip()][:4] or (record.reason or "failed",)
        text += "".join(f"\n              {line}" for line in why)
    return text


def record_json(record: Record) -> dict[str, Any]:
    """A result as ``build --json`` has it, and what is known about it since."""
    return {
        **record.result(),
        "finished": record.finished,
        "target": record.target,
        "depth": record.depth,
        "verified": record.verified,
        "confirmed": record.confirmed,
        "failed_phase": record.failed_phase,
        "reason": record.reason,
        "error": list(record.error),
        "warnings": list(record.warnings),
        "passed_over": [asdict(one) for one in record.passed_over],
        "no_base": record.no_base,
    }
