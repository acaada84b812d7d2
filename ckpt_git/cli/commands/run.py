"""``run`` and ``path``: run programs of the newest output, at the path that it was built for."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ckpt_git.builds.context import Context
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.record import Record
from ckpt_git.records import results

_SHELL = "/bin/sh"
_INTERPRETED_BY = b"#!"
_LONGEST_LINE = 256  # bytes of a first line that the kernel reads: execve(2)


class NoProgramError(CkptError):
    """A program isn't there: the exit code of env(1) and of shells."""

    exit_code = 127


class NotExecutableError(CkptError):
    """A program is there and can't be run: the exit code of env(1) and of shells."""

    exit_code = 126


def newest_output(context: Context, name: str | None) -> Record:
    """The newest passed build of the package whose output is still there.

    ``name`` may be None where there is one package. Raises ``UsageError`` otherwise, and
    ``CkptError`` where nothing was built.
    """
    packages = _packages(context, name)
    if len(packages) > 1:
        known = ", ".join(package.name for package in packages)
        raise UsageError("there are several packages", f"choose one with --package: {known}")
    return _newest(context, packages[0].name)


def run_program(context: Context, name: str | None, command: Sequence[str]) -> int:
    """Run ``command``, found in the output's ``bin`` first; replaces this process.

    Raises ``NoProgramError``, ``NotExecutableError``, and ``CkptError`` where nothing was built.
    """
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise UsageError("no command to run was given", "`git ckpt run -- CMD` runs one")
    record = _with_program(context, name, command[0])
    _replace_by(*with_output(context, record, context.current().tree, command))


def with_output(
    context: Context,
    record: Record,
    tree: str,
    command: Sequence[str],
    variables: Mapping[str, str] | None = None,
) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment that run ``command`` with the output on record, as the
    package is configured in ``tree``: at the place that it was built for, first on PATH. It finds
    ``variables`` set, too.

    Raises ``NoProgramError`` and ``NotExecutableError``.
    """
    package = context.config(tree).select([record.package])[0]
    engine = context.engine(record.engine)
    drv = context.derivation(package, tree)
    out = engine.outputs.path(drv, record.output) or str(record.output)
    env = {**context.environment, "PATH": f"{out}/bin:{context.environment.get('PATH', '')}"}
    _Lookup(out, record.output, env["PATH"]).check(command[0])
    if variables:  # env(1), as what makes the output's place carries our own environment on
        command = ["env", *(f"{name}={value}" for name, value in variables.items()), *command]
    return engine.outputs.program(drv, record.output, command), env


def _replace_by(argv: list[str], env: Mapping[str, str]) -> NoReturn:
    """Become ``argv``; a file that no kernel takes is the shell's to read, as in execvp(3)."""
    sys.stdout.flush()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and so would argv
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            os.execve(_SHELL, [_SHELL, *argv], env)
        raise NotExecutableError(f"can't run {argv[0]}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Looks for programs as execvp(3) will, where ``output`` lies at ``at``."""

    at: str
    output: Path
    path: str

    def check(self, program: str) -> None:
        """Raises ``NoProgramError`` or ``NotExecutableError`` where it can't be run."""
        found = [path for path in self._candidates(program) if path.exists()]
        if not found:
            where = "" if "/" in program else f" in {self.output}/bin, nor on PATH"
            raise NoProgramError(f"there is no program `{program}`{where}")
        runnable = next((path for path in found if _is_executable(path)), None)
        if runnable is None:
            why = "is a folder" if found[0].is_dir() else "isn't executable (`chmod +x` makes it)"
            raise NotExecutableError(f"can't run {program}: {found[0]} {why}")
        interpreter = _interpreter(runnable)
        if interpreter is not None and not self._here(interpreter).exists():
            raise NoProgramError(f"can't run {program}: its interpreter {interpreter} isn't there")

    def _candidates(self, program: str) -> list[Path]:
        if "/" in program:
            return [self._here(program)]
        return [self._here(f"{folder or '.'}/{program}") for folder in self.path.split(":")]

    def _here(self, path: str) -> Path:
        """Where ``path`` lies now, outside of the namespace in which the program will run."""
        inside = os.path.normpath(path)
        if inside == self.at or inside.startswith(f"{self.at}/"):
            return self.output / os.path.relpath(inside, self.at)
        return Path(path)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _interpreter(program: Path) -> str | None:
    """What a script says that it is to be run by: execve(2)."""
    with suppress(OSError), program.open("rb") as file:
        line = file.read(_LONGEST_LINE).split(b"\n")[0]
        if line.startswith(_INTERPRETED_BY):
            words = line.removeprefix(_INTERPRETED_BY).split()
            return os.fsdecode(words[0]) if words else None
    return None


def _with_program(context: Context, name: str | None, program: str) -> Record:
    """The output to run from: the one package, or the one that has the program."""
    packages = _packages(context, name)
    if len(packages) == 1:
        return _newest(context, packages[0].name)
    for package in packages:
        record = _find(context, package.name)
        if record is not None and (record.output / "bin" / program).exists():
            return record
    known = ", ".join(package.name for package in packages)
    raise UsageError(f"no package has a program `{program}`", f"choose one with --package: {known}")


def _packages(context: Context, name: str | None) -> Sequence[Package]:
    tree = context.current().tree
    return context.config(tree).select([name] if name is not None else [])


def _newest(context: Context, name: str) -> Record:
    record = _find(context, name)
    if record is None:
        raise CkptError(f"there is no output of {name} yet", "`git ckpt build` makes one")
    return record


def _find(context: Context, name: str) -> Record | None:
    for record in results.history(context.state, name):
        if record.passed and record.out is not None and record.output.exists():
            return record
    return None
