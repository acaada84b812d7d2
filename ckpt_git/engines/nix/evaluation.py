"""Evaluates a package's recipe in the tree that is to be built: no live file takes part.

Writes the tree below ``.git/ckpt/nix``, always at the same place for a package: the path of its own
folder may get into a recipe. Runs ``nix-instantiate``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from ckpt_git.engines.files import writing
from ckpt_git.engines.nix import errors, expression
from ckpt_git.engines.nix.snapshot import Snapshot
from ckpt_git.engines.nix.tools import Nix
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.errors import CkptError
from ckpt_git.model.nix_recipe import NixRecipe


@dataclass(frozen=True, slots=True)
class Instantiated:
    """A derivation in the store: its ``.drv``, its outputs by name, and which is the main one."""

    drv: str
    outputs: Mapping[str, str]
    main: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Instantiated:
        return cls(data["drv"], data["outputs"], data["main"])


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The recipe's derivation with a placeholder for its source, and digests of its attributes."""

    drv: str
    attributes: Mapping[str, str]


class Evaluation:
    """The evaluation of one derivation's recipe in one tree."""

    def __init__(self, nix: Nix, room: Path, drv: Derivation, source: SourceTree) -> None:
        assert drv.nix is not None
        self._nix = nix
        self._room = room
        self._recipe: NixRecipe = drv.nix
        self._package = drv.name
        self._folder = drv.source.folder
        self._source = source

    def fingerprint(self) -> Fingerprint:
        """Raises ``CkptError`` with the place of what can't be evaluated."""
        data = self._evaluate(lambda _: "package.fingerprint")
        return Fingerprint(data["drv"], data["attributes"])

    def clean(self, again: str | None) -> tuple[Instantiated, Instantiated | None]:
        """The package, and its checkpoint, which is None where it can't have one."""
        word = "null" if again is None else expression.string(again)
        data = self._evaluate(lambda source: f"package.clean {source} {word}")
        checkpoint = data["checkpoint"]
        return Instantiated.of(data["build"]), checkpoint and Instantiated.of(checkpoint)

    def why_no_checkpoint(self) -> str:
        """What the library says about a package that it can't make a checkpoint of."""
        try:
            self._evaluate(lambda source: f"package.checkpointOf {source}")
        except CkptError as error:
            return error.what
        return "it can't be evaluated"

    def checkpointed(self, checkpoint: str) -> tuple[Instantiated, Instantiated]:
        """The package and its checkpoint, both built from the ``checkpoint`` of a base."""
        stored = expression.string(checkpoint)
        data = self._evaluate(lambda source: f"package.checkpointed {source} {stored}")
        return Instantiated.of(data["build"]), Instantiated.of(data["checkpoint"])

    def _evaluate(self, ask: Callable[[str], str]) -> Any:
        with self._written() as tree:
            folder = tree if self._folder == "." else tree / self._folder
            asked = ask(expression.path(folder))
            text = f"let package = {expression.package(self._recipe, tree)}; in {asked}"
            flakes = ("--extra-experimental-features", "flakes")
            done = self._nix.call(
                "nix-instantiate",
                *("--eval", "--strict", "--json", "--read-write-mode", "-E", text),
                *(flakes if self._recipe.form == "flake" else ()),
                cwd=tree,
                ok=None,
            )
        if done.returncode != 0:
            place = errors.Tree(str(tree), lambda path: (tree / path).is_file())
            raise errors.evaluation(os.fsdecode(done.stderr), place, self._package)
        return json.loads(done.stdout)

    @contextmanager
    def _written(self) -> Iterator[Path]:
        """The whole tree, written out; ours alone until the end."""
        with _alone(self._room):
            snapshot = Snapshot(self._room)
            snapshot.hold(self._source.whole())
            yield snapshot.files


@contextmanager
def _alone(room: Path) -> Iterator[None]:
    with writing(room):
        room.mkdir(parents=True, exist_ok=True)
        lock = os.open(room / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        flock(lock, LOCK_EX)
        yield
    finally:
        os.close(lock)
