"""One-file commits of large projects, built by Nix: from checkpoints, ours and nixpkgs', and clean.

Every change is built from the checkpoint of the commit before all of them, as nixpkgs' functions
are meant to be used; `git ckpt build` beside that follows the work, and makes the next checkpoint
too. Timed is the whole command. Without ``--nixpkgs`` the builds run in a private store, with the
small stdenv of this project's tests on the host's own tools; with it they run where the user's Nix
runs them, with the stdenv of that nixpkgs.

Nix removes each build's folder. ext4 without a journal gives out no inode for one to six minutes
after it was freed (``recently_deleted`` in the kernel's fs/ext4/ialloc.c) and looks for others at
length: on such a disk what makes files, which bare make doesn't, takes a second or two more.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bare, corpus, made, ours
from benchmarks.projects import AWS_C, Edit
from ckpt_git.model.errors import CkptError, MissingError
from tests.nix.store import LIBRARY, STDENV, NixStore, attributes, nix_string

Say = Callable[[str], None]

BARE, PLAIN, LIBRARIES, THEIRS, OURS = (
    "bare, persistent tree",
    "nix-build",
    "mkCheckpointedBuild",
    "nixpkgs' mkCheckpointBuild",
    "git ckpt build",
)
SHARE, EXTRA = 0.4, 2.0
"""What a build by our functions may take: a share of nixpkgs', and seconds over a bare build."""

_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_TRIES = 5  # Nix 2.8 kills some builder before it has run anything


@dataclass(frozen=True, slots=True)
class Subject:
    """A project and one-line edits of one file of it. ``compiles`` matches the line that a build
    prints for each file that it compiles; ``needs`` are nixpkgs' names of what the build runs.
    ``origin`` is the repository whose HEAD is edited, where it is a user's own."""

    name: str
    phases: Mapping[str, str]
    file: str
    line: str
    compiles: str
    needs: tuple[str, ...] = ()
    origin: Path | None = None


def _cmake(generator: str) -> Subject:
    build = "cmake --build build --parallel $NIX_BUILD_CORES"
    configure = AWS_C.phases["configure"].replace("-G Ninja", f'-G "{generator}"')
    return Subject(
        name=f"aws-c, CMake, {generator}",
        phases={"configure": configure, "build": build, "install": "cmake --install build"},
        file=AWS_C.edit.file,
        line=AWS_C.edit.line,
        compiles=r"Building C(XX)? object",
        needs=("cmake", "ninja", "openssl"),
    )


_MADE = Subject(
    name="2,000 C files with 100 MB of objects, make",
    phases={
        "build": "make -j$NIX_BUILD_CORES",
        "install": f'mkdir -p "$out" && cp {made.file_name(0)}.o "$out"',
    },
    file=f"{made.file_name(0)}.c",
    line="int edited{n}(void) {{ return {n}; }}",
    compiles=r"^g?cc .* -c ",
)
SUBJECTS = (_MADE, _cmake("Unix Makefiles"), _cmake("Ninja"))


def own(
    origin: Path,
    name: str | None,
    phases: Mapping[str, str],
    edit: Edit,
    needs: Sequence[str],
) -> Subject:
    """A repository of the user's, whose file ``edit.file`` is edited."""
    # What CMake says, automake and many a makefile, and make itself.
    compiles = r"Building C(XX)? object|^\s*(CC|CXX) |^\S*g?cc .*-c "
    name = name or origin.resolve().name
    return Subject(name, phases, edit.file, edit.line, compiles, tuple(needs), origin)


@dataclass(frozen=True, slots=True)
class Series:
    """The one-file commits of one project; each way's seconds and compiler runs, in their order.

    ``missing`` says why nixpkgs' functions built nothing, where they were to.
    """

    project: str
    seconds: Mapping[str, tuple[float, ...]]
    runs: Mapping[str, tuple[int, ...]]
    missing: str | None = None

    def median(self, way: str) -> float:
        return median(self.seconds[way])

    @property
    def holds(self) -> bool:
        """Whether our functions keep to both budgets and compile what a bare build does."""
        taken = self.median(LIBRARIES)
        theirs = THEIRS not in self.seconds or taken <= SHARE * self.median(THEIRS)
        return (
            theirs
            and taken <= self.median(BARE) + EXTRA
            and self.runs[LIBRARIES] == self.runs[BARE] == self.runs[OURS]
        )

    def to_json(self) -> dict[str, Any]:
        medians = {way: self.median(way) for way in self.seconds}
        return {**asdict(self), "median": medians, "holds": self.holds}


@dataclass(frozen=True, slots=True)
class _Site:
    """One project's repository, its bare tree, and the Nix that builds it."""

    subject: Subject
    work: Path
    builds: ours.Subject
    nix: Mapping[str, str]
    nixpkgs: Path | None

    @property
    def persistent(self) -> bare.Tree:
        return bare.Tree(
            self.builds.repository, self.work / "bare" / "source", self.work / "bare" / "out"
        )

    def sources(self, commit: str) -> Path:
        """A folder with the files of a commit."""
        tree = bare.Tree(self.builds.repository, self.work / commit / "source", self.work)
        bare.check_out(tree, commit)
        return tree.folder

    @property
    def package(self) -> str:
        """The Nix function that makes the package of its sources."""
        return package(self.subject.phases, self.subject.needs, self.nixpkgs)

    def expression(self, way: str, base: Path, changed: Path) -> str:
        """What a way builds, in Nix."""
        sources = 'path: builtins.path { name = "source"; inherit path; }'
        theirs = "{ }" if self.nixpkgs is None else f"(import {self.nixpkgs} {{ }})"
        return f"""
            let
              package = {self.package};
              folder = {sources};
              base = package (folder {base});
              changed = package (folder {changed});
              library = import {LIBRARY} {{ }};
              theirs = {theirs}.checkpointBuildTools;
            in {way}"""


def package(
    phases: Mapping[str, str],
    needs: Sequence[str] = (),
    nixpkgs: Path | None = None,
) -> str:
    """A Nix function that makes a package of its sources, by these commands of the local engine.

    ``needs`` are packages of ``nixpkgs``, whose stdenv is used; None: our tests' own, with the
    host's tools.
    """
    whole = {
        f"{name}Phase": f"runHook pre{name.capitalize()}\n(\n{command}\n)\n"
        f"runHook post{name.capitalize()}"
        for name, command in phases.items()
    }
    whole.setdefault("configurePhase", ":")
    return f"""
        let
          nixpkgs = {"null" if nixpkgs is None else f"import {nixpkgs} {{ }}"};
          stdenv = if nixpkgs == null then import {STDENV} else nixpkgs.stdenv;
          named = name: if nixpkgs ? ${{name}} then [ nixpkgs.${{name}} ] else [ ];
        in src: stdenv.mkDerivation {{
          name = "measured-1";
          inherit src;
          nativeBuildInputs = builtins.concatMap named [ {" ".join(map(nix_string, needs))} ];
          prePhases = [ "surroundings" ];
          surroundings = "export TERM=dumb";
          {attributes(whole)}
        }}"""


def configure(subject: ours.Subject, made_by: str) -> None:
    """Write a ``ckpt.toml`` that no commit has, for the package that the Nix function makes."""
    expression = f"({made_by}) ./."
    (subject.repository / "ckpt.toml").write_text(
        f"[package.measured]\nexpr = '''{expression}'''\n"
    )
    ours.exclude_configuration(subject)


def nix(
    subjects: Sequence[Subject],
    cache: Path,
    work: Path,
    nixpkgs: Path | None,
    changes: int,
    say: Say,
) -> Iterator[Series]:
    """Time ``changes`` one-file commits of each project, in the folder ``work``.

    Raises ``MissingError`` without Nix and ``CkptError`` where something doesn't build.
    """
    with store(work / "nix", nixpkgs) as environment:
        for number, subject in enumerate(subjects):
            folder = work / str(number)
            folder.mkdir()
            builds = ours.Subject(folder / "repository", folder / "store")
            site = _Site(subject, folder, builds, environment, nixpkgs)
            yield _measure(site, _commits(site, cache, changes), say)


@contextmanager
def store(folder: Path, nixpkgs: Path | None) -> Iterator[Mapping[str, str]]:
    """The variables of a private store, or none, where the user's own is to be used.

    Raises ``MissingError`` without Nix.
    """
    if shutil.which("nix-build") is None:
        raise MissingError("Nix is not installed", "install it: apt install nix-bin")
    if nixpkgs is not None:
        yield {}
        return
    folder.mkdir()
    try:
        yield NixStore(folder).variables()
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)


def _commits(site: _Site, cache: Path, changes: int) -> list[str]:
    """The commit to start from and the edits after it."""
    repository = site.builds.repository
    if site.subject is _MADE:
        repository.mkdir()
        corpus.git(repository, "init", "--quiet", "--initial-branch=main")
        made.write(repository, made.c_files(2000, 50_000))
    else:
        origin = (site.subject.origin or corpus.repository(AWS_C, cache)).resolve()
        corpus.git(site.work, "clone", "--quiet", str(origin), str(repository))
    configure(site.builds, site.package)
    commits = []
    for number in range(changes + 1):
        if number:
            with (repository / site.subject.file).open("a") as file:
                # A store that has seen this run before would answer at once.
                file.write(f"\n{site.subject.line.format(n=number)} /* {time.time_ns()} */\n")
        corpus.git(repository, "add", "--all")
        corpus.git(repository, "commit", "--quiet", "--allow-empty", f"--message=edit {number}")
        commits.append(corpus.git(repository, "rev-parse", "HEAD"))
    return commits


def _measure(site: _Site, commits: list[str], say: Say) -> Series:
    base = site.sources(commits[0])
    ways = {
        PLAIN: "changed",
        LIBRARIES: "library.mkCheckpointedBuild changed (library.prepareCheckpointBuild base)",
    }
    _nix_build(site, site.expression("library.prepareCheckpointBuild base", base, base))
    missing = None
    if site.nixpkgs is not None:
        ways[THEIRS] = "theirs.mkCheckpointBuild changed (theirs.prepareCheckpointBuild base)"
        _nix_build(site, site.expression("theirs.prepareCheckpointBuild base", base, base))
    _bare(site, commits[0], first=True)
    _ours(site, commits[0])
    seconds: dict[str, list[float]] = {}
    runs: dict[str, list[int]] = {}

    def note(way: str, took: float, log: bytes) -> None:
        plain = _COLOUR.sub(b"", log)
        count = len(re.findall(site.subject.compiles.encode(), plain, re.MULTILINE))
        seconds.setdefault(way, []).append(took)
        runs.setdefault(way, []).append(count)
        say(f"{site.subject.name}: {way} {took:.2f} s, {count} compiled")

    for commit in commits[1:]:
        changed = site.sources(commit)
        note(BARE, *_bare(site, commit))
        for way, built in list(ways.items()):
            try:
                note(way, *_nix_build(site, site.expression(built, base, changed)))
            except CkptError as error:
                if way != THEIRS:
                    raise
                missing = str(error)
                del ways[THEIRS]
                seconds.pop(THEIRS, None)
        note(OURS, *_ours(site, commit))
    frozen = {way: tuple(times) for way, times in seconds.items()}
    return Series(site.subject.name, frozen, {w: tuple(n) for w, n in runs.items()}, missing)


def _bare(site: _Site, commit: str, *, first: bool = False) -> tuple[float, bytes]:
    """In a tree that is configured already a person runs the build alone."""
    bare.check_out(site.persistent, commit)
    phases = dict(site.subject.phases)
    if not first:
        phases.pop("configure", None)
    done = bare.build(site.persistent, phases)
    if not done.passed:
        raise CkptError(f"{site.subject.name} doesn't build", f"see {site.persistent.folder}")
    return done.seconds, done.log


def _nix_build(site: _Site, expression: str) -> tuple[float, bytes]:
    for _ in range(_TRIES):
        began = time.perf_counter()
        done = subprocess.run(
            ["nix-build", "--no-out-link", "-E", expression],
            env={**os.environ, **site.nix},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        took = time.perf_counter() - began
        if done.returncode == 0:
            return took, done.stderr
        if b"signal 9" not in done.stderr:
            break
    said = done.stderr.decode(errors="replace").strip().splitlines()[-20:]
    raise CkptError(f"nix-build of {site.subject.name} failed: {' | '.join(said)}")


def _ours(site: _Site, commit: str) -> tuple[float, bytes]:
    result = ours.call(site.builds, "build", commit, variables=site.nix)
    if not result.passed:
        raise CkptError(f"git ckpt build of {commit[:10]} failed", f"see {result.log}")
    return result.wall, result.log.read_bytes()
