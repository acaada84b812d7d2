"""Who builds: ourselves, and where we are root an ordinary user who was made for the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ckpt_git.model.record import Record
from tests.engines.project import CHECKOUT, Project
from tests.support import GitRepo

_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable)
_OLDEST = (3, 11)

# Needs nothing but the standard library: what we depend on may be installed where only we can
# read it.
_BUILD = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from ckpt_git.builds.build import build_package
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.builds.context import Context
from ckpt_git.model.errors import CkptError
try:
    context = Context.open()
    target = context.repo.target(sys.argv[2])
    (package,) = context.config(target.tree).packages.values()
    options = BuildOptions(clean=sys.argv[3] == "clean", rebuild=True)
    record = build_package(context, package, target, options, lambda name, event: None)
except CkptError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
print(json.dumps(record.to_json()))
"""


@dataclass(frozen=True)
class Person:
    """Somebody who builds, in ``room``. ``ids`` (user, group) is None for ourselves."""

    room: Path
    python: str
    ids: tuple[int, int] | None = None

    def project(self, name: str, **variables: str) -> Project:
        """An empty repository of theirs, with a store beside it."""
        folder = self.room / name
        return Project(
            GitRepo.init(folder / "repository"),
            {"CKPT_STORE": str(folder / "store"), "HOME": str(folder), **variables},
        )

    def own(self, folder: Path) -> None:
        """Give ``folder`` and all below it to them."""
        if self.ids is not None:
            subprocess.run(["chown", "-hR", "{}:{}".format(*self.ids), folder], check=True)

    def build(self, project: Project, target: str = "worktree", *, clean: bool = False) -> Record:
        """What they get who build ``target``; it must be a record."""
        return record_of(self.tries(project, target, clean=clean))

    def tries(
        self,
        project: Project,
        target: str = "worktree",
        *,
        clean: bool = False,
        umask: int = 0o022,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """The same, however it ends: the record as JSON, or one line and an exit code."""
        self.own(project.repo.path.parent)
        user, group = self.ids if self.ids is not None else (None, None)
        return subprocess.run(
            [self.python, "-I", "-c", _BUILD, self.room, target, "clean" if clean else ""],
            cwd=project.repo.path,
            env={**project.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            user=user,
            group=group,
            extra_groups=None if self.ids is None else [],
            umask=umask,
        )


@contextmanager
def a_room() -> Iterator[Path]:
    """A folder that everybody can reach, with a copy of the program."""
    with tempfile.TemporaryDirectory(prefix="ckpt-engines-") as name:
        room = Path(name)
        room.chmod(0o755)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / "ckpt_git", room / "ckpt_git", ignore=ignored)
        yield room


@contextmanager
def an_ordinary_user(room: Path) -> Iterator[Person | str]:
    """A new user of this machine; a text in place of one says why there is none."""
    if os.geteuid() != 0:
        yield "needs root, to build as another user"
        return
    if shutil.which("useradd") is None:
        yield "there is no useradd to make an ordinary user with"
        return
    name = f"ckpt-engines-{os.getpid()}"
    subprocess.run(
        ["useradd", "--no-create-home", "--home-dir", "/nonexistent", name],
        check=True,
        capture_output=True,
    )
    try:
        ids = _id(name, "-u"), _id(name, "-g")
        python = next((p for p in _SYSTEM_PYTHONS if _can_run(p, ids)), None)
        if python is None:
            yield "there is no Python that an ordinary user can run"
        else:
            yield Person(room, python, ids)
    finally:
        subprocess.run(["userdel", name], check=False, capture_output=True)


def _id(name: str, option: str) -> int:
    return int(subprocess.run(["id", option, name], check=True, capture_output=True).stdout)


def _can_run(python: str, ids: tuple[int, int]) -> bool:
    test = f"import sys; sys.exit(sys.version_info < {_OLDEST})"
    try:
        done = subprocess.run(
            [python, "-I", "-c", test], check=False, user=ids[0], group=ids[1], extra_groups=[]
        )
    except OSError:
        return False
    return done.returncode == 0


def record_of(done: subprocess.CompletedProcess[bytes]) -> Record:
    """The record that a build of another process ended with."""
    assert done.returncode == 0, done.stderr.decode()
    return Record.from_json(json.loads(done.stdout))


def installed(record: Record, name: str) -> Path:
    """A file of the build's output. The build must have passed."""
    assert record.passed, Path(record.log).read_text(errors="replace")
    return record.output / name
