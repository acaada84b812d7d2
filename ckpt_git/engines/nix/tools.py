"""Nix' commands, with the user's own settings and those of the package."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ckpt_git.model.errors import MissingError
from ckpt_git.process import Begun, clean_environment, popen, run

_HINT = "install Nix (https://nixos.org/download, or Debian's nix-bin), or build with commands"


@dataclass(frozen=True, slots=True)
class Nix:
    """How Nix is called: ``variables`` are the user's ``NIX_*``, ``options`` go to each command.

    ``store`` is None for the store that the user's configuration names.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    store: str | None = None

    def command(self, tool: str, *arguments: str) -> list[str]:
        """The command line of one of Nix' programs."""
        store = () if self.store is None else ("--store", self.store)
        return [tool, *arguments, *store, *self.options]

    def call(
        self,
        tool: str,
        *arguments: str,
        cwd: Path | None = None,
        ok: Sequence[int] | None = (0,),
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end. ``ok`` are the codes that aren't errors, None for all.

        Raises ``ProcessError``, and ``MissingError`` where Nix isn't there.
        """
        codes = range(-64, 256) if ok is None else ok
        with _Installed():
            return run(self.command(tool, *arguments), cwd=cwd, env=dict(self.variables), ok=codes)

    def start(self, tool: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command; its standard error is to be read. Raises ``MissingError``."""
        env = clean_environment(self.variables)
        with _Installed():
            return popen(self.command(tool, *arguments), env=env, stderr=subprocess.PIPE)

    def begin(self, tool: str, *arguments: str, holding: Sequence[int] = ()) -> Begun:
        """Begin a command that prints what is asked for later. Raises ``MissingError``."""
        with _Installed():
            return Begun(self.command(tool, *arguments), self.variables, holding)

    def is_valid(self, path: str) -> bool:
        """Whether a store path is there and whole, as far as the store's own records tell."""
        if not (self._is_remote() or os.path.lexists(self.physical(path))):
            return False  # removed behind the records
        return self.call("nix-store", "--check-validity", path, ok=None).returncode == 0

    def is_sandboxed(self) -> bool:
        """Whether Nix shuts builds in: nix.conf(5), "sandbox". ``relaxed`` lets a recipe opt out.

        True where Nix doesn't tell: on Linux that is what it does unless told otherwise.
        """
        show = ("--extra-experimental-features", "nix-command", "show-config", "--json")
        done = self.call("nix", *show, ok=None)
        try:
            value = json.loads(done.stdout)["sandbox"]["value"]
        except (ValueError, KeyError, TypeError):
            return True
        return value in (True, "true")

    def physical(self, path: str) -> Path:
        """Where a store path lies on this machine. A store that has a root of its own has its
        files below that in ``nix/store``, whatever they are called."""
        root = self._root()
        return Path(path) if root is None else Path(root, "nix", "store", Path(path).name)

    def _is_remote(self) -> bool:
        return "://" in (self.store or self.variables.get("NIX_REMOTE", ""))

    def _root(self) -> str | None:
        if self.store is None:
            return None
        if self.store.startswith("/"):
            return self.store.rstrip("/")
        kind, _, parameters = self.store.partition("?")
        given = dict(each.partition("=")[::2] for each in parameters.split("&"))
        return given.get("root") if kind in {"local", ""} else None


class _Installed:
    """Says what to do where Nix' programs aren't there."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, MissingError):
            raise MissingError(f"{error.what}: the package is built with Nix", _HINT) from error


def of_user(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of the user's that Nix goes by."""
    return {name: value for name, value in environment.items() if name.startswith("NIX_")}
