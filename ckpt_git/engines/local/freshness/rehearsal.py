"""What make would run: asked of make itself, by dry runs, in sandboxes that are thrown away.

make decides by dates alone. It doesn't see that a command is another one (a flag in the
Makefile, a file that a wildcard no longer finds), so after such a change its "up to date" proves
nothing. But it can be asked. ``make -n`` in a tree that is configured and holds nothing built
prints every command of a clean build: done for the checkpoint's sources and for the new ones, that
tells which commands are new, and which are no more. A command that names a file which changed (a
script, a linker's script) counts as new: nobody need have told make that it reads it. ``make -n``
on the checkpoint tells which of the new ones it is going to run by itself. What the others make is
removed, so that they run as well; asking once more proves that they will. GNU make's manual,
"Options/Recursion" and "Instead of Execution".
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ckpt_git.engines.local.freshness import dry_run
from ckpt_git.engines.local.freshness.asked import LONG, Asked
from ckpt_git.engines.local.freshness.build_tool import is_make
from ckpt_git.engines.local.freshness.configure import is_compiled, is_prose
from ckpt_git.engines.local.freshness.dry_run import Command, Commands, UnfitError
from ckpt_git.engines.local.freshness.precautions import NONE, Precautions
from ckpt_git.engines.local.freshness.shell_words import is_operator, tokens, words
from ckpt_git.engines.local.job import Job
from ckpt_git.engines.local.store.store import ASKED
from ckpt_git.engines.local.workspace.layers import Ground
from ckpt_git.later import Later
from ckpt_git.process import run

_REMOVES = re.compile(r"\b(?:rm|rmdir|mv|find)\b")
_ARCHIVER = re.compile(r"(?:^|/)(?:[\w.+-]+-)?(?:gcc-)?ar$")
_GLOB = re.compile(r"(?<![\\$])[*?](?!\))|\bfind\b|\bls\b")
_REDIRECTED = re.compile(r"(?<![\d>&])>\s*([^\s;&|()<>]+)")
_OUTPUT = re.compile(r"(?:^|\s)-o\s*([^\s;&|()<>]+)")
# What autoconf and automake define on every compiler's command line where there is no config.h.
_PACKAGE = frozenset({
    *("PACKAGE", "VERSION", "PACKAGE_NAME", "PACKAGE_TARNAME", "PACKAGE_VERSION"),
    *("PACKAGE_STRING", "PACKAGE_BUGREPORT", "PACKAGE_URL"),
})  # fmt: skip
_DEFINES = re.compile(r"\s-D\s*(\w+)")
_WORD = re.compile(r"\w+")
_ABOUT_THE_BUILD = re.compile(
    r"(?:^|/)(?:[Mm]akefile[^/]*|GNUmakefile|configure[^/]*|CMakeLists\.txt|[^/]*\.(?:m4|mk|cmake))$"
)
_SYSTEM_HEADERS = ("/usr/include", "/usr/local/include", "/usr/lib/gcc", "/usr/lib/llvm")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\"]*$")
# Debugging information may hold each definition, and so may a note of the command line.
_KEEPS_DEFINITIONS = re.compile(r"\s-(?:g(?:gdb)?3|frecord-gcc-switches)\b")
# What compilers write for make to include; it says what an object depends on, no more.
_DEPENDENCIES = (".d", ".Po", ".Plo", ".Tpo", ".dep", ".depend")
_MOVES = re.compile(r"\s*\(?\s*cd\s+([^\s;&|]+)\s*(?:&&|;)")
_NAME = re.compile(r"[\w./+@~-]+")
_MAKE_NOTHING = frozenset({"cd", "echo", "printf", "test", "[", ":", "true", "mkdir", "rm"})
_SHOWN = 70

MAKEFILES = """\
find . -name config.status -exec dirname {} \\; | while IFS= read -r folder; do
  [ ! -e "$folder/Makefile" ] || make -n -C "$folder" >/dev/null || true
done
"""
"""Has the makefiles of GNU Autoconf's projects made anew where they are out of date: make does
that before anything else, in a dry run too (its manual, "Remaking Makefiles")."""


class Rehearsed(NamedTuple):
    """What has to go, and what make said it would run for the new sources."""

    care: Precautions
    asked: Asked


def rehearse(
    job: Job, work: Path, ground: Ground, known: Asked | None, *, holds: bool
) -> Rehearsed:
    """What of the checkpoint has to go, so that make runs all that a clean build would run
    otherwise than the checkpoint's did.

    ``ground`` is configured for the new sources; nothing runs on it, and nothing here changes it.
    ``known`` is what make said of the checkpoint's sources, where that is known, and ``holds``
    whether it would say that of the new ones. Raises ``UnfitError`` where what make would miss
    can't be told or can't be helped.
    """
    made = _made(job, work)
    built = _built(made)
    if known is not None and holds:
        asked, before = known, known.commands
    else:
        asked, before = _ask(job, work, ground, built, known)
    whole = asked.commands
    unused = _unused_definitions(job, (whole - before) + (before - whole))
    whole, before = _without(unused, whole), _without(unused, before)
    new, gone = whole - before, before - whole
    new |= naming_what_changed(job, whole)
    if not new and not gone:
        return Rehearsed(NONE, asked)
    by_itself = _without(unused, dry_run.would_run(job, work, ground))
    new -= _never_run(job, (c for c in new if c in before and c not in by_itself), before)
    missed = [command for command in new if command not in by_itself]
    # Of those that do run as well: `ln -s` finds its name taken, where a clean build has none yet.
    forgotten = _products(job, new, built) | _stale_archives(job, new, gone, built)
    lost = _lost_folders(job)
    left = _no_longer_made(job, gone, whole, built)
    forgotten |= left | _beside(left, job, whole, made)
    forgotten |= {path for path in made if not lost.isdisjoint(_folders_above(path))}
    if forgotten:
        by_itself = _without(unused, dry_run.would_run(job, work, ground, forgotten))
    for command in new:
        if not _is_among(job, command, by_itself, forgotten):
            raise UnfitError(f"make would not run a command that changed: {_short(command)}")
    _refuse_leftovers(gone, whole)
    notes = tuple(f"make would miss that this changed: {_short(command)}" for command in missed)
    emptied = sorted(lost, key=lambda folder: -folder.count("/"))
    care = Precautions(forgotten=tuple(sorted(forgotten)), emptied=tuple(emptied), notes=notes)
    return Rehearsed(care, asked)


def ask_ahead(job: Job) -> None:
    """Ask make for all that a clean build of the checkpoint's own sources would run, and keep the
    answer with its layer: the next change needn't wait for that. Not where the build was so short
    that nobody would wait for make either."""
    assert job.start is not None
    layer = job.store.layer(job.start.checkpoint.id)
    if (
        layer is None
        or layer.seconds < LONG
        or not is_make(job.drv, job.source)
        or job.store.beside(layer.id, ASKED)
    ):
        return
    with job.store.held(layer.chain), suppress(UnfitError):
        run = partial(dry_run.of_the_base, job, tracer=job.find_tracer())
        said = dry_run.whole(job, _built(_made(job, None)), run)
        asked = Asked(said.commands, said.footprint)
        job.store.put_beside(layer.id, ASKED, asked.encode())


def _ask(
    job: Job, work: Path, ground: Ground, built: Collection[str], known: Asked | None
) -> tuple[Asked, Commands]:
    """All that a clean build of the new sources would run, and one of the checkpoint's.

    That what is ``known`` of the checkpoint differs isn't enough: a command may hold the date.
    """

    def ask_base() -> Commands:
        run = partial(dry_run.of_the_base, job)
        return dry_run.whole(job, built, run).commands

    before = None if known is not None else Later(ask_base)
    run = partial(dry_run.on, job, work, ground, tracer=job.find_tracer())
    said = dry_run.whole(job, built, run)
    asked = Asked(said.commands, said.footprint)
    if known is not None and said.commands == known.commands:
        return asked, known.commands
    return asked, ask_base() if before is None else before.value()


def _refuse_leftovers(gone: Commands, whole: Commands) -> None:
    """Raises ``UnfitError`` where nobody knows what a command made, and a glob would find it."""
    unknown = next((c for c in gone if not _made_by(c) and not _makes_nothing(c)), None)
    finds = next((c for c in whole if _GLOB.search(c.text)), None)
    if unknown is not None and finds is not None:
        raise UnfitError(f"what `{_short(unknown)}` once made could be found by {_short(finds)}")


def naming_what_changed(job: Job, whole: Commands) -> Commands:
    """The commands that name a file which changed, or a script that names one."""
    assert job.start is not None
    top = job.place.source
    paths = {*job.start.diff.paths()}
    paths |= _mentioning(job, paths)
    changed = {f"{top}/{path}" for path in paths}
    called = {posixpath.basename(path) for path in paths}
    found: Commands = Counter()
    for command, count in whole.items():
        if not any(name in command.text for name in called):  # most don't, and that is soon told
            continue
        names = [name for name in _names(command) if posixpath.basename(name) in called]
        if not names or _makes_nothing(command):
            continue
        folder = _folder(job, command)
        if any(posixpath.normpath(posixpath.join(folder, name)) in changed for name in names):
            found[command] = count
    return found


def _names(command: Command) -> list[str]:
    """What could be a file's name in a command; ``@name`` has a compiler read arguments there."""
    return [name.removeprefix("@") for name in _NAME.findall(command.text)]


def _mentioning(job: Job, paths: Collection[str]) -> set[str]:
    """The scripts that name one of these files: run, they may read it."""
    names = {
        posixpath.basename(path) for path in paths if not (is_compiled(path) or is_prose(path))
    }
    if not names:
        return set()
    whole = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, sorted(names)))})(?![\w.-])")
    return {
        path
        for path, line in job.source.lines_with(sorted(names), ["*"])
        if not (is_compiled(path) or is_prose(path)) and whole.search(line)
    }


def _never_run(job: Job, some: Iterable[Command], before: Commands) -> Commands:
    """Those that a dry run of the checkpoint's sources prints, although its build didn't run them.

    ``[ -e program ] || $(MAKE) program`` is carried out in a dry run too, and there nothing was
    made before it. Where neither what a command says it makes is there nor the folder of that, and
    nothing removes that folder, it didn't run.
    """
    found: Commands = Counter()
    suspects = list(some)
    if not suspects:
        return found
    there = _folders_of_checkpoint(job)
    removed = [command.text for command in before if _REMOVES.search(command.text)]
    for command in suspects:
        folders = {posixpath.dirname(_path(job, command, name)) for name in _made_by(command)}
        names = {posixpath.basename(folder) for folder in folders}
        goes = any(name in text for name in names for text in removed)
        if folders and folders.isdisjoint(there) and not goes:
            found[command] = before[command]
    return found


def _folders_of_checkpoint(job: Job) -> frozenset[str]:
    """The folders, below ``/build``, that the checkpoint has files in."""
    assert job.start is not None
    layer = job.store.layer(job.start.checkpoint.id)
    files = {} if layer is None else job.store.files(layer)
    sources = (f"source/{path}" for path in job.source.manifest())
    return frozenset(folder for path in (*files, *sources) for folder in _folders_above(path))


def _unused_definitions(job: Job, changed: Commands) -> re.Pattern[str] | None:
    """The definitions on the command lines that ``changed`` of which nothing makes use: no object
    is another one for them. A release alone brings some: its version, what configure found."""
    defined = {name for command in changed for name in _DEFINES.findall(command.text)}
    unused = defined - _used_in_sources(job, defined)
    unused -= _used_by_the_system(unused - _PACKAGE)
    if not unused:
        return None
    return re.compile(rf"\s-D\s*(?:{'|'.join(sorted(unused))})(?:=(?:\\.|[^\s\\])*)?(?=\s|$)")


def _used_in_sources(job: Job, names: Collection[str]) -> set[str]:
    """Those that a file mentions which isn't about the build itself; a package's name and version
    are everywhere, and count where a compiler reads them."""
    used: set[str] = set()
    for path, line in job.source.lines_with(sorted(names), ["*"]):
        said = {*_WORD.findall(_COMMENT.sub(" ", line))}
        if is_compiled(path.removesuffix(".in")):
            used |= said
        elif not (is_prose(path) or _ABOUT_THE_BUILD.search(path)):
            used |= said - _PACKAGE
    return used & set(names)


def _used_by_the_system(names: Collection[str]) -> set[str]:
    """Those that a header of the machine's mentions."""
    if not names:
        return set()
    wanted = [argument for name in sorted(names) for argument in ("-e", name)]
    folders = [folder for folder in _SYSTEM_HEADERS if Path(folder).is_dir()]
    # 1 is for nothing found, 2 for a file that can't be read.
    found = run(["grep", "-rhowIF", *wanted, "--", *folders], ok=(0, 1, 2))
    return set(found.stdout.decode(errors="replace").split())


def _without(definitions: re.Pattern[str] | None, some: Commands) -> Commands:
    """The same commands less these ``definitions``."""
    if definitions is None:
        return some
    found: Commands = Counter()
    for command, count in some.items():
        kept = _KEEPS_DEFINITIONS.search(command.text)
        text = command.text if kept else definitions.sub("", command.text)
        found[Command(command.folder, text)] += count
    return found


# --- what commands make ---------------------------------------------------------------------


def _products(job: Job, some: Iterable[Command], built: Collection[str]) -> set[str]:
    """What the commands make, as far as a build made it. One that says nothing of that is taken
    to make what it names last, as cp and ln do."""
    found = set()
    for command in some:
        named = _products_named(command)
        found |= {path for name in named if (path := _path(job, command, name)) in built}
    return found


def _products_named(command: Command) -> tuple[str, ...]:
    return _made_by(command) or tuple(words(command.text)[-1:])


def _stale_archives(job: Job, new: Commands, gone: Commands, built: Collection[str]) -> set[str]:
    """``ar r`` replaces members in their place and adds new ones at the end; it never removes
    or moves one: ar(1). An archive that isn't there is made as it should be."""
    now = {_archive(command): _members(command) for command in new}
    found = set()
    for command in gone:
        archive, before = _archive(command), _members(command)
        if archive in now and archive is not None and now[archive][: len(before)] != before:
            found.add(_path(job, command, archive[1]))
    return found & set(built)


def _no_longer_made(job: Job, gone: Commands, whole: Commands, built: Collection[str]) -> set[str]:
    """What was made by a command of which no form is left: a clean build wouldn't have it."""
    return (_all_made(job, gone) - _all_made(job, whole)) & set(built)


def _beside(left: Collection[str], job: Job, whole: Commands, made: Collection[str]) -> set[str]:
    """What a command made besides what it names (``x.d``, ``x.gcno`` with ``x.o``), where none is
    left that makes something of that name."""
    stems = {_stem(path) for path in left} - {_stem(path) for path in _all_made(job, whole)}
    return {path for path in made if _stem(path) in stems}


def _stem(path: str) -> str:
    folder, name = posixpath.split(path)
    return posixpath.join(folder, name.split(".", 1)[0])


def _all_made(job: Job, some: Commands) -> set[str]:
    return {_path(job, command, name) for command in some for name in _made_by(command)}


def _lost_folders(job: Job) -> frozenset[str]:
    """The folders, below ``/build``, of which the change took the last source file."""
    assert job.start is not None
    before = {folder for path in job.start.diff.deleted for folder in _folders_above(path)}
    if not before:
        return frozenset()
    now = {folder for path in job.source.manifest() for folder in _folders_above(path)}
    return frozenset(f"source/{folder}" for folder in before - now)


def _folders_above(path: str) -> list[str]:
    return [path[:end] for end, letter in enumerate(path) if letter == "/"]


def _is_among(job: Job, command: Command, others: Commands, forgotten: Collection[str]) -> bool:
    """Whether the command is one of ``others``, or where it holds a date, another form of it: one
    that makes the same file that was ``forgotten``."""
    if command in others:
        return True
    made = {_path(job, command, name) for name in _products_named(command)} & set(forgotten)
    return bool(made) and any(
        made <= {_path(job, other, name) for name in _products_named(other)} for other in others
    )


def _makes_nothing(command: Command) -> bool:
    """Whether each of the commands in a line is one that leaves no file behind."""
    first, to_file = True, False
    for word in tokens(command.text):
        if to_file and word != "/dev/null" and not word.isdigit():
            return False
        to_file = word.startswith(">")
        if first and word not in {*_MAKE_NOTHING, *"()"}:
            return False
        first = is_operator(word) and not to_file
    return True


def _made_by(command: Command) -> tuple[str, ...]:
    """The files that a command says it makes: after ``-o`` and ``>``, an archive, cp's copy."""
    archive = _archive(command)
    if archive is not None:
        return (archive[1],)
    found = [*_OUTPUT.findall(command.text), *_REDIRECTED.findall(command.text)]
    said = words(command.text)
    if not found and said and posixpath.basename(said[0]) in {"cp", "mv", "ln"}:
        found = said[-1:]
    if not found and "-c" in said:
        names = [posixpath.basename(word) for word in said if is_compiled(word)]
        found = [f"{posixpath.splitext(name)[0]}.o" for name in names]
    return tuple(name.strip("'\"") for name in found if name != "/dev/null")


def _archive(command: Command) -> tuple[str, str] | None:
    said = words(command.text)
    is_archiver = len(said) > 2 and _ARCHIVER.search(said[0])  # noqa: PLR2004 - ar KEY ARCHIVE
    return (command.folder, said[2]) if is_archiver else None


def _members(command: Command) -> list[str]:
    return words(command.text)[3:]


def _path(job: Job, command: Command, name: str) -> str:
    """Where a command's file lies, relative to ``/build``."""
    top = job.place.top
    whole = posixpath.normpath(posixpath.join(_folder(job, command), name))
    return posixpath.relpath(whole, top)


def _folder(job: Job, command: Command) -> str:
    """Where a command runs, absolute."""
    moved = _MOVES.match(command.text)
    return posixpath.join(command.folder or job.place.source, moved[1] if moved else "")


def _short(command: Command) -> str:
    text = " ".join(command.text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _built(made: Iterable[str]) -> frozenset[str]:
    """What is not to be there when make is asked for all. What depfiles say stays true."""
    return frozenset(path for path in made if not path.endswith(_DEPENDENCIES))


def _made(job: Job, work: Path | None) -> frozenset[str]:
    """What the checkpoint's builds built and the new configuring, in ``work``, hasn't written
    since."""
    assert job.start is not None
    checkpoint = job.start.checkpoint
    layer = job.store.layer(checkpoint.id)
    if layer is None:
        return frozenset()
    base = job.store.manifest(checkpoint.id)

    def is_built(path: str, mtime: int) -> bool:
        if path.removeprefix("source/") in base:
            return False
        return not any(begin <= mtime < end for begin, end in layer.configured)

    def is_newer(path: str) -> bool:
        return work is not None and _is_newer(work / "fs" / path, checkpoint.newest_mtime_ns)

    return frozenset(
        path
        for path, mtime in job.store.files(layer).items()
        if is_built(path, mtime) and not is_newer(path)
    )


def _is_newer(file: Path, moment: int) -> bool:
    try:
        return file.lstat().st_mtime_ns > moment
    except OSError:
        return False
