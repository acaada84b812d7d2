"""git's configuration, read once: our own settings in it, and what it does to files on checkout.

Reads configuration and attribute files; never writes any.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ckpt_git.git.errors import explained
from ckpt_git.git.location import Location
from ckpt_git.model.derivation import digest
from ckpt_git.process import ProcessError

_PREFIX = "ckpt."
_CONVERSIONS = frozenset({"core.autocrlf", "core.eol", "core.symlinks"})
_FILTER = (".smudge", ".process", ".required")


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of git's configuration that holds for a repository; of a repeated key the last value.

    Keys are as git prints them: section and name in lower case, a subsection as written.
    """

    values: Mapping[str, str]

    def settings(self) -> dict[str, str]:
        """What is under ``ckpt.``, keys without the prefix and in lower case."""
        return {
            key.removeprefix(_PREFIX).lower(): value
            for key, value in self.values.items()
            if key.startswith(_PREFIX)
        }


def read_configuration(at: Location) -> Configuration:
    """Every file and the environment, as git merges them: git-config(1).

    Raises ``RepositoryError`` for a file that git can't read.
    """
    try:
        listed = os.fsdecode(at.git("config", "-z", "--list").stdout)
    except ProcessError as error:
        raise explained(error, "read git's configuration") from error
    pairs = (item.partition("\n") for item in listed.split("\0") if item)
    # A key without "=" means true: git-config(1), "Syntax".
    return Configuration({key: value if equals else "true" for key, equals, value in pairs})


def conversions(at: Location, configuration: Configuration) -> str:
    """Digest of all outside a tree that changes what a blob becomes: gitattributes(5)."""
    values = configuration.values
    chosen = {key: value for key, value in values.items() if _converts(key)}
    files = [_content(file) for file in _attribute_files(at, values)]
    return digest([sorted(chosen.items()), files])


def _converts(key: str) -> bool:
    return key in _CONVERSIONS or (key.startswith("filter.") and key.endswith(_FILTER))


def _attribute_files(at: Location, values: Mapping[str, str]) -> list[Path]:
    config_home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    default = os.path.join(config_home, "git", "attributes")  # noqa: PTH118
    chosen = os.path.expanduser(values.get("core.attributesfile", default))  # noqa: PTH111
    return [
        at.common_dir / "info" / "attributes",
        (at.top or at.git_dir) / chosen,
        Path("/etc/gitattributes"),
    ]


def _content(file: Path) -> str | None:
    try:
        return os.fsdecode(file.read_bytes())
    except OSError:
        return None
