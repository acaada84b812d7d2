"""Programs from the newest output, run where their output was built to lie."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from ckpt_git.builds.context import Context
from ckpt_git.model.config import Package
from ckpt_git.model.errors import CkptError, UsageError
from ckpt_git.model.record import Record


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

    Raises ``CkptError`` where there is no such program or nothing was built.
    """
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise UsageError("run what?", "git ckpt run -- CMD")
    record = _with_program(context, name, command[0])
    target = context.current()
    package = context.config(target.tree).select([record.package])[0]
    engine = context.engine(record.engine)
    drv = context.derivation(package, target.tree)
    out = engine.out_path(drv)
    argv = engine.program(drv, record.output, command)
    env = {**context.environment, "PATH": f"{out}/bin:{context.environment.get('PATH', '')}"}
    if not _exists(record, command[0], env["PATH"]):
        raise CkptError(f"there is no program `{command[0]}` in {record.out}/bin, nor on PATH")
    sys.stdout.flush()
    os.execvpe(argv[0], argv, env)


def _exists(record: Record, program: str, path: str) -> bool:
    if "/" in program:
        return True
    installed = (record.output / "bin" / program).exists()
    return installed or shutil.which(program, path=path) is not None


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
    for record in context.state.history(name):
        if record.passed and record.out is not None and record.output.exists():
            return record
    return None
