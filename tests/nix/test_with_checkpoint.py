"""One build that makes the package and the checkpoint for the next build."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from tests.nix.project import MAKE, Pair
from tests.nix.store import Built, NixStore

_PREFIX = {
    **MAKE,
    "main.c": "#include <stdio.h>\nint one(void), two(void);\n"
    'int main(void) { printf("%d %d %s\\n", one(), two(), PREFIX); return 0; }\n',
}
_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'

_FIRST = "withCheckpoint base"
_NEXT = f"withCheckpoint (mkCheckpointBuild changed ({_FIRST}).checkpoint)"


def _said(built: Built) -> str:
    program = built.path / "bin/prog"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def test_the_package_is_the_one_that_is_built_without(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_PREFIX, {"installPhase": "make install; env >$out/environment"})
    plain = nix.build(made.expression("base"))
    built = nix.build(made.expression(_FIRST))
    assert built.compiled == 3
    assert _said(built) == f"1 2 {built.path}\n"
    files = {path.relative_to(plain.path) for path in plain.path.rglob("*")}
    assert {path.relative_to(built.path) for path in built.path.rglob("*")} == files
    checkpoint = nix.build(made.expression(f"({_FIRST}).checkpoint"))
    environment = built.read("environment")
    assert f"out={built.path}" in environment
    assert checkpoint.path.name not in environment
    assert "checkpointLibrary" not in environment


def test_each_build_starts_from_the_one_before(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {})
    made.changed.write("one.c", _EDITED)
    first = nix.build(made.expression(_FIRST))
    second = nix.build(made.expression(_NEXT))
    assert second.used
    assert second.compiled == 1
    assert _said(second) == f"41 2 {second.path}\n"
    third = nix.build(made.expression(f"mkCheckpointBuild base ({_NEXT}).checkpoint"))
    assert third.used
    assert third.compiled == 1
    assert _said(third) == f"1 2 {third.path}\n"
    checkpoints = [nix.build(made.expression(f"({each}).checkpoint")) for each in (_FIRST, _NEXT)]
    names = [each.path.name[:32].encode() for each in (first, *checkpoints)]
    for later in (second, checkpoints[1]):
        for file in later.path.rglob("*"):
            held = b"" if file.is_dir() or file.is_symlink() else file.read_bytes()
            assert not [
                name for name in names if name in held and later.path.name[:32].encode() != name
            ]


def test_the_checkpoint_has_what_the_build_made_and_nothing_twice(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """What it altered, too; the sources are compared by their digests."""
    edits = "mkdir -p deep/er; cp one.o deep/er/copy.o; echo '/* built */' >>two.c"
    made = pair({**MAKE, "tool.sh": "#!/bin/sh\n"}, {"postBuild": edits})
    checkpoint = nix.build(made.expression(f"({_FIRST}).checkpoint")).path
    sources, outputs = (
        {str(p.relative_to(checkpoint / f)) for p in (checkpoint / f).rglob("*") if p.is_file()}
        for f in ("sources", "outputs")
    )
    assert sources == set()
    assert {name for name in outputs if not name.endswith(".d")} == {
        *("prog", "one.o", "two.o", "main.o"),
        *("deep/er/copy.o", "two.c"),
    }


@pytest.mark.parametrize("more", ["", "__structuredAttrs = true; "])
def test_no_phase_of_the_package_sees_the_further_output(
    more: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    look = "echo ${checkpoint-none} ${!outputs[@]} ${outputs[@]} >$doc"
    made = pair(MAKE, {"postInstall": look}, more=more + 'outputs = [ "out" "doc" ];')
    plain = nix.build(made.expression("base.doc"))
    built = nix.build(made.expression(f"({_FIRST}).doc"))
    words = [re.sub("[0-9a-z]{32}-", "", each.path.read_text()) for each in (plain, built)]
    assert words[0].startswith("none ")
    assert words[0] == words[1]
    made.changed.write("one.c", _EDITED)
    later = nix.build(made.expression(_NEXT))
    assert later.used
    assert _said(later) == "41 2\n"


def test_a_state_that_can_not_be_kept_is_no_reason_to_fail(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(MAKE, {"buildPhase": "if false; then runHook preBuild; fi; make"})
    built = nix.build(made.expression(_FIRST))
    assert _said(built) == "1 2\n"
    assert "checkpoint: the build ran without its preBuild hook" in built.log
    said = nix.fails(made.expression("prepareCheckpointBuild base"))
    assert "checkpoint: the build ran without its preBuild hook" in said
    works = "(changed.overrideAttrs { buildPhase = null; })"
    later = nix.build(made.expression(f"mkCheckpointBuild {works} ({_FIRST}).checkpoint"))
    assert later.why_clean == (
        "the build before left no checkpoint: the build ran without its preBuild hook"
    )
    assert _said(later) == "1 2\n"


def test_the_state_is_installed_as_the_build_left_it(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Saving has to read what nobody may read."""
    close = "make; mkdir closed; touch closed/file; chmod 0 closed/file closed"
    look = "make install; stat -c %a closed >$out/modes; chmod 700 closed; "
    look += "stat -c %a closed/* >>$out/modes"
    made = pair(MAKE, {"buildPhase": close, "installPhase": look})
    built = nix.build(made.expression(_FIRST))
    assert built.read("modes") == "0\n0\n"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        (
            'outputs = [ "out" "checkpoint" ]',
            "has an output or an attribute that is called checkpoint",
        ),
        ('checkpoint = "mine"', "has an output or an attribute that is called checkpoint"),
        ("allowedReferences = [ ]", "checks what its outputs refer to"),
        ("dontBuild = true", "has dontBuild"),
    ],
)
def test_what_can_not_have_both_is_refused_at_evaluation(
    attributes: str, reason: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(MAKE, {}, more=f"{attributes};")
    said = nix.fails(made.expression(_FIRST))
    assert f"withCheckpoint: sample-1 {reason}" in said
