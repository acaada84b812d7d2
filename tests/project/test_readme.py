"""What the README says is so: its length, commands, figures, and the walk through them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import typer

from ckpt_git.cli.app import make_app
from tests.project.documents import DOCS, DOCUMENTS, ROOT, blocks, program_on_path, section
from tests.support import GitRepo

_README = ROOT / "README.md"
_COMMANDS = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
_WORDS = 700
_SCREEN = 40  # lines

_MAKEFILE = """\
PREFIX ?= /usr/local
hello: hello.c
\tcc -o $@ $<
install: hello
\tmkdir -p $(PREFIX)/bin
\tcp hello $(PREFIX)/bin
"""
_HELLO = '#include <stdio.h>\nint main(void) { puts("one"); }\n'


def test_it_is_short() -> None:
    text = _README.read_text()
    assert len(text.split()) <= _WORDS
    before = text[: text.index("```sh")]
    assert before.count("\n") < _SCREEN


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_shows_is_there(path: Path) -> None:
    shown = set(re.findall(r"git ckpt ([a-z][a-z-]+)", path.read_text()))
    assert shown <= {*_COMMANDS, "hook"}


def test_its_figures_are_those_that_were_measured() -> None:
    text = " ".join(section(_README, "Three figures").split())
    measured = (DOCS / "measured.md").read_text()
    row = re.search(r"^\| all \|  \|(.*)\|$", measured, re.MULTILINE)
    assert row
    commits, identical, clean, bare, ours, _ = (float(cell) for cell in row[1].split("|"))
    histories = len(re.findall(r"^\| [\w-]+ \| [^|]+ \| \d+ \| \d+ \|", measured, re.MULTILINE))
    assert commits == identical
    assert f"{commits:.0f} consecutive commits from {histories} histories" in text
    assert f"All {identical:.0f} results were identical" in text
    assert f"took {ours:.0f} s in sum, {ours / bare:.2f} times the {bare:.0f} s of bare" in text
    assert f"Clean builds took {clean:.0f} s." in text


def test_make_targets_of_documents_are_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = (_README, ROOT / "CONTRIBUTING.md")
    shown = {name for path in documents for name in re.findall(r"\bmake (\w+)`", path.read_text())}
    assert "demo" in shown
    assert shown <= targets


def test_its_walk_through_an_own_repository_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = GitRepo.init(tmp_path / "hello")
    repo.commit("start", {"Makefile": _MAKEFILE, "hello.c": _HELLO, ".gitignore": "/hello\n"})
    monkeypatch.setenv("PATH", f"{program_on_path(tmp_path / 'bin')}:{os.environ['PATH']}")
    first, then = [text for _, text in blocks(_README)][-2:]
    for line in _commands(first):
        _run(repo, line)
    assert _run(repo, "git ckpt run -- hello") == "one\n"

    repo.write("hello.c", _HELLO.replace("one", "two"))
    for line in _commands(then):
        said = _run(repo, line.replace("PROGRAM", "hello"))
    assert said == "two\n"


def _commands(block: str) -> list[str]:
    lines = [line.split(" #")[0].strip() for line in block.splitlines()]
    assert all(line.startswith("git ") for line in lines)
    return lines


def _run(repo: GitRepo, line: str) -> str:
    done = subprocess.run(
        ["sh", "-c", line], cwd=repo.path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout
