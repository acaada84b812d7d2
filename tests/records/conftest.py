"""A state in a folder of its own, and the values that are kept in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_git.records.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state whose folder doesn't exist yet."""
    return State(tmp_path / "repo" / ".git" / "ckpt")
