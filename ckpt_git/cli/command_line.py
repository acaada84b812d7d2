"""Read the command line with the library, and word its errors as all other errors are worded."""

from __future__ import annotations

import typer

from ckpt_git.cli.app import NAMES, make_app
from ckpt_git.cli.errors import USAGE, end
from ckpt_git.cli.output import streams


def run_app(arguments: list[str]) -> int:
    """Run the command that ``arguments`` ask for; returns the exit code."""
    try:
        called = [name for name in arguments[:1] if name in NAMES]
        command = typer.main.get_command(make_app(*called))
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


def _misused(error: Exception, command: str) -> int:
    """A mistake on the command line, in the words of the library that found it."""
    words: str = error.format_message()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":  # its words are the help page
        streams.say(words)
        return USAGE
    what = words[:1].lower() + words[1:].rstrip(".")
    return end(f"error: {what}", f"`{command} -h` shows what there is", USAGE)
