"""``trust``: show the commands that hooks would run, and note that the user agrees."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ckpt_git.builds.checks import trust
from ckpt_git.builds.checks.trust import Standing
from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import out, out_json
from ckpt_git.cli.output.wording import ago
from ckpt_git.model.agreement import wording
from ckpt_git.model.errors import CkptError
from ckpt_git.model.report.display_names import printable
from ckpt_git.records import agreements


def show_or_agree(
    context: Context, names: Sequence[str], *, only_show: bool, as_json: bool
) -> None:
    """Show the recipes of what is checked out, and unless it is to ``only_show``, agree to them."""
    standings = _standings(context, names)
    if not only_show:
        trust.agree(context, standings)
        standings = _standings(context, names)
    if as_json:
        out_json({"packages": [_standing_json(one) for one in standings]})
        return
    for one in standings:
        out(f"{one.package.name}: {_agreed(one)}")
        for key, value in wording(one.package).items():
            out(f"  {key:10} {printable(_shown(value))}")


def agree_to_what_is_here(context: Context) -> None:
    """``install`` and ``init``: who has hooks build a repository agrees to how it is built now,
    where builds are shut in."""
    with suppress(CkptError):  # a broken ckpt.toml or a missing Nix is told where it matters
        tree = context.current().tree
        config = context.find_config(tree)
        if config is not None:
            trust.accept(context, config.select(()), tree)


def list_all(context: Context, names: Sequence[str], *, as_json: bool) -> None:
    """All that was agreed to, newest first; a recipe that was changed since is there as well."""
    found = [one for one in agreements.listed(context.state) if not names or one.package in names]
    if as_json:
        out_json({"agreements": [one.to_json() for one in found]})
        return
    for one in found:
        how = ", also without a sandbox" if one.without_sandbox else ""
        out(f"{one.digest[:10]}  {one.package}  {ago(one.agreed)}{how}")
    if not found:
        out("nothing was agreed to")


def revoke(context: Context, names: Sequence[str]) -> None:
    """Forget all agreements, or those to the packages ``names``."""
    found = [one for one in agreements.listed(context.state) if not names or one.package in names]
    for one in found:
        agreements.revoke(context.state, one)
    out(f"forgot {len(found)} agreement{'' if len(found) == 1 else 's'}")


def _standings(context: Context, names: Sequence[str]) -> list[Standing]:
    tree = context.current().tree
    packages = context.config(tree).select(names)
    return [trust.standing(context, package, tree) for package in packages]


def _agreed(one: Standing) -> str:
    if not one.agreed:
        lack = "" if one.sandboxed else ", and there is no sandbox here"
        return f"hooks don't build what others commit: its recipe is not agreed to{lack}"
    where = "in a sandbox" if one.sandboxed else "without a sandbox: there is none here"
    return f"hooks build it, {where}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _standing_json(one: Standing) -> dict[str, Any]:
    return {
        "package": one.package.name,
        "recipe": one.digest,
        "agreed": one.agreed,
        "sandboxed": one.sandboxed,
        "says": wording(one.package),
    }
