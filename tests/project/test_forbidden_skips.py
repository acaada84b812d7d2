"""With ``CKPT_FORBID_SKIPS`` set a skip is a failure, but for two kinds that say so themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_OWN, _OTHER = (
    ("needs root", "needs an ordinary user")
    if os.geteuid() == 0
    else ("needs an ordinary user", "needs root")
)
_MARKED = """
import pytest

@pytest.mark.skipif(True, reason={reason!r})
def test_marked():
    pass
"""
_CALLED = """
import pytest

def test_called():
    pytest.skip({reason!r})
"""
_MODULE = """
import pytest

pytest.skip({reason!r}, allow_module_level=True)
"""


def _run(folder: Path, text: str, *, forbid: bool) -> subprocess.CompletedProcess[str]:
    shutil.copy(_ROOT / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(text)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if forbid:
        env["CKPT_FORBID_SKIPS"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("text", [_MARKED, _CALLED, _MODULE])
def test_a_skip_is_a_failure_that_tells_its_reason(tmp_path: Path, text: str) -> None:
    text = text.format(reason="needs an anvil")
    done = _run(tmp_path, text, forbid=True)
    assert done.returncode != 0
    assert "needs an anvil" in done.stdout
    assert _run(tmp_path, text, forbid=False).returncode in {0, 5}  # 5: nothing was run


@pytest.mark.parametrize("text", [_MARKED, _CALLED])
def test_only_a_skip_for_the_other_user_is_forgiven(tmp_path: Path, text: str) -> None:
    assert _run(tmp_path, text.format(reason=f"{_OTHER} to mount"), forbid=True).returncode == 0
    assert _run(tmp_path, text.format(reason=f"{_OWN} to mount"), forbid=True).returncode != 0


def test_what_has_to_be_asked_for_is_forgiven(tmp_path: Path) -> None:
    text = _MARKED.format(reason="CKPT_MATRIX=full asks for it")
    assert _run(tmp_path, text, forbid=True).returncode == 0
    lacking = _MARKED.format(reason="CKPT_MATRIX is not set")
    assert _run(tmp_path, lacking, forbid=True).returncode != 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    text = "import pytest\n\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"
    assert _run(tmp_path, text, forbid=True).returncode == 0
