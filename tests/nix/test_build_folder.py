"""The folder that a build runs in may be another one than the base's."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from tests.nix.project import MAKE, Pair
from tests.nix.store import Built, NixStore

_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'

_MAKE = {**MAKE, "Makefile": "$(info BUILT IN $(CURDIR))\n" + MAKE["Makefile"]}

# Depfiles with the whole path, as CMake and others have them.
_ABSOLUTE = {**_MAKE, "Makefile": _MAKE["Makefile"].replace("-c $<", "-c $(CURDIR)/$<")}


def _said(program: object) -> str:
    return subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout


def _built_elsewhere(made: Pair, nix: NixStore, folder: str) -> tuple[Built, bool]:
    """The changed source, built below ``folder`` from a checkpoint that was made below `one`, and
    whether the paths of both builds have one length: newer versions of Nix add a random number."""
    first = made.checkpoint(nix.building_in(made.path / "one"))
    second = made.checkpointed(nix.building_in(made.path / folder))
    one, other = (re.findall("BUILT IN (.*)", built.log)[0] for built in (first, second))
    assert one != other
    return second, len(one) == len(other)


def test_another_folder_that_nothing_names(
    pair: Callable[..., Pair], nix_without_sandbox: NixStore
) -> None:
    made = pair(_MAKE, {}, name="sample-a")
    made.changed.write("one.c", _EDITED)
    built, _ = _built_elsewhere(made, nix_without_sandbox, "another")
    assert built.used
    assert built.compiled == 1
    assert _said(built.path / "bin/prog") == "41 2\n"


@pytest.mark.parametrize("folder", ["two", "another"])
def test_another_folder_that_depfiles_name_is_used_where_its_path_is_as_long(
    pair: Callable[..., Pair], nix_without_sandbox: NixStore, folder: str
) -> None:
    made = pair(_ABSOLUTE, {}, name=f"sample-{folder}", changed_name=f"sample-{folder}")
    made.changed.write("one.h", "#define ONE 3\n")
    built, as_long = _built_elsewhere(made, nix_without_sandbox, folder)
    assert built.used == as_long
    if as_long:
        assert built.compiled == 1
    else:
        assert "and the checkpoint's files name" in built.why_clean
    assert _said(built.path / "bin/prog") == "3 2\n"
