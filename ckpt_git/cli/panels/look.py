"""Look: what tells what was built, what runs, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ckpt_git.builds.history import affected_commands, executed_commands
from ckpt_git.cli import commands
from ckpt_git.cli.open_context import open_context
from ckpt_git.cli.output.streams import out_json
from ckpt_git.cli.panels import Json, Packages
from ckpt_git.model import errors


def status(package: Packages = None, as_json: Json = False) -> None:
    """Show the checkpoint in force, the drift from it, the last build, and what runs now."""
    found = commands.status.survey(open_context(), tuple(package or ()))
    if as_json:
        out_json(found.to_json())
    else:
        commands.status.show_status(found)


def log(
    revisions: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[REVISION …]", help="The commits of these, or of a range A..B."),
    ] = None,
    package: Packages = None,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, help="How many builds, or commits.")
    ] = 20,
    graph: Annotated[
        bool, typer.Option("--graph", help="Along the commits, with their branches drawn.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Along all local branches.")] = False,
    bases: Annotated[
        bool, typer.Option("--why", help="Also why each started where it did, and not elsewhere.")
    ] = False,
    output: Annotated[
        bool, typer.Option("--output", help="What the newest of them printed instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what was built, newest first, or along the commits of a history.

    A line shows the result, the commit, the seconds, the files compiled, and where it started.
    """
    context, names = open_context(), tuple(package or ())
    walk = commands.log.Walk(tuple(revisions or ()), graph=graph, every=every)
    if walk and not output:
        seen = commands.log.along(context, names, walk, number)
        if as_json:
            out_json({"commits": commands.log.walk_json(seen)})
        else:
            commands.log.show_walk(seen, bases=bases)
        return
    records = commands.log.history(context, names, number)
    if as_json:
        out_json({"records": [commands.status.record_json(record) for record in records]})
    elif output:
        commands.log.show_output(context, records)
    else:
        commands.log.show_log(context, records, bases=bases)


def watch() -> None:
    """Follow what is being built in the background, from its start."""
    raise typer.Exit(commands.watch.watch(open_context()))


def cancel() -> None:
    """End the background build and all that it started."""
    commands.watch.cancel(open_context())


def why(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A file, there or not.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Say why the newest build ran what it ran.")
    ] = False,
    package: Packages = None,
    as_json: Json = False,
) -> None:
    """Say what would be built again if FILE changed, or why something was."""
    names = tuple(package or ())
    if last == (file is not None):
        raise errors.UsageError("why takes a FILE, or --last", "`git ckpt why -h` explains both")
    if file is None:
        builds = executed_commands.last_build(open_context(), names)
        if as_json:
            out_json({"results": [build.to_json() for build in builds]})
        else:
            commands.why.show_last(builds)
        return
    answers = affected_commands.why(open_context(), file, names, Path.cwd())
    if as_json:
        out_json({"results": [answer.to_json() for answer in answers]})
    else:
        commands.why.show(answers)
