"""A project whose hook is installed, in folders with names that need quoting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.background.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Whatever a test left running is ended, and nothing of it may survive that."""
    project = Project.make(tmp_path / "it's a répo", tmp_path / "aside $x")
    yield project
    project.cancel()
    project.open_gate()  # for what a builder that was killed left behind
    project.wait_until_idle()
