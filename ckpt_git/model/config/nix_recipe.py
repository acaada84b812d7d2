"""How a package that is built with Nix names its derivation. A frozen value, no IO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["file", "flake", "expr"]
FORMS: tuple[Form, ...] = ("file", "flake", "expr")


@dataclass(frozen=True, slots=True)
class NixRecipe:
    """Where the derivation is found in a tree, and the Nix that realises it.

    ``text`` is what the key ``form`` of ``ckpt.toml`` has: a path below the root, a flake
    reference, or an expression. ``attr`` is the attribute path in a file, ``""`` for the file's
    own value. Where ``overrides_source`` is False the recipe takes its source from the tree by
    itself. ``options`` go to each of Nix' commands; ``store`` is None for the user's own.
    """

    form: Form
    text: str
    attr: str = ""
    overrides_source: bool = True
    options: tuple[str, ...] = ()
    store: str | None = None
