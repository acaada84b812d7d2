"""The folder that a build runs in may be another one than the base's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests.nix.project import MAKE, Pair
from tests.nix.store import Built, NixStore

_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'

# Depfiles with the whole path, as CMake and others have them.
_ABSOLUTE = {**MAKE, "Makefile": MAKE["Makefile"].replace("-c $<", "-c $(CURDIR)/$<")}


def _said(program: object) -> str:
    return subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout


def _built_elsewhere(made: Pair, nix: NixStore, folder: str) -> Built:
    """The changed source, built below ``folder`` from a checkpoint that was made below `one`."""
    made.checkpoint(nix.building_in(made.path / "one"))
    return made.checkpointed(nix.building_in(made.path / folder))


def test_another_folder_that_nothing_names(
    pair: Callable[..., Pair], nix_without_sandbox: NixStore
) -> None:
    made = pair(MAKE, {}, name="sample-a")
    made.changed.write("one.c", _EDITED)
    built = _built_elsewhere(made, nix_without_sandbox, "another")
    assert built.used
    assert built.compiled == 1
    assert _said(built.path / "bin/prog") == "41 2\n"


def test_another_folder_of_the_same_length(
    pair: Callable[..., Pair], nix_without_sandbox: NixStore
) -> None:
    made = pair(_ABSOLUTE, {}, name="sample-b", changed_name="sample-c")
    made.changed.write("one.h", "#define ONE 3\n")
    built = _built_elsewhere(made, nix_without_sandbox, "two")
    assert built.used
    assert built.compiled == 1
    assert _said(built.path / "bin/prog") == "3 2\n"


def test_another_folder_of_another_length(
    pair: Callable[..., Pair], nix_without_sandbox: NixStore
) -> None:
    made = pair(_ABSOLUTE, {}, name="sample-d", changed_name="sample-d")
    made.changed.write("one.h", "#define ONE 3\n")
    built = _built_elsewhere(made, nix_without_sandbox, "another")
    assert "and the checkpoint's files name" in built.why_clean
    assert _said(built.path / "bin/prog") == "3 2\n"
