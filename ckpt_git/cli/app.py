"""The command line: which commands there are, and what the help page says of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Annotated

import typer

from ckpt_git import __version__
from ckpt_git.cli.output.streams import out
from ckpt_git.cli.panels import build, look, set_up

_PANELS: Mapping[str, tuple[ModuleType, tuple[str, ...]]] = {
    "Set up": (set_up, ("init", "install", "uninstall", "trust", "doctor", "demo", "gc")),
    "Build": (
        build,
        ("build", "prepare", "rebase-checkpoint", "verify", "replay", "bisect", "run", "path"),
    ),
    "Look": (look, ("status", "log", "watch", "cancel", "why")),
}
"""The panels of the help page: the commands in their order, and the module of their functions."""

_TAKE_A_COMMAND = ("bisect", "run")
"""What follows the names of these, once it is no option of theirs, is another program's."""

NAMES = frozenset(name for _, names in _PANELS.values() for name in names)

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


def make_app(*names: str) -> typer.Typer:
    """The command line with these commands of ``NAMES``; with all where none is named.

    To describe all takes 6 ms, and only the modules of those that are named are imported.
    """
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
    app.callback()(_common)
    for panel, (module, commands) in _PANELS.items():
        for name in commands:
            if name in names or not names:
                function = getattr(module, name.replace("-", "_"))
                app.command(name, rich_help_panel=panel, context_settings=_settings(name))(function)
    return app


def _settings(name: str) -> dict[str, bool] | None:
    if name not in _TAKE_A_COMMAND:
        return None
    return {"ignore_unknown_options": True, "allow_interspersed_args": False}


def _version(wanted: bool) -> None:
    if wanted:
        out(f"git-ckpt {__version__}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version
