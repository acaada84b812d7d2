"""The sentences of the reference that no code says: ``words.toml``, read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def _plain(value: Any) -> Any:
    """The same with each text in one line."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return " ".join(value.split())


_ALL: dict[str, dict[str, Any]] = _plain(
    tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
)

COMMANDS: dict[str, str] = _ALL["commands"]
TOP: dict[str, str] = _ALL["top"]
SHARED: dict[str, str] = _ALL["shared"]
PACKAGE: dict[str, str] = _ALL["package"]
NIX: dict[str, str] = _ALL["nix"]
PUSH: dict[str, str] = _ALL["push"]
KINDS: dict[str, str] = _ALL["kinds"]
"""What values a key has, where no type says it."""
VARIABLES: dict[str, str] = _ALL["variables"]
SETTINGS: dict[str, str] = _ALL["settings"]
SURROUNDINGS: dict[str, str] = _ALL["surroundings"]
EXIT_CODES: dict[int, str] = {int(code): text for code, text in _ALL["exit_codes"].items()}
RESULT: dict[str, str] = _ALL["result"]
RECORD: dict[str, str] = _ALL["record"]
DOCUMENTS: dict[str, tuple[str, dict[str, str]]] = {
    name: (document["says"], document["keys"]) for name, document in _ALL["documents"].items()
}

INNER_VARIABLES = frozenset({"CKPT_IN_HOOK"})
"""What the program says to itself by the environment."""
