"""Build: what builds, compares what was built, and runs it."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from ckpt_git.builds import plan
from ckpt_git.cli import commands
from ckpt_git.cli.open_context import open_context
from ckpt_git.cli.output.streams import out
from ckpt_git.cli.panels import Clean, Json, Packages, Quiet, Target


def build(
    target: Target = "worktree",
    package: Packages = None,
    clean: Clean = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build although the tree has a record.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which checkpoint is taken, and why.")
    ] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Return at once; see watch and status.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build TARGET; what the nearest checkpoint remembers isn't run again."""
    options = plan.BuildOptions(tuple(package or ()), clean=clean, rebuild=rebuild)
    context = open_context()
    if background:
        commands.build.in_background(context, target, options, as_json=as_json)
        return
    if explain:
        commands.build.explain(context, target, options)
    raise typer.Exit(commands.build.build(context, target, options, quiet=quiet, as_json=as_json))


def prepare(
    rev: Annotated[str, typer.Argument(metavar="[REV]", help="What to build it of.")] = "HEAD",
    package: Packages = None,
    clean: Clean = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build the checkpoint of REV."""
    options = plan.BuildOptions(tuple(package or ()), clean=clean, artifacts=True)
    raise typer.Exit(
        commands.build.build(open_context(), rev, options, quiet=quiet, as_json=as_json)
    )


def rebase_checkpoint(
    rev: Annotated[str, typer.Argument(metavar="[REV]", help="Where to move it.")] = "HEAD",
    package: Packages = None,
    clean: Clean = False,
    auto: Annotated[
        bool, typer.Option("--auto", help="Move it if that is cheaper than to stay; clean then.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would be done, and do nothing.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Move the checkpoint in force to REV, in the cheapest way; the old one serves meanwhile."""
    options = plan.BuildOptions(tuple(package or ()), clean=clean, artifacts=True)
    asked = commands.rebase_checkpoint.RebaseRequest(rev, options, auto=auto)
    context = open_context()
    if dry_run:
        commands.rebase_checkpoint.show_ways(context, asked, as_json=as_json)
        return
    raise typer.Exit(
        commands.rebase_checkpoint.rebase_checkpoint(context, asked, quiet=quiet, as_json=as_json)
    )


def verify(
    target: Target = "worktree",
    package: Packages = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build TARGET with a memory and without, and compare the two file by file."""
    options = plan.BuildOptions(tuple(package or ()))
    raise typer.Exit(
        commands.build.verify(open_context(), target, options, quiet=quiet, as_json=as_json)
    )


def replay(
    revisions: Annotated[str, typer.Argument(metavar="A..B", help="Which commits.")],
    package: Packages = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare each with a clean build.")
    ] = False,
    first_parent: Annotated[
        bool, typer.Option("--first-parent", help="Leave out what merges brought in.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build each commit of a range in its turn, with the memory of those before."""
    code = commands.replay.show_replay(
        open_context(),
        revisions,
        tuple(package or ()),
        verified=verify,
        first_parent=first_parent,
        as_json=as_json,
    )
    raise typer.Exit(code)


def bisect(
    good: Annotated[str, typer.Argument(metavar="GOOD", help="A commit that is good.")],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="A later one that is bad.")],
    command: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[-- CMD …]", help="Tells good from bad; default: that it builds."),
    ] = None,
    package: Packages = None,
    as_json: Json = False,
) -> None:
    """Find the first bad commit, by builds with a memory. Options stand before GOOD.

    CMD runs with the output, as in `run`, and with the commit in $CKPT_COMMIT: 0 is good, 125 can't
    be tested, other codes below 128 are bad. A commit that doesn't build can't be tested then.
    """
    names = tuple(package or ())
    code = commands.bisect.show_bisect(
        open_context(), good, bad, names, command or [], as_json=as_json
    )
    raise typer.Exit(code)


def run(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD …")],
    package: Annotated[str | None, typer.Option("--package", "-p", metavar="NAME")] = None,
) -> None:
    """Run a program from the newest output, which lies where it was built for."""
    raise typer.Exit(commands.run.run_program(open_context(), package, command))


def path(
    package: Annotated[str | None, typer.Option("--package", "-p", metavar="NAME")] = None,
) -> None:
    """Print the path of the newest output."""
    out(str(commands.run.newest_output(open_context(), package).output))
