"""What the Nix engine needs of a machine, and whether it is there: for ``doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ckpt_git.engines.nix.tools import Nix
from ckpt_git.engines.protocol import Diagnosis
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.report.finding import Finding


class NixDiagnosis(Diagnosis):
    """Asks the user's Nix."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def examine(self) -> Iterator[Finding]:
        yield from nix(Nix(self._variables))

    def examine_package(self, drv: Derivation) -> Finding:
        return package(drv)


def nix(nix: Nix) -> Iterator[Finding]:
    """Which Nix there is. Raises ``MissingError`` where there is none."""
    version = nix.call("nix-store", "--version").stdout.decode().strip()
    yield Finding("Nix", "fine", version)


def package(drv: Derivation) -> Finding:
    """What the package names; whether it can be evaluated, its build will tell."""
    assert drv.nix is not None
    named = drv.nix.text if len(drv.nix.text.splitlines()) == 1 else "an expression"
    attr = f", {drv.nix.attr}" if drv.nix.attr else ""
    return Finding(drv.name, "fine", f"Nix: {named}{attr}")
