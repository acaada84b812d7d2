"""Locks: between processes, and never stale."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ckpt_git.model.errors import StoreError
from ckpt_git.records.lock import exclusive

_HOLD = """
import subprocess, sys, time
from pathlib import Path
from ckpt_git.records.lock import exclusive
with exclusive(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    time.sleep(60)
"""


@contextmanager
def _another_holder(lock: Path) -> Iterator[tuple[int, int]]:
    """A process that holds the lock, and its child that doesn't."""
    command = [sys.executable, "-c", _HOLD, str(lock)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        try:
            yield holder.pid, child
        finally:
            os.kill(child, signal.SIGKILL)
            holder.kill()


def test_a_lock_that_is_taken_is_not_given_and_one_that_is_free_is(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "one"
    with exclusive(lock, wait=False) as first:
        assert first
        with exclusive(lock, wait=False) as second:
            assert not second
    with exclusive(lock, wait=False) as third:
        assert third


def test_a_lock_dies_with_its_holder_even_if_a_child_lives_on(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with _another_holder(lock) as (holder, child):
        with exclusive(lock, wait=False) as mine:
            assert not mine
        os.kill(holder, signal.SIGKILL)
        with exclusive(lock, wait=True) as mine:
            assert mine
            os.kill(child, 0)


def test_a_lock_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"), exclusive(tmp_path / "file" / "lock"):
        pass
