"""What a build is called with counts as much as its sources: a checkpoint of a build that had other
flags is none for this one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.nix.project import MAKE, Pair
from tests.nix.store import Built, NixStore

_FLAGS = {
    **MAKE,
    "Makefile": MAKE["Makefile"].replace("-MMD", "$(FLAGS) -MMD"),
    "two.c": "#ifndef TWO\n#define TWO 2\n#endif\nint two(void) { return TWO; }\n",
}
_DATE = "#include <stdio.h>\nint main(void) { puts(__DATE__); return 0; }\n"
_INSTALL = {"postInstall": "$out/bin/prog >$out/said"}


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ('makeFlags = "FLAGS=-DTWO=22";', "makeFlags"),
        ('FLAGS = "-DTWO=22";', "FLAGS"),
        ('preBuild = "export FLAGS=-DTWO=22";', "FLAGS"),
        ('buildPhase = "runHook preBuild; make FLAGS=-DTWO=22; runHook postBuild";', "buildPhase"),
    ],
    ids=["makeFlags", "variable", "exported", "buildPhase"],
)
def test_other_flags(attributes: str, named: str, pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_FLAGS, _INSTALL)
    built = _otherwise(made, attributes, nix)
    assert f"{named} is another than when the checkpoint was made" in built.why_clean
    assert built.read("said") == "1 22\n"


def test_a_version_that_a_makefile_reads(pair: Callable[..., Pair], nix: NixStore) -> None:
    files = {**_FLAGS, "Makefile": _FLAGS["Makefile"].replace("$(FLAGS)", "-DTWO=$(version)")}
    made = pair(files, _INSTALL, more='version = "7";')
    built = _otherwise(made, 'version = "8";', nix)
    assert "the variable version changed" in built.why_clean
    assert built.read("said") == "1 8\n"


def test_a_date_that_is_compiled_in(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(
        {**_FLAGS, "main.c": _DATE},
        {**_INSTALL, "postUnpack": "SOURCE_DATE_EPOCH=$epoch"},
        more='epoch = "1000000000";',
    )
    built = _otherwise(made, 'epoch = "1100000000";', nix)
    assert "main.c has the date compiled in" in built.why_clean
    assert built.read("said") == "Nov  9 2004\n"


def test_an_output_s_other_name_in_a_flag(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(
        _FLAGS,
        {**_INSTALL, "preBuild": "makeFlags=FLAGS=-DHERE=$out"},
        name="sample-1",
        changed_name="sample-2",
    )
    built = made.checkpointed(nix)
    assert built.used


@pytest.mark.parametrize(
    "attributes",
    [
        'version = "2";',
        'doCheck = true; checkPhase = "true";',
        'installFlags = "a=b";',
        'buildInputs = "/nowhere";',
    ],
)
def test_what_compiles_nothing_anew(
    attributes: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Releases, what the phases after the build do, and an input that came in addition."""
    made = pair(_FLAGS, _INSTALL)
    built = _otherwise(made, attributes, nix)
    assert built.used
    assert not built.compiled


def _otherwise(made: Pair, attributes: str, nix: NixStore) -> Built:
    """The changed package with these attributes as well, built from the checkpoint."""
    made.checkpoint(nix)
    changed = f"(changed.overrideAttrs {{ {attributes} }})"
    return nix.build(made.expression(f"mkCheckpointedBuild {changed} checkpoint"))
