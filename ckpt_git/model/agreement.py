"""What a user agreed to have run by hooks: a recipe, word by word. Frozen values, no IO.

As direnv's ``allow``, an agreement is to a content and not to a name: a recipe that says anything
else is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ckpt_git.model.config.packages import Package
from ckpt_git.model.derivation import digest


@dataclass(frozen=True, slots=True)
class Agreement:
    """That hooks may build with the recipe ``digest``, whoever wrote what it is given.

    ``without_sandbox`` says that they may where nothing shuts the build in, too. ``agreed`` is in
    Unix seconds.
    """

    package: str
    digest: str
    without_sandbox: bool
    agreed: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Agreement:
        """Raises ``TypeError`` where ``data`` is no agreement."""
        return cls(**data)


def wording(package: Package) -> dict[str, Any]:
    """All of a package's table that decides what is run, and what that may see: its own keys."""
    said: dict[str, Any] = {"engine": package.engine, "source": package.source}
    if package.nix is not None:
        nix = package.nix
        said |= {nix.form: nix.text, "attr": nix.attr, "store": nix.store}
        said |= {"options": list(nix.options), "overrides source": nix.overrides_source}
    said |= dict(package.phases)
    said |= {"fetch": package.fetch, "inputs": list(package.inputs), "env": dict(package.env)}
    return {key: value for key, value in said.items() if value not in (None, "", [], {})}


def recipe_digest(package: Package, evaluated: Sequence[tuple[str, str]]) -> str:
    """What an agreement to the recipe of ``package`` goes by.

    ``evaluated`` are the path and id of each file that it is evaluated from, outside of any
    sandbox: Nix files, and what pins their sources.
    """
    return digest([package.name, sorted(wording(package).items()), sorted(evaluated)])
