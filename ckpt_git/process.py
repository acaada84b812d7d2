"""The only place that runs a process. git's environment is scrubbed here, with the reason.

Programs that build something run in the engines, which get their arguments from here too
(``popen``); everything else is short-lived and goes through ``run``. What may run while the program
is still being imported is begun with ``Begun``, before anything else is: hence the late imports.
"""

from __future__ import annotations

import os
import subprocess
import tempfile

from ckpt_git.model.errors import CkptError, MissingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO, Any

# Set by git for its hooks. Left in the environment they would point every git call of ours, and
# of a build's, at the repository and the index of the commit that is being made: githooks(5).
# What the user set to find their git (GIT_EXEC_PATH), to configure it (GIT_CONFIG_*, git -c) or
# to reach a server (GIT_SSH*) stays.
_HOOK_VARIABLES = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
        "GIT_NAMESPACE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_REFLOG_ACTION",
    }
)

_SHOWN = 1 << 10  # bytes of a failed process's output
_SIGKILL = 9  # the module that names it takes a millisecond to import


class ProcessError(CkptError):
    """A process ended with a code that wasn't asked for; shows command, code and both outputs."""

    def __init__(self, command: Sequence[str], code: int, stdout: bytes, stderr: bytes) -> None:
        self.command = tuple(command)
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        said = (stderr.strip() or stdout.strip()).decode(errors="replace").splitlines()
        told = said[-1] if said else "it said nothing"
        super().__init__(f"`{' '.join(command[:6])}` ended with {code}: {told}")


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process's environment less what git sets for its hooks, plus ``extra``.

    Messages are asked for in English where they are parsed; optional locks are off, so that
    no git of ours ever writes the user's index (git(1), GIT_OPTIONAL_LOCKS).
    """
    env = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    env["LC_ALL"] = "C.UTF-8"
    env.update(extra or {})
    return env


def run(
    command: Sequence[str],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    ok: Sequence[int] = (0,),
    umask: int = -1,
    inherit: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``command`` to its end and return what it printed, as bytes.

    ``env`` is added to ``clean_environment``; where not ``inherit``, it is all that there is.
    Raises ``ProcessError`` for an exit code that is not in ``ok`` and ``MissingError`` where the
    program isn't there.
    """

    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=clean_environment(env) if inherit else dict(env or {}),
            input=stdin,
            capture_output=True,
            check=False,
            umask=umask,
        )
    except FileNotFoundError as error:
        if cwd is not None and not os.path.isdir(cwd):  # noqa: PTH112
            raise CkptError(f"no folder {cwd}") from error
        raise _missing(command) from error
    if done.returncode not in ok:
        raise ProcessError(command, done.returncode, done.stdout, done.stderr)
    return done


def attend(command: Sequence[str], *, env: Mapping[str, str], stdout: IO[Any]) -> int:
    """Run a program of the user's in the current folder, on their terminal, and wait for it.

    What it prints goes to ``stdout`` and standard error. Returns its exit code, as a shell has it:
    128 and the number for a signal. Raises ``OSError`` where it can't be run.
    """

    done = subprocess.run(
        list(command),
        env=dict(env),
        stdout=stdout,
        check=False,
        close_fds=False,  # a plan may wait in one that was made for it; others aren't inheritable
    )
    code = done.returncode
    return code if code >= 0 else 128 - code


class Begun:
    """A short-lived process that runs beside us. What it prints is kept in a file without a name,
    so that it never waits for us to read; its standard error is nobody's."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        holding: Sequence[int] = (),
    ) -> None:
        """Start ``command`` as ``run`` does; it has the files ``holding`` open, too. Raises
        ``MissingError`` where it can't be started."""
        self._command = tuple(command)
        self._pid: int | None = None
        self._printed = _nameless()
        nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 2)]
        shown = (os.POSIX_SPAWN_DUP2, self._printed, 1)
        held = [(os.POSIX_SPAWN_DUP2, number, number) for number in holding]
        try:
            self._pid = os.posix_spawnp(
                command[0],
                list(command),
                clean_environment(env),
                file_actions=[*nothing, shown, *held],
            )
        except OSError as error:
            raise _missing(command) from error

    def output(self, ok: Sequence[int] = (0,)) -> bytes:
        """Wait for its end and give what it printed. To be called once. Raises ``ProcessError``."""
        assert self._pid is not None
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._pid = None
        os.lseek(self._printed, 0, os.SEEK_SET)
        with open(self._printed, "rb", closefd=False) as file:
            printed = file.read()
        if code not in ok:
            raise ProcessError(self._command, code, printed[:_SHOWN], b"")
        return printed

    def __del__(self) -> None:
        """Ends it where nobody asked what it printed."""
        os.close(self._printed)
        if self._pid is not None:
            os.kill(self._pid, _SIGKILL)
            os.waitpid(self._pid, 0)


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("output")

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _missing(command: Sequence[str]) -> MissingError:
    return MissingError(f"`{command[0]}` is not on PATH", f"install {command[0]} and try again")


def popen(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | str | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start ``command`` with exactly ``env``, in a session of its own, and return at once.

    ``options`` are those of ``subprocess.Popen``: unless they say otherwise, there is nothing on
    its standard input, and what it prints goes nowhere. Raises ``MissingError`` where the program
    isn't there.
    """

    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    given = {**streams, "stderr": subprocess.STDOUT, "start_new_session": True, **options}
    try:
        return subprocess.Popen(list(command), env=dict(env), cwd=cwd, **given)
    except FileNotFoundError as error:
        raise MissingError(
            f"`{command[0]}` is not there", f"install {command[0]} and try again"
        ) from error
