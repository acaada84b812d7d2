"""A Nix of the tests' own: a private store, and derivations written as a test needs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STDENV = HERE / "stdenv"
LIBRARY = HERE.parent.parent / "ckpt_git" / "nix"

# The host's compiler and tools are the stdenv's.
_HOST = "/bin /usr /lib /lib64 /etc/alternatives"

_PRELUDE = f"""
let
  inherit (import {LIBRARY} {{ ARGUMENTS }})
    prepareCheckpointBuild withCheckpoint mkCheckpointBuild mkCheckpointedBuild;
  inherit (import {STDENV}) mkDerivation;
  folder = name: path: builtins.path {{ inherit name path; }};
in
"""


def private_store(factory: pytest.TempPathFactory, *, sandbox: bool) -> Iterator[NixStore]:
    """A store that is there until the tests end; none of what is in it can be written before."""
    if shutil.which("nix-build") is None:
        pytest.skip("nix-build is not there; Debian has it in nix-bin")
    path = factory.mktemp("nix")
    yield NixStore(path, sandbox=sandbox)
    for folder in path.rglob("*"):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o755)
    shutil.rmtree(path)


@dataclass(frozen=True)
class Built:
    """What ``nix-build`` made: the path that it printed, and the builders' output."""

    path: Path
    log: str

    def read(self, name: str) -> str:
        """A file's text; bytes that are not UTF-8 as ``os.fsdecode`` has them."""
        return os.fsdecode((self.path / name).read_bytes())

    def contents(self) -> dict[str, bytes]:
        """The files' contents by path, with ``OUT`` for its own path."""
        own = str(self.path).encode()
        return {
            str(file.relative_to(self.path)): file.read_bytes().replace(own, b"OUT")
            for file in self.path.rglob("*")
            if file.is_file()
        }

    @property
    def compiled(self) -> int:
        """How often a build of the tests ran its compiler, which says so in a line of its own."""
        return sum("COMPILE " in line for line in self.log.splitlines())

    @property
    def used(self) -> bool:
        """Whether the build started from its checkpoint and was not begun again."""
        return "checkpoint: used: " in self.log and "from nothing" not in self.log

    @property
    def configured(self) -> bool:
        """Whether the program that configures ran."""
        return "was left out: nothing changed that it reads" not in self.log

    @property
    def why_clean(self) -> str:
        """Why no checkpoint was used; empty where one was."""
        told = [s for s in self.log.splitlines() if "checkpoint: not used, the build is clean" in s]
        return told[0].split("clean: ", 1)[1] if told else ""


@dataclass(frozen=True)
class NixStore:
    """A store below ``path`` with a configuration of its own. Builds run below ``build_folder``;
    where that is None, where Nix lets them. The library gets ``arguments``."""

    path: Path
    sandbox: bool = True
    build_folder: Path | None = None
    arguments: str = ""

    def with_library(self, arguments: str) -> NixStore:
        """The same store, whose expressions get the library with these arguments."""
        return replace(self, arguments=arguments)

    def prelude(self) -> str:
        """What comes before an expression."""
        return _PRELUDE.replace("ARGUMENTS", self.arguments)

    def building_in(self, folder: Path) -> NixStore:
        """The same store, whose builds run below ``folder``. Nix up to 2.29 takes the temporary
        folder for that, a newer one and Lix their ``build-dir``."""
        folder.mkdir(exist_ok=True)
        return replace(self, build_folder=folder)

    def environment(self) -> dict[str, str]:
        """The environment in which Nix' commands use this store and no other."""
        return {**os.environ, **self.variables()}

    def variables(self) -> dict[str, str]:
        """What of it is Nix' own."""
        state = self.path / "var"
        configuration = self.path / "etc"
        configuration.mkdir(parents=True, exist_ok=True)
        (configuration / "nix.conf").write_text(
            "build-users-group =\nsubstitute = false\nmax-jobs = 1\ncores = 2\n"
            f"sandbox = {str(self.sandbox).lower()}\nsandbox-paths = {_HOST}\n"
        )
        folder = self.build_folder
        building = {"TMPDIR": str(folder), "NIX_CONFIG": f"build-dir = {folder}"} if folder else {}
        return {
            **building,
            "NIX_STORE_DIR": str(self.path / "store"),
            "NIX_STATE_DIR": str(state),
            "NIX_LOCALSTATE_DIR": str(state),
            "NIX_LOG_DIR": str(state / "log"),
            "NIX_CONF_DIR": str(configuration),
            "NIX_USER_CONF_FILES": "",
            "NIX_REMOTE": "",
            "NIX_PATH": "",
        }

    def run(self, expression: str, *options: str) -> subprocess.CompletedProcess[str]:
        """``nix-build`` of an expression, which has the library's functions and ``mkDerivation``.

        Nix 2.8 kills some builder, as a rule a store's first, before it has run anything; the
        busier the machine, the more often.
        """
        for pause in (0, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6):
            time.sleep(pause)
            done = subprocess.run(
                ["nix-build", "--no-out-link", "-E", self.prelude() + expression, *options],
                env=self.environment(),
                capture_output=True,
                errors="surrogateescape",
                check=False,
            )
            if "failed due to signal 9 (Killed)" not in done.stderr:
                break
        return done

    def build(self, expression: str, *options: str) -> Built:
        """The same, where it has to succeed; the path is that of the last output printed."""
        done = self.run(expression, *options)
        assert done.returncode == 0, f"nix-build ended with {done.returncode}: {done.stderr}"
        return Built(Path(done.stdout.splitlines()[-1]), done.stderr)

    def fails(self, expression: str) -> str:
        """What is said by a ``nix-build`` that has to fail."""
        done = self.run(expression)
        assert done.returncode != 0, f"nix-build passed: {done.stdout}"
        return done.stderr

    def evaluate(self, expression: str) -> object:
        """The value of an expression."""
        done = subprocess.run(
            ["nix-instantiate", "--eval", "--strict", "--json", "-E", self.prelude() + expression],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def nix_string(text: str) -> str:
    """A Nix string literal of a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def attributes(values: Mapping[str, str]) -> str:
    """The inside of a Nix attribute set with strings as values."""
    return "".join(f"{name} = {nix_string(value)};\n" for name, value in values.items())
