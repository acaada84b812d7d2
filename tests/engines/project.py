"""A repository with a ``ckpt.toml``, and its builds as the program makes them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ckpt_git.builds.build import build_package
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.engines.local.store.entries import MEMORY, Entry
from ckpt_git.engines.local.store.store import Store
from ckpt_git.engines.protocol import Event
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.record import Record
from ckpt_git.records import checkpoints
from ckpt_git.watch.session import Report
from tests.support import GitRepo

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = "it"


@dataclass(frozen=True)
class Project:
    """A repository at ``repo`` with one package. ``variables`` are set for its builds alone."""

    repo: GitRepo
    variables: Mapping[str, str] = field(default_factory=dict)

    def setting(self, **variables: str) -> Project:
        """The same repository, built with further variables (``CKPT_SANDBOX``, …) set."""
        return replace(self, variables={**self.variables, **variables})

    def toml(self, build: str, *, install: str = "cp -R . $out/", **keys: str) -> None:
        """Write ``ckpt.toml``: commands, and other ``keys`` with values in TOML's own form."""
        lines = [f"[package.{NAME}]", f"build = {toml_string(build)}"]
        if install:
            lines.append(f"install = {toml_string(install)}")
        lines += [f"{key} = {value}" for key, value in keys.items()]
        self.repo.write("ckpt.toml", "\n".join(lines) + "\n")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}

    def context(self) -> Context:
        """As a new run of the program has it: nothing is known from the build before."""
        return Context.open(self.repo.path, self.environment)

    def build(
        self, target: str = "worktree", *, clean: bool = False, rebuild: bool = False
    ) -> Record:
        """Build the one package of ``target``."""
        return self.heard(target, clean=clean, rebuild=rebuild)[0]

    def heard(
        self, target: str = "worktree", *, clean: bool = False, rebuild: bool = False
    ) -> tuple[Record, list[Event]]:
        """The same, with what was told meanwhile."""
        context, events = self.context(), list[Event]()
        tree = context.repo.target(target)
        (package,) = context.config(tree.tree).packages.values()
        options = BuildOptions(clean=clean, rebuild=rebuild)
        record = build_package(
            context, package, tree, options, lambda _, event: events.append(event)
        )
        return record, events

    def passes(self, target: str = "worktree", *, clean: bool = False) -> Record:
        """A build that must pass; from the checkpoint if there is one that can be used."""
        record = self.build(target, clean=clean, rebuild=not clean)
        assert record.passed, log(record)
        return record

    def from_checkpoint(self, target: str = "worktree") -> Record:
        """A build that must pass, and must have started from a checkpoint."""
        record = self.passes(target)
        assert record.checkpoint is not None, record.why_clean
        return record

    def as_clean(self, target: str = "worktree") -> Record:
        """A build from a checkpoint, of which the output must be what a clean build gives."""
        record = self.from_checkpoint(target)
        assert snapshot(record.output) == snapshot(self.passes(target, clean=True).output)
        return record

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
        """Start `git ckpt ARGUMENTS` as a process of its own."""
        path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return] # options of Popen
            [sys.executable, "-m", "ckpt_git", *arguments],
            cwd=self.repo.path,
            env={**self.environment, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Code, stdout and stderr of `git ckpt ARGUMENTS`."""
        process = self.start(*arguments)
        said, warned = process.communicate(timeout=120)
        return process.returncode, os.fsdecode(said), os.fsdecode(warned)

    @property
    def store(self) -> Store:
        return Store(Path(self.environment["CKPT_STORE"]))

    def checkpoints(self) -> list[Checkpoint]:
        """What the package can be started from, newest first."""
        return checkpoints.listed(self.context().state, NAME)

    def entry(self, number: int = 0) -> Entry:
        """What the store has of the newest checkpoint, or of the one ``number`` before it."""
        entry = self.store.entry(self.checkpoints()[number].id)
        assert entry is not None
        return entry

    def made(self, record: Record) -> list[str]:
        """The files that a build's commands made, those that were answered left out."""
        (checkpoint,) = [c for c in self.checkpoints() if c.id == record.left]
        report = self.report(checkpoint)
        assert report is not None
        return sorted(path for step in report.steps for path in step.made)

    def report(self, checkpoint: Checkpoint) -> Report | None:
        """Which commands the build that made ``checkpoint`` ran."""
        seen = self.context().engine().observations
        assert seen is not None
        return seen.report(checkpoint)

    def engine_damage(self) -> list[str | None]:
        """What the engine finds wrong with each checkpoint, newest first."""
        engine = self.context().engine()
        return [engine.artifacts.damage(checkpoint) for checkpoint in self.checkpoints()]

    def folder(self, number: int = 0) -> Path:
        """Where the store keeps it."""
        return self.store.entries / self.checkpoints()[number].id

    def memory(self, number: int = 0) -> Path:
        """The file that says what its build's commands made of what they saw."""
        return self.folder(number) / MEMORY


def toml_string(text: str) -> str:
    """``text`` as a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def toml_strings(*texts: str | Path) -> str:
    """``texts`` as an array of TOML."""
    return f"[{', '.join(toml_string(str(text)) for text in texts)}]"


def log(record: Record) -> str:
    """What the build printed."""
    return Path(record.log).read_bytes().decode(errors="replace")


def lines(record: Record) -> list[str]:
    return log(record).splitlines()


def python(text: str) -> str:
    """A shell command that runs ``text`` with the system's Python."""
    return f"python3 -c {shlex.quote(text)}"


Snapshot = dict[bytes, tuple[str, bytes]]


def snapshot(folder: Path) -> Snapshot:
    """All that is in a folder but dates: kind and mode, and content or target, by path."""
    found: Snapshot = {}
    for here, folders, files in os.walk(folder):
        for path in (Path(here, name) for name in (*folders, *files)):
            content = b""
            if path.is_symlink():
                content = os.fsencode(path.readlink())
            elif path.is_file():
                content = path.read_bytes()
            name = os.fsencode(path.relative_to(folder))
            found[name] = (oct(path.lstat().st_mode), content)
    return found
