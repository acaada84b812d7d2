"""A base and a changed source folder with one recipe, and projects to write into them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.nix.store import Built, NixStore, attributes
from tests.support import GitRepo


@dataclass(frozen=True)
class Pair:
    """Two folders, at first with the same content, and a package that is built of either.

    ``recipe`` are the package's attributes as texts, ``more`` further ones as a Nix expression.
    In expressions ``base``, ``changed`` and ``checkpoint`` (of ``base``) are defined.
    """

    path: Path
    recipe: Mapping[str, str]
    more: str = ""
    name: str = "sample-1"
    changed_name: str = "sample-1"

    @classmethod
    def write(
        cls, path: Path, files: Mapping[str, str], recipe: Mapping[str, str], **more: str
    ) -> Pair:
        """Write ``files`` as the base and as the changed source."""
        made = cls(path, recipe, **more)
        for file, text in files.items():
            made.base.write(file, text, executable=text.startswith("#!"))
        shutil.copytree(made.base.path, made.changed.path, symlinks=True)
        return made

    @property
    def base(self) -> GitRepo:
        """The base's sources; a plain folder, written to by ``GitRepo``'s functions."""
        return GitRepo(self.path / "base")

    @property
    def changed(self) -> GitRepo:
        """The changed sources."""
        return GitRepo(self.path / "changed")

    def expression(self, body: str) -> str:
        """A Nix expression with the names of this class in scope."""
        return f"""
            let
              package = name: src: mkDerivation ({{
                inherit name src;
                {attributes(self.recipe)}
              }} // {{ {self.more} }});
              base = package "{self.name}" (folder "source" {self.base.path});
              changed = package "{self.changed_name}" (folder "source" {self.changed.path});
              checkpoint = prepareCheckpointBuild base;
            in {body}
        """

    def checkpoint(self, nix: NixStore) -> Built:
        """The base's checkpoint."""
        return nix.build(self.expression("checkpoint"))

    def checkpointed(self, nix: NixStore) -> Built:
        """The changed source, built from the base's checkpoint; only this build's log."""
        self.checkpoint(nix)
        return nix.build(self.expression("mkCheckpointedBuild changed checkpoint"))

    def clean(self, nix: NixStore) -> Built:
        """The changed source, built as it is."""
        return nix.build(self.expression("changed"))


CC = '#!/bin/sh\nfor last; do :; done\necho "COMPILE $last"\nexec cc "$@"\n'
"""A compiler that says each time that it runs."""

MAKE = {
    "cc.sh": CC,
    "Makefile": """
objects := one.o two.o main.o
prog: $(objects)
\tcc -o $@ $(objects)
%.o: %.c
\tsh cc.sh -DPREFIX='"$(out)"' -MMD -MP -o $@ -c $<
install:
\tmkdir -p $(out)/bin && cp prog $(out)/bin/
-include *.d
""",
    "one.h": "#define ONE 1\n",
    "one.c": '#include "one.h"\nint one(void) { return ONE; }\n',
    "two.c": "int two(void) { return 2; }\n",
    "main.c": "#include <stdio.h>\nint one(void), two(void);\n"
    'int main(void) { printf("%d %d\\n", one(), two()); return 0; }\n',
}
"""A program of three sources; the compiler is told of the output's path."""


def assert_own_paths_only(nix: NixStore, *built: Built) -> None:
    """Each store path that is named in an output is there, and is an output's own."""
    pattern = re.compile(re.escape(f"{nix.path}/store/").encode() + rb"([0-9a-z]{32})")
    own = {item.path.name[:32].encode() for item in built}
    for item in built:
        for file in item.path.rglob("*"):
            if file.is_file():
                named = set(pattern.findall(file.read_bytes()))
                assert named <= own, f"{file} names {named - own}"


def assert_result_carries(
    pair: Callable[..., Pair], nix: NixStore, files: Mapping[str, str]
) -> None:
    """What a checkpointed build has besides its outputs."""
    made = pair(files, {}, more='passthru.mine = "kept"; outputs = [ "out" "doc" ];')
    found = nix.evaluate(
        made.expression(
            """let built = mkCheckpointBuild changed checkpoint; in {
                 checkpoint = built.checkpoint.outPath == checkpoint.outPath;
                 base = built.checkpointBase.outPath == base.outPath;
                 own = built.mine;
                 inherit (built) outputs name;
                 same = (mkCheckpointedBuild changed checkpoint).outPath == built.outPath;
               }"""
        )
    )
    assert found == {
        "checkpoint": True,
        "base": True,
        "own": "kept",
        "outputs": ["out", "doc"],
        "name": "sample-1",
        "same": True,
    }
