"""Evaluates a package's recipe in the tree that is to be built: no live file takes part.

Writes the tree below ``.git/ckpt/nix``, always at the same place for a package: the path of its own
folder may get into a recipe. Runs ``nix-instantiate``. Most of the time goes into adding the folder
that is built to the store, which may go on beside what comes before the build.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from ckpt_git.engines.files import writing
from ckpt_git.engines.nix import errors, expression
from ckpt_git.engines.nix.snapshot import Snapshot
from ckpt_git.engines.nix.tools import Nix
from ckpt_git.engines.protocol import SourceTree
from ckpt_git.kept_files import open_lock
from ckpt_git.model.config.nix_recipe import NixRecipe
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.errors import CkptError
from ckpt_git.process import Begun, ProcessError

_EVALUATING = ("--eval", "--strict", "--json", "--read-write-mode", "-E")


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
        self._drv = drv
        self._recipe: NixRecipe = drv.nix
        self._source = source
        self._adding: Begun | None = None

    def is_of(self, drv: Derivation, source: SourceTree) -> bool:
        """Whether it is that of ``drv`` in this tree."""
        return self._drv == drv and self._source.tree == source.tree

    def fingerprint(self, *, to_build: bool) -> Fingerprint:
        """``to_build``: begin to add to the store what is built. Raises ``CkptError`` with the
        place of what can't be evaluated."""
        with self._written() as (tree, lock):
            if to_build and self._recipe.overrides_source and self._adding is None:
                self._adding = self._add(self._built(tree), lock)
            data = self._ask(tree, "package.fingerprint")
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
        """What is asked of what is built, whose store path is given as an expression."""
        added = self._added()
        with self._written() as (tree, _):
            if added is not None:
                with suppress(CkptError):  # it may be gone again
                    return self._ask(tree, ask(expression.store_path(added)))
            return self._ask(tree, ask(expression.added(self._built(tree))))

    def _ask(self, tree: Path, asked: str) -> Any:
        text = f"let package = {expression.package(self._recipe, tree)}; in {asked}"
        flakes = ("--extra-experimental-features", "flakes")
        done = self._nix.call(
            "nix-instantiate",
            *(*_EVALUATING, text),
            *(flakes if self._recipe.form == "flake" else ()),
            cwd=tree,
            ok=None,
        )
        if done.returncode != 0:
            place = errors.Tree(str(tree), lambda path: (tree / path).is_file())
            raise errors.evaluation(os.fsdecode(done.stderr), place, self._drv.name)
        return json.loads(done.stdout)

    def _add(self, folder: Path, lock: int) -> Begun:
        """Begin to add it; the tree stays as it is until that has ended."""
        return self._nix.begin(
            "nix-instantiate", *_EVALUATING, expression.added(folder), holding=[lock]
        )

    def _added(self) -> str | None:
        """The store path of what was added, if it was."""
        adding, self._adding = self._adding, None
        if adding is None:
            return None
        try:
            path: str = json.loads(adding.output())
        except (ProcessError, ValueError):
            return None
        return path

    def _built(self, tree: Path) -> Path:
        folder = self._drv.source.folder
        return tree if folder == "." else tree / folder

    @contextmanager
    def _written(self) -> Iterator[tuple[Path, int]]:
        """The whole tree, written out, and the number of an open file: the tree is ours alone until
        the end, and longer where a process still has that file."""
        with _alone(self._room) as lock:
            snapshot = Snapshot(self._room)
            snapshot.hold(self._source.whole())
            yield snapshot.files, lock


@contextmanager
def _alone(room: Path) -> Iterator[int]:
    with ExitStack() as stack:
        with writing(room):
            room.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(open_lock(room / "lock"))
        flock(lock, LOCK_EX)
        yield lock
