"""Builds that lie, with the library that sees them: it gives what a clean build gives.

One of each kind and language is built; all of them where ``CKPT_LYING=N`` asks for it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.lying.cases import CASES, FEW
from tests.lying.cases.case import Case
from tests.lying.site import LONG
from tests.lying.tree import Tree, write
from tests.nix.project import Pair
from tests.nix.store import Built, NixStore
from tests.support import GitRepo

pytestmark = pytest.mark.slow

_CASES = [case for case in CASES if case.config is not None and (LONG or case in FEW)]


def _contents(built: Built) -> dict[str, tuple[int, bytes]]:
    own = str(built.path).encode()
    return {
        str(path.relative_to(built.path)): (
            path.lstat().st_mode,
            bytes(path.readlink())
            if path.is_symlink()
            else b""
            if path.is_dir()
            else path.read_bytes().replace(own, b"OUT"),
        )
        for path in built.path.rglob("*")
    }


def _written(tree: Tree, folder: GitRepo) -> None:
    folder.path.mkdir(parents=True)
    write(folder, {}, {path: one for path, one in tree.items() if path != "ckpt.toml"})


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_a_build_that_lies(case: Case, nix: NixStore, tmp_path: Path) -> None:
    if missing := case.missing():
        pytest.skip(f"{case.name} needs {', '.join(missing)}")
    assert case.config is not None
    (commands,) = tomllib.loads(case.config)["package"].values()
    phases = {
        f"{name}Phase": f"mkdir -p $out\n(\n{commands[name]}\n)"
        for name in ("configure", "build", "check", "install")
        if name in commands
    }
    more = "doCheck = true;" if "check" in commands else ""
    made = Pair(tmp_path / "pair", {"configurePhase": "true", **phases}, more=more)
    nix = nix.with_library("remember = true;")
    _written(case.trees[0], made.base)
    _written(case.trees[-1], made.changed)
    made.checkpoint(nix)
    clean = nix.run(made.expression("changed"))
    if clean.returncode != 0:  # in the store all sources have one date: not all of `case.fails`
        nix.fails(made.expression("mkCheckpointedBuild changed checkpoint"))
        return
    built = nix.build(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert built.used
    assert _contents(built) == _contents(made.clean(nix))
