"""The commands: arguments in, actions called, results handed to their reports. No logic here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ckpt_git import __version__
from ckpt_git.builds import plan
from ckpt_git.builds.history import affected_commands, executed_commands
from ckpt_git.cli import commands
from ckpt_git.cli.open_context import open_context
from ckpt_git.cli.output.streams import out, out_json
from ckpt_git.git.hooks import install as git_hooks
from ckpt_git.model import errors

Packages = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--package", "-p", metavar="NAME", help="This package only; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Don't show what the build prints.")]
BUILDING, LOOKING, SETTING_UP = "Build", "Look", "Set up"

# A backslash where the source needs a new line and the page doesn't: the library keeps those.
_HELP = """\
Rebuild every commit with what earlier builds remember, in about the time of a bare make.

First time here? [bold]git ckpt init[/] finds out how the repository builds, writes ckpt.toml and \
installs a hook; from then on just commit, and what was committed is built in the background, in \
a sandbox. [bold]git ckpt status[/] tells where things stand, [bold]git ckpt doctor[/] why \
something doesn't work, and [bold]git ckpt demo[/] shows it all on a small project.

TARGET is [bold]worktree[/] (the default: the tracked files as they are now), [bold]index[/], or \
any revision. What is built is exactly one tree: edits made meanwhile don't get in."""
_EPILOG = """\
[bold]git ckpt COMMAND -h[/] describes a command, [bold]git help ckpt[/] all of it.

Exit codes: 0 done and passed; 1 a build failed, verify or replay found a difference, \
bisect no commit, or prepare or rebase-checkpoint got no checkpoint; 2 wrong usage or \
configuration; 3 something needed is missing; 130 interrupted."""

app = typer.Typer(
    name="git ckpt",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=_HELP,
    epilog=_EPILOG,
)


def _version(wanted: bool) -> None:
    if wanted:
        out(f"git-ckpt {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


# --- setting up ----------------------------------------------------------------------------


@app.command(rich_help_panel=SETTING_UP)
def init(
    hooks: Annotated[bool, typer.Option(help="Install the git hooks as well.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a ckpt.toml.")] = False,
    checks: Annotated[bool, typer.Option("--checks", help="Run the test suite too.")] = False,
) -> None:
    """Find out how the repository builds, write ckpt.toml, install the hooks."""

    commands.init.initialise(open_context(), hooks=hooks, force=force, checks=checks)


@app.command(rich_help_panel=SETTING_UP)
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
    commands.trust.agree_to_what_is_here(context)


@app.command(rich_help_panel=SETTING_UP)
def uninstall() -> None:
    """Remove the hooks; what was there before is put back as it was."""

    commands.init.take_away(open_context())


@app.command(rich_help_panel=SETTING_UP)
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
        commands.trust.revoke(context, names)
    elif list_all:
        commands.trust.list_all(context, names, as_json=as_json)
    else:
        commands.trust.show_or_agree(context, names, only_show=only_show, as_json=as_json)


@app.command(rich_help_panel=SETTING_UP)
def doctor(as_json: Json = False) -> None:
    """Find out what works here and what doesn't, and say what to do about it."""

    findings = commands.doctor.examine()
    if as_json:
        out_json({"findings": [finding.to_json() for finding in findings]})
    else:
        commands.doctor.show(findings)
    raise typer.Exit(3 if any(finding.level == "missing" for finding in findings) else 0)


@app.command(rich_help_panel=SETTING_UP)
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the project there.")] = False,
) -> None:
    """Show it all on a small real project, in a temporary folder."""

    commands.demo.demo(keep=keep)


@app.command(rich_help_panel=SETTING_UP)
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

    commands.gc.collect(open_context(), dry_run=dry_run, everybody=everybody, as_json=as_json)


# --- building ------------------------------------------------------------------------------

Target = Annotated[str, typer.Argument(metavar="[TARGET]", help="worktree, index or a revision.")]


@app.command(rich_help_panel=BUILDING)
def build(
    target: Target = "worktree",
    package: Packages = None,
    clean: Annotated[bool, typer.Option("--clean", help="Answer nothing from memory.")] = False,
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


@app.command(rich_help_panel=BUILDING)
def prepare(
    rev: Annotated[str, typer.Argument(metavar="[REV]", help="What to build it of.")] = "HEAD",
    package: Packages = None,
    clean: Annotated[bool, typer.Option("--clean", help="Answer nothing from memory.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build the checkpoint of REV."""

    options = plan.BuildOptions(tuple(package or ()), clean=clean, artifacts=True)
    raise typer.Exit(
        commands.build.build(open_context(), rev, options, quiet=quiet, as_json=as_json)
    )


@app.command("rebase-checkpoint", rich_help_panel=BUILDING)
def rebase_checkpoint(
    rev: Annotated[str, typer.Argument(metavar="[REV]", help="Where to move it.")] = "HEAD",
    package: Packages = None,
    clean: Annotated[bool, typer.Option("--clean", help="Answer nothing from memory.")] = False,
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


@app.command(rich_help_panel=BUILDING)
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


@app.command(rich_help_panel=BUILDING)
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


@app.command(
    rich_help_panel=BUILDING,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
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


@app.command(
    rich_help_panel=BUILDING,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def run(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD …")],
    package: Annotated[str | None, typer.Option("--package", "-p", metavar="NAME")] = None,
) -> None:
    """Run a program from the newest output, which lies where it was built for."""

    raise typer.Exit(commands.run.run_program(open_context(), package, command))


@app.command(rich_help_panel=BUILDING)
def path(
    package: Annotated[str | None, typer.Option("--package", "-p", metavar="NAME")] = None,
) -> None:
    """Print the path of the newest output."""

    out(str(commands.run.newest_output(open_context(), package).output))


# --- looking -------------------------------------------------------------------------------


@app.command(rich_help_panel=LOOKING)
def status(package: Packages = None, as_json: Json = False) -> None:
    """Show the checkpoint in force, the drift from it, the last build, and what runs now."""

    found = commands.status.survey(open_context(), tuple(package or ()))
    if as_json:
        out_json(found.to_json())
    else:
        commands.status.show_status(found)


@app.command(rich_help_panel=LOOKING)
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


@app.command(rich_help_panel=LOOKING)
def watch() -> None:
    """Follow what is being built in the background, from its start."""

    raise typer.Exit(commands.watch.watch(open_context()))


@app.command(rich_help_panel=LOOKING)
def cancel() -> None:
    """End the background build and all that it started."""

    commands.watch.cancel(open_context())


@app.command(rich_help_panel=LOOKING)
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
        raise errors.UsageError(
            "why takes a FILE, or --last", "`git ckpt why -h` says what each tells"
        )
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
