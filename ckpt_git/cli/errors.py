"""Report errors: a foreseen one as one line and an exit code, any other in a crash report.

The exit codes are those of docs/reference/exit-codes.md: 0, 1, 2, 3, 130.
"""

from __future__ import annotations

import errno
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress

from ckpt_git.cli.output import streams
from ckpt_git.model.errors import CkptError
from ckpt_git.model.report.display_names import shown

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
    errno.ENOTEMPTY: "see who owns what is in it, and whether its file system can be written",
    errno.EIO: "the disk may be failing: see `dmesg`",
}


def run_guarded(action: Callable[[], int]) -> int:
    """Carry out a command, of which ``action`` returns the exit code; returns the exit code."""
    streams.prepare()
    try:
        return action()
    except KeyboardInterrupt:
        return end("interrupted; what was built before is kept", None, INTERRUPTED)
    except Exception as error:  # the last resort
        return _told(error)
    finally:
        streams.finish()


def _told(error: Exception) -> int:
    """Say what went wrong; returns the exit code."""
    if isinstance(error, CkptError):
        return end(f"error: {error.what}", error.hint, error.exit_code)
    if isinstance(error, BrokenPipeError) and streams.is_abandoned():
        return 0  # by a library: what is printed here ends without a word, too
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = shown(str(error.filename)) if error.filename else "this machine"
        return end(f"error: {where}: {error.strerror}", _REFUSALS[error.errno], MISSING)
    return _defect(error)


def end(what: str, hint: str | None, code: int) -> int:
    """Say in one line what went wrong and what to do; returns ``code``."""
    line = f"{what}; {hint}" if hint else what
    streams.say_ckpt(" ".join(line.splitlines()))
    return code


def _defect(error: Exception) -> int:
    """A defect of ours. Its traceback goes to a file: it is for us, not for the terminal."""

    what, report = f"this is a defect: {type(error).__name__}: {error}", "please report it"
    with suppress(OSError), tempfile.NamedTemporaryFile(
        "w", prefix="ckpt-crash-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
    ) as file:  # fmt: skip
        traceback.print_exception(error, file=file)
        report = f"please report {file.name}"
    return end(what, report, MISSING)
