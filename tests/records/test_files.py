"""A file that is kept is read as it was written, or counts as damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_git.records.files import publish_json, read_json

_VALUE = {"seconds": 1234, "text": "words", "list": [1, 2]}


def _read(path: Path) -> tuple[object, list[Path]]:
    gone: list[Path] = []
    return read_json(path, dict, gone.append), gone


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file.json"
    publish_json(file, _VALUE)
    assert _read(file) == (_VALUE, [])


@pytest.mark.parametrize(
    ("old", "new"), [(b"1234", b"1235"), (b"words", b"wordz"), (b"[1,2]", b"[2,1]")]
)
def test_another_value_in_right_json_is_damage(tmp_path: Path, old: bytes, new: bytes) -> None:
    file = tmp_path / "file.json"
    publish_json(file, _VALUE)
    content = file.read_bytes()
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))
    assert _read(file) == (None, [file])
