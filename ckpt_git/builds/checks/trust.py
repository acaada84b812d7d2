"""What a hook may build unasked. The rules, and why, are in docs/explanation/threat-model.md.

A hook builds what the user commits. It builds what a merge, a pull, a rebase or a checkout brings
only in a sandbox, and only by a recipe that the user wrote or agreed to: a recipe of others may
name other commands, a network, and more folders. A command that the user types asks nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ckpt_git.builds.background import notices
from ckpt_git.builds.context import Context
from ckpt_git.git.worktree import authorship
from ckpt_git.model.agreement import Agreement, recipe_digest
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import CkptError
from ckpt_git.model.report.display_names import CONFIG_NAME
from ckpt_git.model.source_diff import matcher
from ckpt_git.model.target import Target
from ckpt_git.records import agreements
from ckpt_git.records.queue import BY_HAND, Request

_EVALUATED = matcher(("*.nix", "flake.lock", "sources.json"))
"""What Nix evaluates, and what pins the files that it fetches for that (flakes, niv, npins)."""

_HOW = "`git ckpt trust` shows it and agrees"


@dataclass(frozen=True, slots=True)
class Standing:
    """A package's recipe in a tree, and the user's agreement to it. ``sandboxed`` says whether this
    machine builds it in a sandbox."""

    package: Package
    digest: str
    agreement: Agreement | None
    sandboxed: bool

    @property
    def agreed(self) -> bool:
        agreement = self.agreement
        return agreement is not None and (self.sandboxed or agreement.without_sandbox)


def standing(context: Context, package: Package, tree: str) -> Standing:
    """The standing of the recipe that ``tree`` has for ``package``. Raises ``CkptError``."""
    found = _digest(context, package, tree)
    drv = context.derivation(package, tree)
    sandboxed = context.engine(drv.engine).is_sandboxed(drv)
    return Standing(package, found, agreements.find(context.state, found), sandboxed)


def agree(context: Context, standings: Sequence[Standing]) -> None:
    """Note that hooks may build by these recipes, whoever wrote the sources. Where this machine has
    no sandbox, they may do so without one. Raises ``StoreError``."""
    for one in standings:
        if not one.agreed:
            _keep(context, one.package, one.digest, without_sandbox=not one.sandboxed)


def accept(context: Context, packages: Sequence[Package], tree: str) -> None:
    """Note that the user wrote these recipes, or installed hooks for them. Hooks may build by them,
    in a sandbox, what others commit. Raises ``CkptError``."""
    for package in packages:
        found = _digest(context, package, tree)
        if agreements.find(context.state, found) is None:
            _keep(context, package, found, without_sandbox=False)


def _keep(context: Context, package: Package, digest: str, *, without_sandbox: bool) -> None:
    agreements.keep(context.state, Agreement(package.name, digest, without_sandbox, time.time()))


def is_foreign(context: Context, event: str) -> bool:
    """Whether ``event`` may bring in what others wrote: all but a commit that the user made."""
    return event != "post-commit" or not authorship.last_step_was_a_commit(context.repo)


def packages_to_build(context: Context, request: Request, target: Target) -> tuple[str, ...] | None:
    """The packages of ``request`` that the builder may build: their names, an empty tuple for all,
    None for none. For each of the others the user gets one notice.

    Who commits a recipe agrees to it, for builds in a sandbox. Raises ``CkptError``.
    """
    if request.why == BY_HAND:
        return request.packages
    packages = context.config(target.tree).select(request.packages)
    if not request.foreign:
        with suppress(CkptError):  # what is missing is told by the build
            accept(context, packages, target.tree)
        return request.packages
    questions = {package.name: question(context, package, target) for package in packages}
    for name, found in questions.items():
        if found is not None and agreements.ask_once(context.state, found[1]):
            notices.tell_question(context.state, name, found[0])
    if not any(questions.values()):
        return request.packages
    return tuple(name for name, found in questions.items() if found is None) or None


def question(context: Context, package: Package, target: Target) -> tuple[str, str] | None:
    """Why a hook must ask the user before it builds what others may have written, and the digest of
    the recipe in question. None if it need not ask. Raises ``CkptError``."""
    one = standing(context, package, target.tree)
    if not one.sandboxed and not one.agreed:
        why = "there is no sandbox here, so what others committed would run with your rights"
        return f"{why}; {_HOW}", one.digest
    if one.agreed:
        return None
    changed = _changed_by_others(context, package, target, one.digest)
    return None if changed is None else (f"{changed}; {_HOW}", one.digest)


def _changed_by_others(
    context: Context, package: Package, target: Target, digest: str
) -> str | None:
    """The commit of somebody else that changed the recipe last; None if the user changed it."""
    head = target if target.commit is not None else context.repo.target("HEAD")
    assert head.commit is not None
    if head.tree != target.tree:
        config = context.find_config(head.tree)
        there = None if config is None else config.packages.get(package.name)
        if there is None or _digest(context, there, head.tree) != digest:
            return None  # edited in the work tree
    files = [path for path, _ in _evaluated_files(context, package, head.tree)]
    commit = authorship.last_change(context.repo, head.commit, [CONFIG_NAME, *files])
    if commit is None or authorship.was_committed_here(context.repo, commit):
        return None
    return f"its recipe was changed by {commit[:10]}, which was not committed here"


def _digest(context: Context, package: Package, tree: str) -> str:
    return recipe_digest(package, _evaluated_files(context, package, tree))


def _evaluated_files(context: Context, package: Package, tree: str) -> list[tuple[str, str]]:
    if package.nix is None:
        return []
    manifest = context.repo.source(tree).manifest()
    return [(path, entry.oid) for path, entry in manifest.items() if _EVALUATED(path)]
