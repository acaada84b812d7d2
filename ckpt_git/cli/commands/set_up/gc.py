"""``gc``: report what was removed, or would be, and what is left."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from ckpt_git.builds.checkpoints.prune import all_old, forget_all_old
from ckpt_git.builds.checkpoints.store_budget import Swept, limit
from ckpt_git.builds.checkpoints.store_budget import collect as sweep
from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import out, out_json, say_ckpt
from ckpt_git.cli.output.wording import amount, count
from ckpt_git.model.errors import RepositoryError
from ckpt_git.model.report.display_names import shown

_KINDS = {"fetched": "fetched set"}


def collect(context: Context, *, dry_run: bool, everybody: bool, as_json: bool) -> None:
    """Clear up, and say what that came to."""
    tree = None
    with suppress(RepositoryError):  # nothing is committed yet
        tree = context.current().tree
    most = limit(context, tree)
    forgotten: frozenset[str] = frozenset()
    if dry_run:
        forgotten = all_old(context)
    else:
        forget_all_old(context)
    swept = sweep(context, most, everybody=everybody, dry_run=dry_run, forgotten=forgotten)
    if as_json:
        out_json(_document(context, swept, dry_run=dry_run))
    else:
        _show(swept, dry_run=dry_run)
    if swept.sweep.after > swept.limit:
        say_ckpt("checkpoints in force and outputs in use need more room than store_limit allows")


def _show(swept: Swept, *, dry_run: bool) -> None:
    sweep = swept.sweep
    for owner in swept.gone:
        out(f"{shown(owner)} is gone, and what was kept for it goes too")
    kinds = Counter(_KINDS.get(entry.kind, entry.kind) for entry in sweep.removed)
    kinds["record"] = swept.records
    what = [count(number, kind) for kind, number in kinds.items() if number]
    freed = amount(sweep.before - sweep.after)
    removed = f"{', '.join(what)}, {freed}" if what else "nothing"
    out(f"{'would remove' if dry_run else 'removed'} {removed}")
    out(f"{amount(sweep.after)} of {amount(swept.limit)} used")


def _document(context: Context, swept: Swept, *, dry_run: bool) -> dict[str, object]:
    sweep = swept.sweep
    return {
        "dry_run": dry_run,
        "store": str(context.store),
        "limit": swept.limit,
        "before": sweep.before,
        "after": sweep.after,
        "gone": list(swept.gone),
        "records": swept.records,
        "removed": [
            {
                "id": entry.id,
                "kind": entry.kind,
                "repository": entry.owner,
                "package": entry.package,
                "bytes": entry.bytes,
            }
            for entry in sweep.removed
        ],
    }
