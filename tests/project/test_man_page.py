"""The man page renders without a complaint and names what the program has."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from ckpt_git.cli.app import make_app
from ckpt_git.model.config.ckpt_toml import NIX_SETTINGS, PACKAGE_KEYS, TOP_KEYS
from ckpt_git.model.config.push_policy import PUSH_KEYS

_PAGE = Path(__file__).parents[2] / "man" / "git-ckpt.1"


@pytest.fixture(scope="module")
def rendered() -> str:
    """The page as people read it."""
    if shutil.which("man") is None:
        pytest.skip("needs man-db")
    done = subprocess.run(
        ["man", "--warnings", "--encoding=UTF-8", "--local-file", _PAGE],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return re.sub(".\b", "", done.stdout.decode())


def test_it_names_every_command(rendered: str) -> None:
    for name, command in typer.main.get_command(make_app()).commands.items():  # type: ignore[attr-defined]
        if not command.hidden:
            assert re.search(rf"^ +{name}\b", rendered, re.MULTILINE), name


def test_it_names_no_command_that_is_not_there(rendered: str) -> None:
    known = set(typer.main.get_command(make_app()).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"git ckpt ([a-z][a-z-]+)", rendered)) - {"command"} <= known
    told = set(
        re.findall(r"^     ([a-z]+)\b(?=$|  |, | \[| --)", _commands(rendered), re.MULTILINE)
    )
    assert told <= known


def test_it_names_every_key_of_the_configuration(rendered: str) -> None:
    for key in {*PACKAGE_KEYS, *NIX_SETTINGS, *TOP_KEYS, *PUSH_KEYS} - {"package"}:
        assert re.search(rf"\b{key}\b", rendered), key


def _commands(rendered: str) -> str:
    return rendered[rendered.index("\nCOMMANDS") : rendered.index("\nOPTIONS")]
