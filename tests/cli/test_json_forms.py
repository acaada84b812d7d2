"""``json_forms.json`` has the form of what each command prints with ``--json``: the keys in their
order, and what each may hold. So nothing changes the form unnoticed.

After a change that is wanted, ``CKPT_WRITE_FORMS=1`` has this test write the file; it belongs to
the commit. ``docs/reference/json.md`` and ``CHANGELOG.md`` tell people of the change.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperGroup

from ckpt_git.cli.app import make_app
from tests.cli.project import Project
from tests.support import eventually

_FORMS = Path(__file__).with_name("json_forms.json")
_WRITE = "CKPT_WRITE_FORMS" in os.environ

_EITHER = "either"
_ID = re.compile(r"[0-9a-f]{40}")
_PATH = re.compile(r"/\S+")
_NAMES = {bool: "bool", int: "integer", float: "number", type(None): "null"}


def _form(value: Any) -> Any:
    """A value's form: of an object its keys with the forms of what they hold, of a list that of its
    items, of all else the names of what it may be."""
    if isinstance(value, dict):
        return {key: _form(held) for key, held in value.items()}
    if isinstance(value, list):
        return [form] if (form := _merged([_form(item) for item in value])) is not None else []
    if isinstance(value, str):
        return "id" if _ID.fullmatch(value) else "path" if _PATH.fullmatch(value) else "text"
    return _NAMES[type(value)]


def _merged(forms: list[Any]) -> Any:
    """The form of what has one of these; None where there is none."""
    forms = [one for form in forms for one in _alternatives(form)]
    objects = [form for form in forms if isinstance(form, dict)]
    lists = [form for form in forms if isinstance(form, list)]
    names = sorted({name for form in forms if isinstance(form, str) for name in form.split("|")})
    either: list[Any] = ["|".join(names)] if names else []
    if objects:
        keys = list(dict.fromkeys(key for form in objects for key in form))
        held = {key: [form[key] for form in objects if key in form] for key in keys}
        always = [key for key in keys if len(held[key]) == len(objects)]
        either.append(
            {key if key in always else f"{key}?": _merged(found) for key, found in held.items()}
        )
    if lists:
        item = _merged([form for one in lists for form in one])
        either.append([] if item is None else [item])
    if len(either) > 1:
        return {_EITHER: either}
    return either[0] if either else None


def _alternatives(form: Any) -> list[Any]:
    if isinstance(form, dict) and form.keys() == {_EITHER}:
        return list(form[_EITHER])
    return [form]


def _runs(project: Project) -> dict[str, list[Any]]:
    """What each command prints of the same repository, by the command with its options."""
    found: dict[str, list[Any]] = {}

    def run(*words: str, code: int = 0) -> None:
        name = " ".join((words[0], *(word for word in words if word.startswith("--"))))
        done = project.ckpt(words[0], "--json", *words[1:], code=code)
        found.setdefault(name, []).append(done.json())

    commit = project.repo.commit
    run("status")
    run("build")  # from nothing
    run("prepare")
    run("trust", "--show")
    run("trust")
    run("trust", "--list")
    commit("second", {"src/greet.c": "int greet(int n, char **v) { return n - 1 + !v; }\n"})
    run("build")  # with a memory
    run("build")  # from its record
    run("verify")
    run("status")
    run("why", "--last")
    commit("third", {"src/greet.c": "int greet(int n, char **v) { return n + ; }\n"})
    run("build", code=1)
    run("verify", code=1)
    run("why", "src/greet.h")
    run("why", "src/main.c")
    run("why", "--last")
    run("bisect", "HEAD~2", "HEAD")
    commit("fourth", {"src/greet.c": "int greet(int n, char **v) { return n + 1 + !v; }\n"})
    run("replay", "HEAD~1..HEAD")
    run("rebase-checkpoint", "--dry-run")
    run("rebase-checkpoint")
    run("log")
    run("log", "--all")
    project.repo.write("greeting.txt", "hullo\n")
    run("build", "--background")
    eventually(lambda: project.ckpt("status", "--json").json()["running"] is None, "it ends", 60)
    run("status")
    run("gc", "--dry-run")
    run("gc")
    run("doctor")
    return found


def test_json_has_the_forms_that_are_written_down(project: Project) -> None:
    runs = _runs(project)
    assert {name.split()[0] for name in runs} == _commands_with_json()
    forms = {name: _merged([_form(one) for one in found]) for name, found in runs.items()}
    if _WRITE:
        _FORMS.write_text(json.dumps(forms, indent=1) + "\n")
    for name, expected in json.loads(_FORMS.read_text()).items():
        _assert_fits(forms.pop(name), expected, name)
    assert not forms


def _assert_fits(form: Any, expected: Any, where: str) -> None:
    """The same keys in the same order; of what a value may be, nothing that isn't expected."""
    if len(known := _alternatives(expected)) > 1:
        for one in _alternatives(form):
            fitting = [other for other in known if type(other) is type(one)]
            assert fitting, f"{where}: {one}"
            _assert_fits(one, fitting[0], where)
        return
    assert type(form) is type(expected), f"{where}: {form}, not {expected}"
    if isinstance(form, dict):
        assert [*form] == [*expected], where
        for key, held in form.items():
            _assert_fits(held, expected[key], f"{where} {key}")
    elif isinstance(form, list):
        for one in form:
            assert expected, f"{where}: something is in the list: {one}"
            _assert_fits(one, expected[0], f"{where} []")
    else:
        more = {*form.split("|")} - {*expected.split("|")}
        assert not more, f"{where}: {more}, not only {expected}"


def _commands_with_json() -> set[str]:
    group = typer.main.get_command(make_app())
    assert isinstance(group, TyperGroup)
    commands: Mapping[str, Any] = group.commands
    return {
        name
        for name, command in commands.items()
        if any("--json" in parameter.opts for parameter in command.params)
    }
