"""``python -m tools.reference`` writes the reference pages and the man page, made from the code.

Commands and options come from the command line itself, keys and defaults from the configuration's
values. ``tools.words`` has the sentences that no code says. A test compares the files with what
this makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from typer.core import TyperArgument, TyperCommand

from ckpt_git.cli.app import make_app
from ckpt_git.model.config.ckpt_toml import (
    COMMON_KEYS,
    ENGINES,
    LOCAL_KEYS,
    NIX_KEYS,
    NIX_SETTINGS,
    SHARED,
    TOP_KEYS,
)
from ckpt_git.model.config.nix_recipe import NixRecipe
from ckpt_git.model.config.packages import Config, Package
from ckpt_git.model.config.push_policy import PUSH_KEYS, PushPolicy
from tools import manual, words
from tools.markdown import table

ROOT = Path(__file__).parents[1]
_FOLDER = "docs/reference"
_LATE = {"NixRecipe": NixRecipe}  # what a module imports for type checkers alone
_MADE = "<!-- Made by `make reference` from the code and tools/words.toml: change those. -->\n\n"
_PANELS = {"Set up": "Setting up", "Build": "Building", "Look": "Looking at results"}
_SHARED_OPTIONS = {
    "--package, -p NAME": "this package only; may be repeated. All packages by default.",
    "--json": "one [JSON document](json.md) on standard output.",
    "--help, -h": "describes the command.",
}

_COMMANDS_HEAD = """\
# Commands

`git ckpt COMMAND -h` describes a command, and `git help ckpt` shows the man page.

TARGET is `worktree` (the default: the tracked files as they are now), `index`, or any revision.

These options mean the same everywhere:

"""
_COMMANDS_FOOT = """
## What the hooks call

`git ckpt hook EVENT` is what the git hooks call, and what
[another hook manager](../how-to/hook-managers.md) calls. `git ckpt hook -h` describes it.
"""
_CONFIGURATION_HEAD = """\
# Configuration

`ckpt.toml` lies at the repository's root. `git ckpt init` writes one. A build reads the file of the
tree that it builds. Where that tree has none, as an old commit, it reads the work tree's. An error
names the line.

```toml
EXAMPLE```

In patterns, `**` crosses folders. A pattern without a slash matches a name at any depth. One that
ends in a slash means all below that folder.
"""
_SHARED_FOOT = """
The last four may also stand in the table of a package, for that package alone.
"""
_LOCAL_FOOT = """
The commands run in a shell, one after the other.
"""
_NIX_FOOT = """
See [How to build with Nix](../how-to/nix.md).
"""
_NIX_HEAD = """\
These stand in a `[package.NAME.nix]`.

"""
_PUSH_HEAD = """\
These stand in `[push]`. The hook reads it from the tree that is pushed. `*` stands for anything,
slashes too. See [How to validate pushes](../how-to/push-gate.md).

"""
_SURROUNDINGS_FOOT = """
A build has no `.git`, no home folder, no network, and nothing on its standard input.
"""
_JSON_HEAD = """\
# JSON

With `--json` a command prints one document on standard output. It has `"version": 1` and the keys
below. Nothing else is printed there.

## A result

`build`, `prepare`, `verify` and `rebase-checkpoint` print `results`, a list with a result for each
package:

"""
_RECORD_HEAD = """
## A record

A record is a result with these keys as well:

"""
_EXIT_CODES_FOOT = """
`git ckpt run` ends as its program does: with 127 if the program isn't there, with 126 if it can't
be run.

The hooks that build in the background always end with 0.
"""
_SETTINGS_HEAD = """
## Git's configuration

Set these with `git config`, for a repository or with `--global` for all of yours.

"""


def main() -> None:
    """Write all of them."""
    for name, text in made().items():
        (ROOT / name).write_text(text)


def made() -> dict[str, str]:
    """Each file by its path below the root, with its text."""
    pages = {
        "commands": _commands(),
        "configuration": _configuration(),
        "json": _json(),
        "exit-codes": _exit_codes(),
        "environment": _environment(),
    }
    texts = {f"{_FOLDER}/{name}.md": _MADE + text for name, text in pages.items()}
    return {**texts, "man/git-ckpt.1": manual.page(commands(), configuration())}


# --- commands ----------------------------------------------------------------------------------


def commands() -> dict[str, list[TyperCommand]]:
    """The commands of each heading, as the command line itself lists them."""
    known = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
    shown = [command for command in known.values() if not command.hidden]
    _check("commands", words.COMMANDS, (command.name for command in shown))
    return {
        title: [command for command in shown if command.rich_help_panel == panel]
        for panel, title in _PANELS.items()
    }


def _commands() -> str:
    parts = [
        _COMMANDS_HEAD,
        table(("option", ""), ((f"`{name}`", text) for name, text in _SHARED_OPTIONS.items())),
    ]
    for title, some in commands().items():
        parts.append(f"\n## {title}\n")
        parts += map(_command, some)
    return "".join((*parts, _COMMANDS_FOOT))


def _command(command: TyperCommand) -> str:
    text = f"\n### `{usage(command)}`\n\n" + "\n\n".join(manual.said_of(command)) + "\n"
    own = [(f"`{names}`", says) for names, says in manual.options_of(command)]
    return text + (f"\n{table(('option', ''), own)}" if own else "")


def usage(command: TyperCommand) -> str:
    """How it is called, options left out."""
    arguments = [p for p in command.params if isinstance(p, TyperArgument)]
    shown = [str(argument.metavar or argument.name).upper() for argument in arguments]
    return " ".join(["git ckpt", str(command.name), *shown])


# --- configuration -----------------------------------------------------------------------------


def configuration() -> dict[str, dict[str, str]]:
    """The keys of each table, with what they mean."""
    top = {**words.TOP, **words.SHARED}
    package = {**words.PACKAGE, **words.SHARED}
    _check("keys at the top", top, TOP_KEYS)
    _check("keys of a package", package, (*COMMON_KEYS, *LOCAL_KEYS, *NIX_KEYS))
    _check("keys of nix", words.NIX, NIX_SETTINGS)
    _check("keys of push", words.PUSH, PUSH_KEYS)
    return {"top": top, "package": package, "nix": words.NIX, "push": words.PUSH}


def _configuration() -> str:
    keys = configuration()
    local = {key: keys["package"][key] for key in LOCAL_KEYS}
    common = {key: keys["package"][key] for key in COMMON_KEYS if key not in SHARED}
    nix = {key: keys["package"][key] for key in NIX_KEYS}
    example = (ROOT / "tools" / "example.toml").read_text()
    sections = {
        "": _CONFIGURATION_HEAD.replace("EXAMPLE", example),
        "## At the top": _keys(keys["top"], Config, Package) + _SHARED_FOOT,
        "## The table of a package": "For every package:\n\n" + _keys(common, Package),
        "### Built with commands": _keys(local, Package) + _LOCAL_FOOT,
        "### Built with Nix": _keys(nix, Package) + _NIX_FOOT,
        "## Settings for Nix": _NIX_HEAD + _keys(keys["nix"]),
        "## Pushes": _PUSH_HEAD + _keys(keys["push"], PushPolicy),
        "## The surroundings of a build": _named(words.SURROUNDINGS, "name") + _SURROUNDINGS_FOOT,
    }
    return "".join(f"\n{title}\n\n{text}" for title, text in sections.items()).lstrip("\n")


def _keys(keys: Mapping[str, str], *owners: type) -> str:
    rows = ((f"`{key}`", _kind(key, owners), _default(key, owners), keys[key]) for key in keys)
    return table(("key", "value", "default", "meaning"), rows)


def _kind(key: str, owners: Iterable[type]) -> str:
    if key == "engine":
        return ", ".join(f'`"{choice}"`' for choice in ENGINES)
    if key in words.KINDS:
        return words.KINDS[key]
    choices = next(
        c for owner in owners if (c := get_args(get_type_hints(owner, None, _LATE).get(key)))
    )
    return ", ".join(f'`"{choice}"`' for choice in choices)


def _default(key: str, owners: Iterable[type]) -> str:
    """What counts where the key is left out, as far as the value's own default says it."""
    if key == "engine":
        return f'`"{ENGINES[0]}"`'
    if key == "locks":
        return "the usual lock files"
    known = [field for owner in owners for field in fields(owner) if field.name == key]
    value = known[0].default if known else MISSING
    if value is MISSING or value is None or value == ():
        return ""
    return f"`{json.dumps(value)}`"


# --- the other pages ---------------------------------------------------------------------------


def _json() -> str:
    parts = [_JSON_HEAD, _named(words.RESULT), _RECORD_HEAD, _named(words.RECORD)]
    for name, (says, keys) in words.DOCUMENTS.items():
        parts.append(f"\n## `{name}`\n\n" + (f"{says}\n\n" if says else "") + _named(keys))
    return "".join(parts)


def _exit_codes() -> str:
    rows = ((str(code), says) for code, says in words.EXIT_CODES.items())
    return "# Exit codes\n\n" + table(("code", "meaning"), rows) + _EXIT_CODES_FOOT


def _environment() -> str:
    variables = _named(words.VARIABLES, "variable")
    return f"# Environment\n\n{variables}{_SETTINGS_HEAD}{_named(words.SETTINGS, 'setting')}"


def _named(texts: Mapping[str, str], what: str = "key") -> str:
    return table((what, "meaning"), ((f"`{name}`", says) for name, says in texts.items()))


def _check(what: str, told: Mapping[str, Any], known: Iterable[str | None]) -> None:
    """Raises ``ValueError`` where a thing has no text, or a text no thing."""
    apart = sorted(set(told) ^ {str(name) for name in known})
    if apart:
        raise ValueError(
            f"{what}: only in the code, or only in tools/words.toml: {', '.join(apart)}"
        )


if __name__ == "__main__":
    main()
