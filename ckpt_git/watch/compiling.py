"""Compiles the watcher's programs: one call of a C compiler for each, make isn't needed.

Used where there are none that fit, and by ``hatch_build.py``, which has nothing of ours but this
checkout: what is imported here needs no other package.
"""

from __future__ import annotations

import errno
import os
from operator import attrgetter
from pathlib import Path

from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.process import ProcessError, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Kind = Literal["linked", "portable"]

FOLDER = Path(__file__).parent
AGAIN = "`git ckpt doctor` tries again"
"""The hint of a refusal."""
WATCH, LIBRARY, ANSWER = NAMES = ("ckpt-watch", "libsee.so", "answer")

_TABLE = "programs.mk"
_ROOMS = ("answer", "files", "memory", "preload", "shared", "steps", "streams", "watcher")
_SOURCES = (".c", ".h", ".mk", Path(__file__).name)  # this file, too, says how they are made
_COMPILERS = ("cc", "gcc", "clang")
_USAGE = 64  # exit code of ckpt-watch where it isn't told what to do


def compilers(environment: Mapping[str, str]) -> list[str]:
    """The C compilers on PATH, each once, the one that is asked for by ``CC`` first."""
    found: dict[str, str] = {}
    folders = environment.get("PATH", "").split(os.pathsep)
    for name in (environment.get("CC"), *_COMPILERS):
        path = _which(name, folders) if name else None
        if path is not None:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _which(name: str, folders: list[str]) -> str | None:
    """As shutil has it, which takes 2 ms to import."""
    paths = [name] if "/" in name else [f"{folder}/{name}" for folder in folders]
    for path in paths:
        if path.startswith("/") and os.access(path, os.X_OK) and os.path.isfile(path):  # noqa: PTH113
            return path
    return None


def sources() -> list[os.DirEntry[str]]:
    """The files that the programs depend on, by path."""
    folders = (FOLDER, *(FOLDER / room for room in _ROOMS))
    found = [entry for folder in folders for entry in _entries(folder)]
    return sorted(
        (entry for entry in found if entry.name.endswith(_SOURCES)), key=attrgetter("path")
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def compile_into(folder: Path, compiler: str, kind: Kind) -> None:
    """Make the programs in ``folder``, which is there and empty. ``portable`` ones do without this
    machine's C library or have modest needs of it.

    Nothing of the user's environment has a part in it but PATH. Raises ``MissingError`` with the
    first of the compiler's complaints, and ``StoreError`` where there is no room for them.
    """
    table = _read_table((FOLDER / _TABLE).read_text())
    for name in NAMES:
        words = [
            *table["flags"],
            *(*table[f"{name}_flags"], *table[f"{name}_{kind}"]),
            *("-o", str(folder / name)),
            *(*table[f"{name}_sources"], *table.get(f"{name}_libraries", ())),
        ]
        try:
            run([compiler, *words], cwd=FOLDER, env=_environment(folder), inherit=False)
        except ProcessError as error:
            if (full := os.strerror(errno.ENOSPC)).encode() in error.stderr:
                raise StoreError(f"cannot write {folder}: {full}", "make room there") from error
            raise _refusal(f"{compiler} can't compile {name}: {_complaint(error)}") from error
        except OSError as error:
            raise _refusal(f"{compiler} can't be run: {error.strerror}") from error


def compile_portable(folder: Path, environment: Mapping[str, str]) -> str:
    """Make portable programs in ``folder``, which is there and empty, and give the kind of machine
    that they are for. Raises ``MissingError`` with the reason why the first compiler can't."""
    compiler = next(iter(compilers(environment)), None)
    if compiler is None:
        raise MissingError("there is no C compiler")
    compile_into(folder, compiler, "portable")
    target = run([compiler, "-dumpmachine"], env=_environment(folder), inherit=False)
    machine = target.stdout.decode().split("-")[0]
    if machine == os.uname().machine:
        try_out(folder)
    return machine


def try_out(folder: Path) -> None:
    """See that the programs in ``folder`` run on this machine. Raises ``MissingError``."""
    asked = {
        WATCH: ([f"./{WATCH}"], {}, (_USAGE,)),
        ANSWER: ([f"./{ANSWER}"], {}, range(1, 128)),  # nobody is there to tell it what to do
        LIBRARY: (["/bin/sh", "-c", ":"], {"LD_PRELOAD": f"./{LIBRARY}"}, (0,)),
    }
    for name, (command, environment, codes) in asked.items():
        try:
            done = run(
                command, cwd=folder, env={"LC_ALL": "C", **environment}, ok=codes, inherit=False
            )
        except (OSError, CkptError) as error:
            why = error.strerror if isinstance(error, OSError) else error.what
            raise _refusal(f"{name} in {folder} doesn't run: {why}") from error
        if name == LIBRARY and done.stderr:
            said = done.stderr.decode(errors="replace").splitlines()[0]
            raise _refusal(f"{name} in {folder} can't be preloaded: {said}")


def _environment(folder: Path) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LC_ALL": "C", "TMPDIR": str(folder), "CCACHE_DISABLE": "1"}


def _refusal(what: str) -> MissingError:
    return MissingError(what, AGAIN)


def _read_table(text: str) -> dict[str, list[str]]:
    lines = text.replace("\\\n", " ").splitlines()
    pairs = (line.split("=", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): value.split() for name, value in pairs}


def _complaint(error: ProcessError) -> str:
    lines = error.stderr.decode(errors="replace").splitlines()
    told = (line for line in lines if "error:" in line or "cannot" in line)
    return next(told, lines[0] if lines else f"it ended with {error.code}")
