"""The example on the page of the Nix library, as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.nix.project import MAKE
from tests.nix.store import HERE, LIBRARY, NixStore, attributes

_PAGE = HERE.parent.parent / "docs" / "reference" / "nix-library.md"


def test_the_example_builds_what_changed(nix: NixStore, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```nix\n(.*?)^```", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "checkpointed.nix").write_text(example)
    (tmp_path / "package.nix").write_text(
        '{ stdenv, src }: stdenv.mkDerivation { name = "sample-1"; inherit src; '
        f"{attributes({'buildPhase': 'make', 'installPhase': 'make install'})} }}"
    )
    for folder in ("base", "changed"):
        for name, text in MAKE.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(text)
    (tmp_path / "changed" / "two.c").write_text("int two(void) { return 3; }\n")
    nixpkgs = f"{{ callPackage = f: a: import f ({{ stdenv = import {HERE}/stdenv; }} // a); }}"
    here = f"{{ pkgs = {nixpkgs}; library = import {LIBRARY} {{ }}; }}"
    built = nix.build(f"import {tmp_path}/checkpointed.nix {here}")
    ran = subprocess.run([built.path / "bin" / "prog"], capture_output=True, check=True)
    assert ran.stdout == b"1 3\n"
    assert built.log.count("COMPILE two.c") == 2  # by the base's build, and by this one
    assert built.log.count("COMPILE one.c") == 1
