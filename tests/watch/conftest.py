"""The watcher's programs, and projects that are built below them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.project import Programs, Project


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    folder = Path(tempfile.mkdtemp(prefix="w", dir="/tmp"))
    yield Programs.find(folder)
    shutil.rmtree(folder)


@pytest.fixture
def project(tmp_path: Path, programs: Programs) -> Project:
    return Project(tmp_path / "p", programs)


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``probe.c``'s programs: one that the library gets into, and two that it
    doesn't."""
    folder = tmp_path_factory.mktemp("probes")
    source = Path(__file__).with_name("probe.c")
    for name, compiler in PROBES.items():
        if shutil.which(compiler[0]) is not None:
            subprocess.run([*compiler, "-o", folder / name, source, "-pthread"], check=True)
    return folder


PROBES = {
    "dynamic": ("cc",),
    "static": ("cc", "-static"),
    "musl": ("musl-gcc", "-static"),
}


def give_probe(project: Project, probes: Path, name: str) -> None:
    if not (probes / name).exists():
        pytest.skip(f"{PROBES[name][0]} is not there")
    project.environment["probe"] = str(probes / name)


@pytest.fixture(params=PROBES)
def probing(request: pytest.FixtureRequest, project: Project, probes: Path) -> Project:
    """A project whose build finds ``probe.c``'s program as ``$probe``: each of them in turn."""
    give_probe(project, probes, request.param)
    return project


@pytest.fixture
def probed(project: Project, probes: Path) -> Project:
    """The same, with the dynamic one alone."""
    give_probe(project, probes, "dynamic")
    return project
