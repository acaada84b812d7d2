"""Where errors end: what was foreseen becomes one line and an exit code, the rest a report.

The exit codes are those of the README: 0, 1, 2, 3, 130.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

import typer

from ckpt_git.model.errors import CkptError

INTERRUPTED = 130


def run_app(arguments: list[str]) -> int:  # noqa: PLR0911 - an exit for each kind of error
    """Run the command line; returns the exit code."""
    from ckpt_git.cli.app import app  # noqa: PLC0415 - its import may fail like any other step

    try:
        command = typer.main.get_command(app)
        code = command.main(arguments, prog_name="git ckpt", standalone_mode=False)
    except CkptError as error:
        return _say(f"error: {error.what}", error.hint, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted; what was built before is kept", None, INTERRUPTED)
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last resort
        show = getattr(error, "show", None)
        if show is not None:  # a mistake on the command line: the library words it
            show()
            return int(getattr(error, "exit_code", 2))
        return _report(error)
    return code if isinstance(code, int) else 0


def _say(what: str, hint: str | None, code: int) -> int:
    line = f"ckpt: {what}; {hint}" if hint else f"ckpt: {what}"
    print(line.replace("\n", " "), file=sys.stderr)  # noqa: T201
    return code


def _report(error: Exception) -> int:
    """A defect of ours. Its traceback goes to a file: it is for us, not for the terminal."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="ckpt-crash-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    return _say(
        f"this is a defect: {type(error).__name__}: {error}", f"please report {file.name}", 3
    )
