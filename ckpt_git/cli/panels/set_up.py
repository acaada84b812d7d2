"""Set up: what makes a repository one that is rebuilt, and keeps it in order."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from ckpt_git.cli.commands import set_up
from ckpt_git.cli.open_context import open_context
from ckpt_git.cli.output.streams import out, out_json
from ckpt_git.cli.panels import Json, Packages
from ckpt_git.git.hooks import install as git_hooks


def init(
    hooks: Annotated[bool, typer.Option(help="Install the git hooks as well.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a ckpt.toml.")] = False,
    checks: Annotated[bool, typer.Option("--checks", help="Run the test suite too.")] = False,
) -> None:
    """Find out how the repository builds, write ckpt.toml, install the hooks."""
    set_up.init.initialise(open_context(), hooks=hooks, force=force, checks=checks)


def install(
    force: Annotated[
        bool, typer.Option("--force", help="Even into a hooks folder that others share.")
    ] = False,
    post_checkout: Annotated[
        Optional[bool],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(help="Rebuild what is checked out, too; as it is, if neither is given."),
    ] = None,
) -> None:
    """Install the git hooks alone. Hooks that are there are kept and run first."""
    context = open_context()
    for line in git_hooks.install(context.repo, force=force, checkout=post_checkout):
        out(line)
    set_up.trust.agree_to_what_is_here(context)


def uninstall() -> None:
    """Remove the hooks; what was there before is put back as it was."""
    set_up.init.take_away(open_context())


def trust(
    package: Packages = None,
    only_show: Annotated[
        bool, typer.Option("--show", help="Show what would be run; agree to nothing.")
    ] = False,
    list_all: Annotated[
        bool, typer.Option("--list", help="List all that was agreed to instead.")
    ] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take back what was agreed to.")] = False,
    as_json: Json = False,
) -> None:
    """Agree that hooks build what others commit by the recipe that is checked out."""
    context, names = open_context(), tuple(package or ())
    if revoke:
        set_up.trust.revoke(context, names)
    elif list_all:
        set_up.trust.list_all(context, names, as_json=as_json)
    else:
        set_up.trust.show_or_agree(context, names, only_show=only_show, as_json=as_json)


def doctor(as_json: Json = False) -> None:
    """Find out what works here and what doesn't, and say what to do about it."""
    findings = set_up.doctor.examine()
    if as_json:
        out_json({"findings": [finding.to_json() for finding in findings]})
    else:
        set_up.doctor.show(findings)
    raise typer.Exit(3 if any(finding.level == "missing" for finding in findings) else 0)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the project there.")] = False,
) -> None:
    """Show it all on a small real project, in a temporary folder."""
    set_up.demo.demo(keep=keep)


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would be removed, and do nothing.")
    ] = False,
    everybody: Annotated[
        bool, typer.Option("--all", help="What no repository has a use for, not this one alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove what is of no use any more, and what is beyond the store's limit."""
    set_up.gc.collect(open_context(), dry_run=dry_run, everybody=everybody, as_json=as_json)
