"""The recording shows what the commands print today."""

from __future__ import annotations

import pytest

from tools.recording import RECORDING, drawn, lines_of, play


@pytest.mark.slow
def test_the_recording_is_of_this_program() -> None:
    assert lines_of(RECORDING.read_text()) == lines_of(drawn(play())), "run `make recording`"
