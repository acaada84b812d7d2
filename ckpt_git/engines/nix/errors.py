"""What Nix says when it fails, as one line about the user's own files. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ckpt_git.model.errors import CkptError, ConfigError, MissingError
from ckpt_git.model.report.relocation import plain

_ERROR = re.compile(r"^\s*error: *(.*)$")
_PLACE = re.compile(r"^\s*at (.+?):(\d+):(\d+):?$")
_COPY = re.compile(r"/.*/[0-9a-z]{32}-source/(.+)$")
_TEXT = "«string»"

# What Nix is missing, by its words for it: what that is, and what to do.
_MISSING = (
    (
        re.compile(r"experimental (?:Nix|Lix) feature '([\w-]+)' is disabled"),
        "Nix' feature `{0}` is disabled",
        "add `experimental-features = nix-command flakes` to nix.conf",
    ),
    (
        re.compile(r"file '([^']+)' was not found in the Nix search path"),
        "<{0}> is not in the Nix search path",
        "set NIX_PATH, or have the recipe pin its nixpkgs",
    ),
    (
        re.compile(r"cannot connect to (?:socket|daemon)[^']*(?:'([^']+)')?"),
        "Nix' daemon doesn't answer at {0}",
        "start it (systemctl start nix-daemon)",
    ),
    (
        re.compile(r"(?:opening|creating|getting status of|changing \w+ of)[^']*'([^']+)': "
                   r"(?:Permission denied|Read-only file system)"),
        "Nix may not write {0}",
        "run Nix' daemon, or name a store of your own under [package.NAME.nix] store",
    ),
    (
        re.compile(r"No space left on device()"),
        "there was no room left for Nix",
        "free some space, e.g. with nix-collect-garbage",
    ),
    # Both in three wordings: since Nix 2.30 (its pull request 13278) they are told as a build's
    # failure, and since 2.32 without what isn't amiss.
    (
        re.compile(r"'[\w-]+' with features \{([^}]+)\} is required to build|"
                   r"Required system: '[\w-]+' with features \{([^}]+)\}|"
                   r"Required features: \{([^}]+)\}"),
        "Nix has no machine with the features that are asked for ({0})",
        "name a remote builder in nix.conf, or what this machine has in its system-features",
    ),
    (
        re.compile(r"'([\w-]+)' with features \{\} is required to build|"
                   r"Required system: '([\w-]+)'"),
        "Nix has no machine of the system that is asked for ({0})",
        "name a remote builder in nix.conf, or another system in the recipe",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tree:
    """Where the tree lies that is evaluated, and whether it has a file of some path."""

    folder: str
    has: Callable[[str], bool]

    def own(self, path: str) -> str | None:
        """The path in the tree that Nix means by ``path``, if it means one: a flake is evaluated
        in a copy in the store."""
        if path.startswith(f"{self.folder}/"):
            return path.removeprefix(f"{self.folder}/")
        copied = _COPY.match(path)
        return copied[1] if copied and self.has(copied[1]) else None


def evaluation(stderr: str, tree: Tree, package: str) -> CkptError:
    """The error of an evaluation of ``package`` in ``tree``."""
    text = plain(stderr)
    known = missing(text)
    if known is not None:
        return known
    message, place = _message(text.splitlines(), tree)
    message = message.replace(f"{tree.folder}/", "").replace(tree.folder, ".")
    where = f"package {package}" if place is None else place
    return ConfigError(f"{where}: {message}", "mend it, or name another derivation in ckpt.toml")


def missing(text: str) -> MissingError | None:
    """The error for something that Nix needs and that isn't there, if that is what it says."""
    for words, what, hint in _MISSING:
        found = words.search(text)
        if found:
            return MissingError(what.format(next(filter(None, found.groups()), "its socket")), hint)
    return None


def last(text: str) -> str:
    """Nix' own last error, in one line."""
    return _message(plain(text).splitlines(), Tree("", lambda _: False))[0]


def _message(lines: list[str], tree: Tree) -> tuple[str, str | None]:
    """The error in which all others end, and the place in the user's files next to it."""
    errors = [n for n, line in enumerate(lines) if (m := _ERROR.match(line)) and m[1]]
    if not errors:
        said = [line for line in lines if line.strip()]
        return (said[-1].strip() if said else "Nix said nothing"), None
    number = errors[-1]
    found = _ERROR.match(lines[number])
    assert found is not None
    after = _places(lines[number:], tree)
    before = _places(lines[:number], tree)
    return found[1].strip(), next(iter([*after[:1], *before[-1:]]), None)


def _places(lines: list[str], tree: Tree) -> list[str]:
    found = []
    for line in lines:
        place = _PLACE.match(line)
        if place is None:
            continue
        path, row, column = place.groups()
        if path == _TEXT and int(row) > 1:
            found.append(f"ckpt.toml, `expr`, line {int(row) - 1}")
        elif (own := tree.own(path)) is not None:
            found.append(f"{own}:{row}:{column}")
    return found
