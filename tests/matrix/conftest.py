"""Who builds, and how: ourselves and an ordinary user, in every sandbox."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import PROGRAMS
from tests.matrix.samples import Sample
from tests.matrix.site import Person, Setting, Site, UnableError

_CHECKOUT = Path(__file__).resolve().parents[2]
_NEEDED = ("make", "gcc", "cmake", "ninja")
_USER = "ckpt-matrix"

MakeSite = Callable[[Sample, str, str], Site]
Found = TypeVar("Found")


@pytest.fixture(scope="session")
def site(persons: dict[str, Person | str]) -> Iterator[MakeSite]:
    """Gives the site for (sample, person, sandbox), made once and restored each time.

    Skips, by name, what this machine can't: another user, a sandbox.
    """
    made: dict[tuple[str, str, str], Site | str] = {}
    with _open_folder("ckpt-matrix-") as folder:

        def site_for(sample: Sample, who: str, sandbox: str) -> Site:
            key = (sample.name, who, sandbox)
            if key not in made:
                setting = Setting(_or_skip(persons[who]), sandbox)
                try:
                    made[key] = Site.prepared(folder / "-".join(key), sample, setting)
                except UnableError as reason:
                    made[key] = str(reason)
            place = _or_skip(made[key])
            place.restore()
            return place

        yield site_for


@pytest.fixture(scope="session")
def persons() -> Iterator[dict[str, Person | str]]:
    """``self``, and an ordinary user ``other`` (made for the session) where we are root.

    A text in place of a person says why there is none.
    """
    ourselves = Person("self", sys.executable, str(_CHECKOUT), str(PROGRAMS))
    with _other_user() as other:
        yield {"self": ourselves, "other": other}


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """These tests build with make and with CMake and Ninja; without them there is nothing."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"the samples need {', '.join(missing)}")


def _or_skip(found: Found | str) -> Found:
    if isinstance(found, str):
        pytest.skip(found)
    return found


@contextmanager
def _other_user() -> Iterator[Person | str]:
    if os.geteuid() != 0:
        yield "needs root, who can be another user"
        return
    name = f"{_USER}-{os.getpid()}"
    subprocess.run(
        ["useradd", "--no-create-home", "--home-dir", "/nonexistent", name],
        check=True, capture_output=True,
    )  # fmt: skip
    try:
        with _open_folder("ckpt-matrix-python-") as folder:
            ids = (_id("-u", name), _id("-g", name))
            (folder / "programs").mkdir()
            os.chown(folder / "programs", *ids)
            yield _with_python(name, ids, folder)
    finally:
        subprocess.run(["userdel", name], check=False, capture_output=True)


def _id(option: str, name: str) -> int:
    done = subprocess.run(["id", option, name], check=True, capture_output=True)
    return int(done.stdout)


def _with_python(name: str, ids: tuple[int, int], folder: Path) -> Person | str:
    """The user with an interpreter and packages that they can read.

    Ours may lie in a home that is closed to them: then another interpreter of this machine runs
    a copy of the program, and of the packages, in ``folder``.
    """
    in_place = os.pathsep.join([str(_CHECKOUT), *map(str, _packages())])
    for path in (in_place, _copied(folder)):
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            person = Person(name, python, path, str(folder / "programs"), ids)
            if _works(person):
                return person
    return "no Python of at least 3.11 that an ordinary user can run"


def _works(person: Person) -> bool:
    check = "import sys, ckpt_git, git, typer; sys.exit(sys.version_info < (3, 11))"
    try:
        done = person.run([person.python, "-c", check], cwd=Path("/"), env=person.environment)
    except OSError:
        return False
    return done.returncode == 0


def _copied(folder: Path) -> str:
    for package in ("ckpt_git", "hooks"):
        shutil.copytree(_CHECKOUT / package, folder / package, dirs_exist_ok=True)
    # All of them: what they need in turn lies beside them. Big ones that aren't part of it stay.
    big = shutil.ignore_patterns("mypy*", "ruff*", "pip", "hypothesis", "_pytest", "*.so")
    for packages in _packages():
        shutil.copytree(packages, folder / "packages", ignore=big, dirs_exist_ok=True)
    return os.pathsep.join([str(folder), str(folder / "packages")])


def _packages() -> list[Path]:
    """The folders that our dependencies are installed in."""
    found = (importlib.util.find_spec(name) for name in ("git", "typer"))
    return sorted({Path(spec.origin).parents[1] for spec in found if spec and spec.origin})


@contextmanager
def _open_folder(prefix: str) -> Iterator[Path]:
    """A folder that everybody can reach."""
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        Path(name).chmod(0o755)
        yield Path(name)
