"""The command line as a library reads it, and what is wrong with one in our own words."""

from __future__ import annotations

import copy

import typer

from ckpt_git.cli.app import app
from ckpt_git.cli.errors import USAGE, end
from ckpt_git.cli.output import streams


def run_app(arguments: list[str]) -> int:
    """Run the command that ``arguments`` ask for; returns the exit code."""
    try:
        command = typer.main.get_command(_asked_for(app, arguments))
        with command.make_context("git ckpt", arguments) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except typer.Abort as aborted:
        raise KeyboardInterrupt from aborted
    except SystemExit:  # the library's, where nobody reads a help page to its end
        return 0
    except Exception as error:
        context_of_it = getattr(error, "ctx", None)
        if context_of_it is None:
            raise
        return _misused(error, context_of_it.command_path)
    return 0


def _asked_for(app: typer.Typer, arguments: list[str]) -> typer.Typer:
    """The commands less those that aren't called, where one is: to describe all takes 6 ms."""
    called = [
        command
        for command in app.registered_commands
        if command.callback is not None
        and arguments[:1] == [command.name or command.callback.__name__]
    ]
    alone = copy.copy(app)
    alone.registered_commands = called or app.registered_commands
    return alone


def _misused(error: Exception, command: str) -> int:
    """A mistake on the command line, in the words of the library that found it."""
    words: str = error.format_message()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":  # its words are the help page
        streams.say(words)
        return USAGE
    what = words[:1].lower() + words[1:].rstrip(".")
    return end(f"error: {what}", f"`{command} -h` shows what there is", USAGE)
