"""Repositories that are packaged with Nix: built by the Nix engine, as they say themselves."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

_SHELL, _FLAKE = "shell.nix", "flake.nix"

# An output of that name. A list is what mkShell takes, and what follows a dot is another flake's.
_PACKAGES = re.compile(
    r"(?<![\w.])(?:defaultPackage|packages)\b\s*(?:\.|=(?!\s*(?:\(?\s*with\b[^;]*;\s*)*\[))"
)
_DERIVATION = re.compile(r"\bmkDerivation\b|\bcallPackage\b|\bbuild\w*(?:Package|Application)\b")
_COMMENT = re.compile(r"#[^\n]*|/\*.*?\*/", re.DOTALL)
# A function of a set: its names, up to the first bracket that isn't plain.
_ARGUMENTS = re.compile(r"\s*(?:\w+\s*@\s*)?\{([^{}]*)\}\s*(?:@\s*\w+\s*)?:")


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    if _flake_has_packages(tree):
        return _proposal(_FLAKE, {"flake": "."})
    text = _COMMENT.sub("", tree.text("default.nix"))
    if not _DERIVATION.search(text):
        return None
    if _needs_arguments(text):
        expression = "(import <nixpkgs> { }).callPackage ./default.nix { }"
        return _proposal("default.nix", {"expr": expression})
    return _proposal("default.nix", {"file": "default.nix"})


def shells(tree: Listing) -> list[str]:
    """The files that give a shell with tools and package nothing."""
    names = [_SHELL] if _SHELL in tree else []
    return [*names, _FLAKE] if _FLAKE in tree and not _flake_has_packages(tree) else names


def _flake_has_packages(tree: Listing) -> bool:
    return bool(_PACKAGES.search(_COMMENT.sub("", tree.text(_FLAKE))))


def _proposal(marker: str, named: dict[str, str]) -> Proposal:
    return Proposal(kind="Nix", marker=marker, phases={}, needs=("nix-build",), nix=named)


def _needs_arguments(text: str) -> bool:
    """Whether a file is a function for ``callPackage``: it has arguments without a default."""
    found = _ARGUMENTS.match(text)
    given = found[1].split(",") if found else []
    return any(each.strip() not in {"", "..."} and "?" not in each for each in given)
