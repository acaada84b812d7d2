"""A process that was started early for a run leaves nothing where no run comes of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from ckpt_git.engines.local.sandbox import runner
from ckpt_git.watch import program
from tests.conftest import PROGRAMS


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("is_watched", [False, True], ids=["unwatched", "watched"])
def test_a_process_that_gets_no_plan_is_ended(*, is_watched: bool) -> None:
    watcher = program.programs(PROGRAMS).watch if is_watched else None
    before = _descriptors()
    with suppress(KeyboardInterrupt), runner.started(watcher) as stage:
        assert stage.process.poll() is None
        raise KeyboardInterrupt
    assert stage.process.returncode is not None
    assert _descriptors() == before
