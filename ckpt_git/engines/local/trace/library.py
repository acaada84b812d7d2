"""The library that is preloaded: compiled once on this machine, and tried out."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ckpt_git.engines.files import new_id, writing
from ckpt_git.engines.local.trace import arena
from ckpt_git.model.errors import CkptError, MissingError
from ckpt_git.process import run

SOURCE = Path(__file__).with_name("interpose.c")
NAME = "trace.so"
_FLAGS = (
    *("-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-U_FORTIFY_SOURCE"),
    *("-Wl,-z,now", "-Wl,--hash-style=gnu"),
)
_LIBRARIES = ("-ldl", "-lpthread")  # empty since glibc 2.34


def library(root: Path) -> Path:
    """The library in the store at ``root``, compiled now where it isn't there.

    Raises ``MissingError`` with the reason where this machine has no compiler for it, or where
    it sees nothing; that is remembered until the compiler changes.
    """
    compiler = _compiler()
    folder = root / "tracers" / _key(compiler)
    made, refused = folder / NAME, folder / "refused"
    if made.exists():
        return made
    if refused.exists():
        raise MissingError(refused.read_text(), "`git ckpt doctor` tries again")
    with writing(root):
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"{new_id()}.so"
        try:
            _make(compiler, aside)
            aside.replace(made)
        except CkptError as error:
            refused.write_text(error.what)
            raise MissingError(error.what, error.hint) from error
        finally:
            aside.unlink(missing_ok=True)
    return made


def forget_refusals(root: Path) -> None:
    """Have it tried again where it didn't work."""
    for refused in root.glob("tracers/*/refused"):
        with suppress(OSError):
            refused.unlink()


def _compiler() -> str:
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if found is None:
        raise MissingError("there is no C compiler for the tracer", "install one, as `cc`")
    return found


def _key(compiler: str) -> str:
    """What the library depends on: its source, the C library, and what compiles it."""
    names = ("CS_GNU_LIBC_VERSION",)
    libc = [os.confstr(name) for name in names if name in os.confstr_names]
    made_by = [os.path.realpath(compiler), os.stat(compiler).st_mtime_ns]
    text = repr([os.uname().machine, libc, made_by, _FLAGS]).encode()
    return hashlib.sha256(text + SOURCE.read_bytes()).hexdigest()[:16]


def _make(compiler: str, made: Path) -> None:
    run([compiler, *_FLAGS, "-o", str(made), str(SOURCE), *_LIBRARIES])
    with TemporaryDirectory(dir=made.parent) as name:
        _try_out(made, Path(name))


def _try_out(made: Path, folder: Path) -> None:
    """Have a shell look for a file in vain, and see that this is noted."""
    arena.make(folder / "arena", str(folder))
    shutil.copyfile(made, folder / NAME)
    wanted = folder / "wanted"
    command = ["/bin/sh", "-c", 'test -e "$1" || printf %s missing', "sh", str(wanted)]
    done = run(command, env={"LD_PRELOAD": str(folder / NAME)})
    noted = arena.read(folder / "arena")
    records = {record for program in noted.programs.values() for record in program.records}
    if done.stdout != b"missing" or done.stderr or (b"m", b"wanted") not in records:
        raise MissingError("a trial of the tracer saw nothing", "programs here can't be preloaded")
