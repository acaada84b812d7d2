"""Where errors end: what was foreseen becomes one line and an exit code, the rest a report.

The exit codes are those of the README: 0, 1, 2, 3, 130.
"""

from __future__ import annotations

import copy
import errno
from contextlib import suppress

import typer

from ckpt_git.cli import streams
from ckpt_git.model.errors import CkptError
from ckpt_git.model.names import shown

USAGE, MISSING, INTERRUPTED = 2, 3, 130

# What a machine may refuse anywhere, and what to do about it.
_REFUSALS = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "your quota there is used up: free some space",
    errno.EROFS: "it is on a read-only file system",
    errno.EACCES: "see who owns it, and its permissions",
    errno.EPERM: "see who owns it, and its permissions",
    errno.EMFILE: "`ulimit -n` says how many files may be open",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "close something else, or add memory",
    errno.EAGAIN: "`ulimit -u` says how many processes you may have",
    errno.ENOTDIR: "a file is in the way of a folder",
    errno.ENAMETOOLONG: "the path is longer than the file system allows",
    errno.ELOOP: "its symlinks lead in a circle",
    errno.EIO: "the disk may be failing: see `dmesg`",
}


def run_app(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    streams.prepare()
    try:
        return _run(arguments)
    finally:
        streams.finish()


def _run(arguments: list[str]) -> int:
    from ckpt_git.cli.app import app  # noqa: PLC0415 - its import may fail like any other step

    try:
        command = typer.main.get_command(_asked_for(app, arguments))
        with command.make_context("git ckpt", arguments) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _end("interrupted; what was built before is kept", None, INTERRUPTED)
    except SystemExit:  # the library's, where nobody reads a help page to its end
        return 0
    except Exception as error:  # the last resort
        return _told(error)
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


def _told(error: Exception) -> int:
    """Say what went wrong; returns the exit code."""
    if isinstance(error, CkptError):
        return _end(f"error: {error.what}", error.hint, error.exit_code)
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = shown(str(error.filename)) if error.filename else "this machine"
        return _end(f"error: {where}: {error.strerror}", _REFUSALS[error.errno], MISSING)
    context = getattr(error, "ctx", None)
    if context is not None:
        return _misused(error, context.command_path)
    return _defect(error)


def _misused(error: Exception, command: str) -> int:
    """A mistake on the command line, in the words of the library that found it."""
    words: str = error.format_message()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":  # its words are the help page
        streams.say(words)
        return USAGE
    what = words[:1].lower() + words[1:].rstrip(".")
    return _end(f"error: {what}", f"`{command} -h` shows what there is", USAGE)


def _end(what: str, hint: str | None, code: int) -> int:
    line = f"{what}; {hint}" if hint else what
    streams.say_ckpt(" ".join(line.splitlines()))
    return code


def _defect(error: Exception) -> int:
    """A defect of ours. Its traceback goes to a file: it is for us, not for the terminal."""
    import tempfile  # noqa: PLC0415 - what no start need pay
    import traceback  # noqa: PLC0415

    what, report = f"this is a defect: {type(error).__name__}: {error}", "please report it"
    with suppress(OSError), tempfile.NamedTemporaryFile(
        "w", prefix="ckpt-crash-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
    ) as file:  # fmt: skip
        traceback.print_exception(error, file=file)
        report = f"please report {file.name}"
    return _end(what, report, MISSING)
