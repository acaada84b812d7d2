"""Where the watcher's programs are: in the package, in the store, or compiled now.

    watch/programs/SOURCES-COMPILER/   those that were compiled here
    watch/known/CIRCUMSTANCES          a link to the folder of those that run here, or a file that
                                       says why there are none
    watch/lock                         held while they are compiled

CKPT_PROGRAMS names another folder than the store's ``watch``, for several stores.

Circumstances are the dates of all that counts, so that a build finds its programs in a
millisecond.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ckpt_git.kept_files import decode_json, read_kept, remove_file, replace
from ckpt_git.model.errors import MissingError, StoreError
from ckpt_git.records import files, lock
from ckpt_git.watch import compiling

_BUILT = compiling.FOLDER / "built"
"""Those that a wheel brings: a folder for each kind of machine."""


_CHECKSUMS = "checksums"


class Programs(NamedTuple):
    """``watch`` is ``ckpt-watch``, ``library`` is preloaded, ``answer`` answers."""

    watch: Path
    library: Path
    answer: Path


def programs(store_root: Path) -> Programs:
    """The programs for this machine, compiled now where there are none.

    Raises ``MissingError`` with the reason where that can't be done, which is remembered until
    something changes, and ``StoreError`` where the store can't be written.
    """
    if sys.platform != "linux":
        raise MissingError("builds can be watched on Linux alone")
    compilers = compiling.compilers(os.environ)
    room = Path(os.environ.get("CKPT_PROGRAMS") or store_root / "watch").absolute()
    known = room / "known" / _circumstances(compilers)
    folder = _look_up(known)
    if folder is None:
        folder = _ready(room, compilers)
        if folder is None:
            return _programs_in(_make_alone(room, compilers, known))
        with suppress(StoreError):  # a store that can't be written is of use nevertheless
            _note(known, folder)
    return _programs_in(folder)


def forget_refusals(store_root: Path) -> None:
    """Forget that compiling failed, so that the next build tries again."""
    for known in store_root.glob("watch/known/*"):
        if not known.is_symlink():
            with suppress(OSError):
                remove_file(known)


def _programs_in(folder: Path) -> Programs:
    return Programs(*(folder / name for name in compiling.NAMES))


# --- what is known ------------------------------------------------------------------------


def _circumstances(compilers: list[str]) -> str:
    """All that it depends on which programs are right, without reading a file."""
    dates = [(entry.name, *_date(entry.stat())) for entry in compiling.sources()]
    built = _BUILT / _machine()
    with suppress(OSError):
        dates += [(name, *_date((built / name).stat())) for name in compiling.NAMES]
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    return _digest([str(compiling.FOLDER), dates, _machine(), libc, *map(_identity, compilers)])


def _machine() -> str:
    return os.uname().machine


def _date(found: os.stat_result) -> tuple[int, int, int]:
    """The mtime can be anything: that of all files in Nix' store is the same."""
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _identity(compiler: str) -> tuple[str, int, int]:
    path = os.path.realpath(compiler)
    found = os.stat(path)  # noqa: PTH116
    return path, found.st_size, found.st_mtime_ns


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:20]


def _look_up(known: Path) -> Path | None:
    """The folder that is noted. Raises the refusal that is."""
    try:
        folder = Path(os.readlink(known))  # noqa: PTH115
    except OSError as error:
        if error.errno == errno.EINVAL:  # a file, not a link
            with suppress(OSError, ValueError, KeyError):  # forgotten just now, or damaged
                refusal = decode_json(read_kept(known))["refusal"]
                raise MissingError(refusal, compiling.AGAIN) from None
        return None
    return folder if _is_whole(folder) else None


def _is_whole(folder: Path) -> bool:
    """Whether the programs are there; those that were made here also as they were made."""
    if folder.parent == _BUILT:
        return all(os.access(folder / name, os.F_OK) for name in compiling.NAMES)
    with suppress(OSError, ValueError):
        return read_kept(folder / _CHECKSUMS) == _checksums(folder)
    return False


def _checksums(folder: Path) -> bytes:
    """As sha256sum(1) has them."""
    made = ((hashlib.sha256(read_kept(folder / name)), name) for name in compiling.NAMES)
    return "".join(f"{digest.hexdigest()}  {name}\n" for digest, name in made).encode()


def _note(known: Path, folder: Path) -> None:

    aside = known.with_name(f"{known.name}.{os.getpid()}")
    with files.writing(known):
        known.parent.mkdir(parents=True, exist_ok=True)
        remove_file(aside)
        aside.symlink_to(folder)
        replace(aside, known)


# --- what isn't ---------------------------------------------------------------------------


def _ready(room: Path, compilers: list[str]) -> Path | None:
    """Programs that needn't be made: those of the wheel, or compiled before from these sources by
    one of ``compilers``, or by any where there is none. They may be another machine's, whose
    store this is, too."""
    sources = _digest_of_sources()
    made = [_folder(room, sources, compiler) for compiler in compilers]
    others = [] if compilers else sorted((room / "programs").glob(f"{sources}-*"))
    for folder in (_BUILT / _machine(), *made, *others):
        if _is_whole(folder):
            with suppress(MissingError):
                compiling.try_out(folder)
                return folder
    return None


def _folder(room: Path, sources: str, compiler: str) -> Path:
    return room / "programs" / f"{sources}-{_digest(_identity(compiler))}"


def _digest_of_sources() -> str:
    digests = [
        (entry.name, hashlib.sha256(Path(entry.path).read_bytes()).digest())
        for entry in compiling.sources()
    ]
    return _digest([_machine(), digests])


def _make_alone(room: Path, compilers: list[str], known: Path) -> Path:
    """Compile, unless another process just did."""

    if not compilers:
        what = "there is no C compiler for the programs that watch a build"
        raise MissingError(what, "install one, as `cc`")
    with lock.exclusive(room / "lock"):
        folder = _look_up(known) or _ready(room, compilers)
        if folder is None:
            try:
                folder = _first_that_works(room, compilers)
            except MissingError as error:
                files.publish_json(known, {"refusal": error.what})
                raise
        _note(known, folder)
        return folder


def _first_that_works(room: Path, compilers: list[str]) -> Path:
    refusals: list[MissingError] = []
    for compiler in compilers:
        try:
            return _make(room, compiler)
        except MissingError as error:
            refusals.append(error)
    raise refusals[0]


def _make(room: Path, compiler: str) -> Path:
    """Compile aside, try it out, and publish it by a rename."""

    aside = room / "programs" / "new"
    while True:
        sources = _digest_of_sources()
        folder = _folder(room, sources, compiler)
        with files.writing(aside):
            remove_file(folder)
            remove_file(aside)  # a killed process's: we hold the lock
            aside.mkdir(parents=True)
            try:
                compiling.compile_into(aside, compiler, "linked")
                compiling.try_out(aside)
                if _digest_of_sources() == sources:  # else they were changed meanwhile
                    (aside / _CHECKSUMS).write_bytes(_checksums(aside))
                    aside.rename(folder)
                    return folder
            finally:
                remove_file(aside)
