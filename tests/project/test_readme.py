"""What the README says is so: commands, options, keys, variables, and the walk through them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from ckpt_git.cli.app import make_app
from ckpt_git.model.config import ckpt_toml
from ckpt_git.model.config.ckpt_toml import NIX_SETTINGS, PACKAGE_KEYS, TOP_KEYS
from ckpt_git.model.config.push_policy import PUSH_KEYS
from ckpt_git.model.record import Base, Record, Seconds
from tests.support import GitRepo

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text()
_COMMANDS = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]

_MAKEFILE = """\
PREFIX ?= /usr/local
hello: hello.c
\tcc -o $@ $<
install: hello
\tmkdir -p $(PREFIX)/bin
\tcp hello $(PREFIX)/bin
"""
_HELLO = '#include <stdio.h>\nint main(void) { puts("one"); }\n'


def _section(title: str) -> str:
    """The text below a heading, up to the next one of its rank or above."""
    rank = re.search(rf"^(#+) {re.escape(title)}$", _README, re.MULTILINE)
    assert rank, title
    rest = _README[rank.end() :]
    end = re.search(rf"^#{{1,{len(rank[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _first_cells(text: str) -> list[str]:
    """The code in the first cell of each row of a table."""
    return [
        name for row in re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    ]  # fmt: skip


def test_its_table_has_every_command_and_no_other() -> None:
    told = {cell.split()[0] for cell in _first_cells(_section("Commands").split("exit code")[0])}
    assert told == {name for name, command in _COMMANDS.items() if not command.hidden}


def test_its_options_are_there() -> None:
    known = {
        option
        for command in _COMMANDS.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts, *command.get_help_option_names(
            typer.Context(command)))
    }  # fmt: skip
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", _section("Commands")))
    assert told
    assert told <= known


def test_every_command_that_it_shows_is_there() -> None:
    shown = set(re.findall(r"git ckpt ([a-z][a-z-]+)", _README))
    assert shown
    assert shown <= set(_COMMANDS)


def test_its_configuration_is_one_and_has_every_key() -> None:
    (text,) = _blocks(_section("ckpt.toml"), "toml")
    config = ckpt_toml.parse(text)
    assert [package.engine for package in config.packages.values()] == ["auto", "nix"]
    told = set(re.findall(r"(?:^|# or )(\w+) +=", text, re.MULTILINE))
    told |= set(re.findall(r"^\[(?:package\.\w+\.)?(\w+)\]", text, re.MULTILINE))
    assert told == {*PACKAGE_KEYS, *NIX_SETTINGS, *TOP_KEYS, *PUSH_KEYS} - {"package"}


def test_its_table_has_the_keys_of_a_result() -> None:
    values: dict[str, Any] = {field.name: None for field in fields(Record)}
    values |= {"checkpoint": Base(None, "", 1), "changes": {}, "seconds": Seconds()}
    record = Record(**values)
    table = _section("Commands").split("`build --json`")[1]
    assert set(_first_cells(table)) == set(record.result())
    for part in ("seconds", "checkpoint"):
        assert set(re.findall(r'"(\w+)"', _row(table, part))) == set(record.result()[part])


def _row(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if line.startswith(f"| `{name}`"))


def test_its_variables_are_those_that_the_program_reads() -> None:
    told = {name for name in _first_cells(_section("Environment")) if name.startswith("CKPT_")}
    sources = [*(_ROOT / "ckpt_git").rglob("*.py"), *(_ROOT / "hooks").glob("*.sh")]
    read = {
        name for source in sources for name in re.findall(r"\bCKPT_[A-Z_]+\b", source.read_text())
    }
    assert told
    assert told <= read
    assert read - told <= {"CKPT_IN_HOOK"}  # the hook's word to itself


def test_its_make_targets_are_there() -> None:
    targets = set(re.findall(r"^(\w+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = set(re.findall(r"^make (\w+)", "\n".join(_blocks(_README, "sh")), re.MULTILINE))
    assert {"demo", "test"} <= shown <= targets


def test_its_walk_through_an_own_repository_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = GitRepo.init(tmp_path / "hello")
    repo.commit("start", {"Makefile": _MAKEFILE, "hello.c": _HELLO, ".gitignore": "/hello\n"})
    monkeypatch.setenv("PATH", f"{_program_on_path(tmp_path)}:{os.environ['PATH']}")
    first, then = _blocks(_section("In a repository of your own"), "sh")[-2:]
    for line in _commands(first):
        _run(repo, line)
    assert _run(repo, "git ckpt run -- hello") == "one\n"

    repo.write("hello.c", _HELLO.replace("one", "two"))
    for line in _commands(then):
        said = _run(repo, line.replace("PROGRAM", "hello"))
    assert said == "two\n"


def _program_on_path(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "git-ckpt"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m ckpt_git "$@"\n')
    program.chmod(0o755)
    return folder


def _commands(block: str) -> list[str]:
    lines = [line.split(" #")[0].strip() for line in block.splitlines()]
    assert all(line.startswith("git ") for line in lines)
    return lines


def _run(repo: GitRepo, line: str) -> str:
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=repo.path,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout
