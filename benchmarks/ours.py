"""`git ckpt` as a user calls it: its command line, and what it prints as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.corpus import GIT_ENVIRONMENT
from ckpt_git.model.errors import CkptError
from ckpt_git.process import run

_CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Subject:
    """A repository to build with `git ckpt`, and the store of this run alone."""

    repository: Path
    store: Path


@dataclass(frozen=True, slots=True)
class Result:
    """What `git ckpt build --json` or `verify --json` says of one package.

    ``wall`` is the whole command's seconds, Python's start included. ``base`` is the commit of
    the checkpoint; ``identical`` is None where nothing was compared. ``compiled`` and ``ran``, of
    commands, are None where they aren't known.
    """

    passed: bool
    base: str | None
    why_clean: str | None
    log: Path
    wall: float
    identical: bool | None
    differences: tuple[str, ...]
    out: Path | None
    compiled: int | None
    ran: int | None
    answered: int

    @classmethod
    def parse(cls, data: Mapping[str, Any], wall: float) -> Result:
        """Raises ``KeyError`` where ``data`` isn't of the form that docs/reference/json.md has."""
        return cls(
            passed=data["outcome"] == "passed",
            base=None if data["checkpoint"] is None else data["checkpoint"]["commit"],
            why_clean=data["why_clean"],
            log=Path(data["log"]),
            wall=wall,
            identical=data.get("identical"),
            differences=tuple(data.get("differences", ())),
            out=None if data["out"] is None else Path(data["out"]),
            compiled=data["compiled"],
            ran=data["commands"]["ran"],
            answered=data["commands"]["answered"],
        )


def configure(
    subject: Subject, name: str, recipe: Mapping[str, Any], *, trace: bool = True
) -> None:
    """Write a ``ckpt.toml`` that no commit has, as of a user who keeps theirs to themselves."""
    text = f"trace = {_toml(trace)}\n{package(name, recipe)}"
    (subject.repository / "ckpt.toml").write_text(text)
    exclude_configuration(subject)


def package(name: str, recipe: Mapping[str, Any]) -> str:
    """The package's table in ``ckpt.toml``."""
    lines = (f"{key} = {_toml(value)}\n" for key, value in recipe.items())
    return "".join([f"[package.{_toml(name)}]\n", *lines])


def _toml(value: object) -> str:
    """A string, a number, a list or a table of these: but for tables as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def initialise(subject: Subject) -> Mapping[str, Any]:
    """The recipe of the package that `git ckpt init` finds, the first of several.

    Raises ``CkptError`` where it finds none.
    """
    (subject.repository / "ckpt.toml").unlink(missing_ok=True)
    done = run(_command("init"), cwd=subject.repository, env=environment(subject), ok=range(256))
    try:
        text = (subject.repository / "ckpt.toml").read_text()
    except FileNotFoundError as error:
        said = done.stderr.decode(errors="replace").strip()
        raise CkptError(f"`git ckpt init` wrote no recipe: {said}") from error
    found: Mapping[str, Any] = next(iter(tomllib.loads(text)["package"].values()))
    return found


def exclude_configuration(subject: Subject) -> None:
    """Have git take no notice of ``ckpt.toml``."""
    (subject.repository / ".git" / "info").mkdir(exist_ok=True)
    (subject.repository / ".git" / "info" / "exclude").write_text("/ckpt.toml\n")


def environment(subject: Subject) -> dict[str, str]:
    """The variables that let a command find this checkout's program and this run's store. Its
    modules are kept compiled, as those of an installed program are."""
    path = [str(_CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **GIT_ENVIRONMENT,
        "CKPT_STORE": str(subject.store),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ckpt_git", *arguments]


def call(subject: Subject, *arguments: str, variables: Mapping[str, str] | None = None) -> Result:
    """Run `git ckpt` with ``arguments`` and ``--json`` and read its one result. ``variables`` are
    set for it besides those of ``environment``.

    Raises ``CkptError`` where it printed no result.
    """
    found, wall = document(subject, *arguments, "--json", variables=variables)
    try:
        return Result.parse(found["results"][0], wall)
    except LookupError as error:
        called = " ".join(["git ckpt", *arguments])
        raise CkptError(f"`{called}` gave no result: {found}") from error


def document(
    subject: Subject, *arguments: str, variables: Mapping[str, str] | None = None
) -> tuple[Any, float]:
    """The document that `git ckpt ARGUMENTS` prints, which ask for one, and the seconds it took.

    Raises ``CkptError`` where it printed none.
    """
    start = time.perf_counter()
    done = run(
        _command(*arguments),
        cwd=subject.repository,
        env={**environment(subject), **(variables or {})},
        ok=(0, 1),
    )
    wall = time.perf_counter() - start
    try:
        return json.loads(done.stdout), wall
    except ValueError as error:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        called = " ".join(["git ckpt", *arguments])
        raise CkptError(f"`{called}` printed no document: {said[-400:]}") from error
