"""A build that is watched: recorded, then built again from nothing with answers from memory.

``ckpt-watch`` is run directly, without git and without a sandbox. Whatever is built again is
built a second time without it, from nothing: what is left and what was printed must be the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ckpt_git.watch.program import programs
from tests.conftest import PROGRAMS

SOCKET = 100
DATE = 1_700_000_000  # of all sources
OVERALL = ("/bin/sh", "-e", "-c")  # runs the build's command


def need(*programs: str) -> None:
    """Skip a test, by name, where one of the programs isn't there."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not there")


@dataclass(frozen=True)
class Programs:
    """Where the compiled programs lie. The one that answers has a short path: it is written over
    those of the programs that it stands for."""

    watch: Path
    library: Path
    answer: Path

    @classmethod
    def find(cls, folder: Path) -> Programs:
        """Those that all tests share, compiled where the sources changed; copied into
        ``folder``, which is empty and its owner's own."""
        names = ("ckpt-watch", "libsee.so", "@")
        for program, name in zip(programs(PROGRAMS.parent), names, strict=True):
            shutil.copy2(program, folder / name)
        return cls(*(folder / name for name in names))


@dataclass(frozen=True)
class Done:
    """What a build came to: ``files`` by path, as ``_describe`` has them."""

    code: int
    said: bytes
    files: Mapping[str, object]


@dataclass(frozen=True)
class Command:
    """A command that was executed, not answered."""

    arguments: tuple[str, ...]
    code: int
    missed_by: str | None
    not_remembered: str | None

    def __str__(self) -> str:
        """As in a shell, the program by its last name."""
        first, *rest = self.arguments
        return " ".join([first.rpartition("/")[2], *rest])


@dataclass
class Project:
    """Sources below ``top``/sources, built in ``top``/build by ``command``, a shell's script."""

    top: Path
    programs: Programs
    command: str = "true"
    environment: dict[str, str] = field(default_factory=dict)
    preloads: bool = True
    seed: str | None = None
    stdin: int = 0
    memories: list[Path] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("sources", "memory/objects"):
            (self.top / name).mkdir(parents=True)

    # --- sources ---

    def write(self, path: str, content: str | bytes = "", mode: int = 0o644) -> None:
        file = self._make_way(path)
        file.write_bytes(content if isinstance(content, bytes) else os.fsencode(content))
        file.chmod(mode)

    def link(self, path: str, target: str) -> None:
        self._make_way(path).symlink_to(target)

    def remove(self, path: str) -> None:
        file = self.top / "sources" / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)

    def _make_way(self, path: str) -> Path:
        """Whatever is at ``path``, or is a file above it, goes."""
        file = self.top / "sources" / path
        for above in Path(path).parents:
            if (self.top / "sources" / above).is_file():
                self.remove(str(above))
        self.remove(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    # --- building ---

    @property
    def folder(self) -> Path:
        """Where it is built: the same for each build."""
        return self.top / "build"

    def record(self) -> None:
        """Build it watched, with an empty memory, and see that watching changed nothing."""
        self.memories.clear()
        self.record_again()

    def record_again(self) -> None:
        """The same as ``record``, with the memory of the builds before."""
        self._compare(self.watched(answers=False), self._clean())

    def again(self) -> list[str]:
        """Build it from nothing with answers, see that it comes to what a clean build comes to,
        and give the commands that were executed, less the one that is the build itself."""
        self._compare(self.watched(answers=True), self._clean())
        return [str(command) for command in self.executed()]

    def executed(self) -> list[Command]:
        commands = [
            Command(
                tuple(step["arguments"]), step["code"], step["missed_by"], step["not_remembered"]
            )
            for step in self.report["steps"]
        ]
        return [one for one in commands if one.arguments[:3] != OVERALL]

    def reasons(self) -> dict[str, str | None]:
        """Why each command that was executed is not remembered."""
        return {str(command): command.not_remembered for command in self.executed()}

    def whole(self) -> Command | None:
        """The build itself, where it was executed."""
        for step in self.report["steps"]:
            if tuple(step["arguments"][:3]) == OVERALL:
                return Command(
                    tuple(step["arguments"]),
                    step["code"],
                    step["missed_by"],
                    step["not_remembered"],
                )
        return None

    def _compare(self, watched: Done, clean: Done) -> None:
        assert not self.report["failed"], self.report
        assert watched.code == clean.code, (watched.said, clean.said, self._told())
        assert watched.said == clean.said, self._told()
        different = [
            (path, watched.files.get(path), clean.files.get(path))
            for path in sorted(watched.files.keys() | clean.files.keys())
            if watched.files.get(path) != clean.files.get(path)
        ]
        assert not different, f"{different}\n{self._told()}"

    def _told(self) -> str:
        rows = [
            f"{step['number']} below {step['parent']}: {' '.join(step['arguments'])!r} "
            f"missed by {step['missed_by']!r}, not remembered: {step['not_remembered']!r}"
            for step in self.report["steps"]
        ]
        return "\n".join(["executed:", *rows])

    def _clean(self) -> Done:
        return self._run([*OVERALL, self.command], {}, ())

    def watched(self, *, answers: bool) -> Done:
        """Build it watched, and tell what came of it."""
        done = self._watched(answers=answers, databases=True)
        if self.report["database"] is None:
            return done
        self.memories.pop()
        return self._watched(answers=answers, databases=False)

    def _watched(self, *, answers: bool, databases: bool) -> Done:
        into = self.top / "memory" / str(len(self.memories))
        report = into.with_suffix(".json")
        for file in (into, report):
            file.unlink(missing_ok=True)
        self._lay_out()
        reading, writing = os.pipe()
        settings = self._settings(into, report, answers, databases)
        if os.fork() == 0:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(settings)
            os._exit(0)
        os.close(writing)
        watch = str(self.programs.watch)
        launch = [watch, "launch", str(SOCKET), *OVERALL, self.command]
        preload = {"LD_PRELOAD": str(self.programs.library)} if self.preloads else {}
        try:
            command = [watch, "watch", str(reading), str(SOCKET), *launch]
            done = self._run(command, preload, (reading,), lay_out=False)
        finally:
            os.close(reading)
            os.wait()
        assert report.exists(), done
        self.report = json.loads(report.read_bytes())
        self.memories.append(into)
        return done

    def _settings(self, into: Path, report: Path, answers: bool, databases: bool) -> bytes:
        root = self.folder
        links = [path for path in (root / "source").rglob("*") if path.is_symlink()]
        given: list[tuple[str, str | Path]] = [
            ("root", root),
            ("temporary", self.top / "temporary"),
            *(("link", link) for link in links),
            ("objects", self.top / "memory/objects"),
            *(("memory", memory) for memory in reversed(self.memories)),
            ("into", into),
            ("report", report),
            ("answer", self.programs.answer),
            ("answers", str(int(answers))),
            ("databases", str(int(databases))),
            *((("preload", self.programs.library),) if self.preloads else ()),
            *((("seed", self.seed),) if self.seed is not None else ()),
        ]
        return b"".join(os.fsencode(part) + b"\0" for pair in given for part in pair)

    def _lay_out(self) -> None:
        for name in ("build", "temporary"):
            shutil.rmtree(self.top / name, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "out").mkdir()
        (self.top / "temporary").mkdir()
        shutil.copytree(self.top / "sources", self.folder / "source", symlinks=True)
        for above, folders, files in os.walk(self.folder / "source"):
            for name in (".", *folders, *files):
                os.utime(Path(above, name), (DATE, DATE), follow_symlinks=False)

    def _run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int],
        *,
        lay_out: bool = True,
    ) -> Done:
        if lay_out:
            self._lay_out()
        done = subprocess.run(
            command,
            cwd=self.folder / "source",
            env={
                "PATH": os.defpath if "PATH" not in os.environ else "/usr/bin:/bin",
                "HOME": "/homeless",
                "TMPDIR": str(self.top / "temporary"),
                "out": str(self.folder / "out"),
                "LC_ALL": "C",
                **self.environment,
                **environment,
            },
            stdin=self.stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            timeout=100,
            check=False,
        )
        return Done(done.returncode, done.stdout, _describe(self.folder))


def _describe(root: Path) -> dict[str, object]:
    """All that is below ``root``: kind, mode, content or target, and the names that a file has."""
    found: dict[str, object] = {}
    names: dict[tuple[int, int], list[str]] = {}
    for above, folders, files in os.walk(root):
        for path in (Path(above, name) for name in (*folders, *files)):
            short = str(path.relative_to(root))
            state = path.lstat()
            mode = oct(state.st_mode)
            if path.is_symlink():
                found[short] = (mode, path.readlink())
            elif path.is_file():
                same = names.setdefault((state.st_dev, state.st_ino), [])
                same.append(short)
                found[short] = (mode, path.read_bytes(), same)
            else:
                found[short] = (mode,)
    for same in names.values():
        same.sort()
    return found
