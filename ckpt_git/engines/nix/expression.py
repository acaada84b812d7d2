"""The expressions that Nix is given. Pure: texts from values."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from ckpt_git.model.config.nix_recipe import NixRecipe

EVALUATE = Path(__file__).with_name("evaluate.nix")
_FLAKE_OUTPUT = EVALUATE.with_name("flake-output.nix")
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')


def package(recipe: NixRecipe, tree: Path) -> str:
    """What ``evaluate.nix`` gives for a recipe in ``tree``; the working folder has to be that.

    The user's expression begins with the second line.
    """
    attr = parts(recipe.attr) if recipe.form == "file" else ()
    switch = "true" if recipe.overrides_source else "false"
    return (
        f"import {path(EVALUATE)} {{ recipe = (\n{_value(recipe, tree)}\n); "
        f"attr = {_list(attr)}; overridesSource = {switch}; }}"
    )


def string(text: str) -> str:
    """``text`` as a Nix string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def path(given: Path) -> str:
    """An absolute path as a Nix path, whatever characters are in it."""
    return f"(/. + {string(str(given))})"


def added(folder: Path) -> str:
    """The store path that a folder has as a source; evaluating it adds it."""
    return f'(builtins.path {{ path = {path(folder)}; name = "source"; }})'


def store_path(there: str) -> str:
    """A store path that is there."""
    return f"(builtins.storePath {string(there)})"


def _value(recipe: NixRecipe, tree: Path) -> str:
    if recipe.form == "file":
        return f"import (./. + {string('/' + recipe.text)})"
    if recipe.form == "flake":
        folder, _, name = recipe.text.partition("#")
        below = "" if folder == "." else f"?dir={quote(folder)}"
        flake = string(f"path:{quote(str(tree))}{below}")
        return f"import {path(_FLAKE_OUTPUT)} (builtins.getFlake {flake}) {_list(parts(name))}"
    return recipe.text


def _list(names: tuple[str, ...]) -> str:
    return f"[ {' '.join(map(string, names))} ]"


def parts(attr: str) -> tuple[str, ...]:
    """The names in an attribute path; one with dots in it stands in double quotes."""
    return tuple(quoted or plain for quoted, plain in _PART.findall(attr))
