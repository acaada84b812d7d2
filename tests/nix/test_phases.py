"""Derivations of many forms: their own phases and hooks, patches, roots, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nix.project import MAKE, Pair, assert_result_carries
from tests.nix.store import Built, NixStore

_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'


def _said(built: Built) -> str:
    program = built.path / "bin/prog"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


_OWN = {
    "prePatch": "sed -i s/ONE.1/ONE\\ 5/ one.h",
    "postPatch": "test ! -e patched; touch patched",
    "preConfigure": "test -e patched; echo configured >>notes",
    "preBuild": "test ! -e prog; sed -i 's/return 2/return 7/' two.c",
}


def test_phases_and_hooks_of_the_derivation_s_own(pair: Callable[..., Pair], nix: NixStore) -> None:
    """They run once, on the sources, whether these change or not; what they make counts."""
    made = pair(MAKE, _OWN)
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "45 7\n"


def test_a_hook_that_changes_with_the_sources(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {"preBuild": "sed -i s/ONE.1/ONE\\ $(wc -l <lines)/ one.h"})
    made.base.write("lines", "1\n2\n3\n")
    made.changed.write("lines", "1\n2\n3\n4\n")
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "4 2\n"


def test_patches(pair: Callable[..., Pair], nix: NixStore, tmp_path: Path) -> None:
    """A patch that only the changed derivation has is a change like others."""
    patch = tmp_path / "two.patch"
    patch.write_text(
        "--- a/two.c\n+++ b/two.c\n@@ -1 +1 @@\n"
        "-int two(void) { return 2; }\n+int two(void) { return 22; }\n"
    )
    made = pair(MAKE, {})
    made.checkpoint(nix)
    patched = f"(changed.overrideAttrs {{ patches = [ {patch} ]; }})"
    built = nix.build(made.expression(f"mkCheckpointedBuild {patched} checkpoint"))
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "1 22\n"
    back = nix.build(
        made.expression(f"mkCheckpointedBuild changed (prepareCheckpointBuild {patched})")
    )
    assert back.used
    assert _said(back) == "1 2\n"


def test_source_root_and_a_folder_beside_it(pair: Callable[..., Pair], nix: NixStore) -> None:
    files = {f"program/{name}": text for name, text in MAKE.items()}
    files["program/one.h"] = '#include "../shared/value.h"\n#define ONE VALUE\n'
    files["shared/value.h"] = "#define VALUE 1\n"
    made = pair(files, {"sourceRoot": "source/program"})
    made.changed.write("shared/value.h", "#define VALUE 9\n")
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "9 2\n"


def test_tarball_as_the_base(pair: Callable[..., Pair], nix: NixStore, tmp_path: Path) -> None:
    """The folder in it has another name than the changed source's, and modes of its own."""
    made = pair(MAKE, {})
    made.base.path.chmod(0o775)
    (made.base.path / "one.c").chmod(0o664)
    tarball = tmp_path / "sample-1.tar.gz"
    subprocess.run(
        ["tar", "-C", made.path, "--transform", "s,^base,sample-1,", "-czf", tarball, "base"],
        check=True,
    )
    made.changed.write("one.c", _EDITED)
    built = nix.build(
        made.expression(
            f"""mkCheckpointedBuild changed
                 (prepareCheckpointBuild (base.overrideAttrs {{ src = {tarball}; }}))"""
        )
    )
    assert built.used
    assert "COMPILE one.c" in built.log
    assert _said(built) == "41 2\n"
    assert built.compiled == 4  # three for the base


def test_a_build_phase_without_hooks(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {"buildPhase": "make -j2"})
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "41 2\n"


def test_a_list_of_phases(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {}, more='phases = [ "unpackPhase" "buildPhase" "installPhase" ];')
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert "checkpointFinishPhase" in built.log
    assert _said(built) == "41 2\n"


def test_nothing_to_unpack(pair: Callable[..., Pair], nix: NixStore) -> None:
    """The sources are fetched by a phase of the derivation's own, into the top folder."""
    made = pair(MAKE, {"preBuild": "cp $src/* . && chmod u+w *"}, more="dontUnpack = true;")
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "41 2\n"


def test_structured_attributes(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {}, more='__structuredAttrs = true; outputs = [ "out" ];')
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "41 2\n"


def _fails_from_a_checkpoint(made: Pair) -> None:
    made.changed.write("two.c", "int two(void) { return 8; }\n")


_STUMBLES = 'if [ -e prog ] && grep -q "return 8" two.c; then echo stumbled; exit 3; fi; make'


def test_what_fails_only_from_a_checkpoint_passes(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {"buildPhase": f"runHook preBuild; {_STUMBLES}"})
    _fails_from_a_checkpoint(made)
    built = made.checkpointed(nix)
    assert "failed from the checkpoint (exit code 3)" in built.log
    assert built.why_clean == "the build from the checkpoint failed"
    assert _said(built) == "1 8\n"


def test_a_failure_can_be_left_unconfirmed(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(
        MAKE, {"buildPhase": f"runHook preBuild; {_STUMBLES}"}, more="dontConfirmCheckpoint = true;"
    )
    _fails_from_a_checkpoint(made)
    said = nix.fails(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert "stumbled" in said
    assert "from nothing" not in said


def test_a_commit_that_can_not_be_built(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {})
    made.changed.write("one.c", "int one(void) { return nothing; }\n")
    made.checkpoint(nix)
    said = nix.fails(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert "failed from the checkpoint (exit code 2)" in said
    assert said.count("COMPILE one.c") == 2


def test_what_is_no_checkpoint(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(MAKE, {})
    built = nix.build(
        made.expression(f'mkCheckpointedBuild changed (folder "other" {made.base.path})')
    )
    assert "was not made by this version of prepareCheckpointBuild" in built.why_clean
    assert _said(built) == "1 2\n"


def test_what_the_result_carries(pair: Callable[..., Pair], nix: NixStore) -> None:
    assert_result_carries(pair, nix, MAKE)


def test_the_layout_is_that_of_nixpkgs(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair({**MAKE, ".dot": "a dotfile\n"}, {})
    checkpoint = made.checkpoint(nix).path
    assert (checkpoint / "sources/one.c").read_text() == MAKE["one.c"]
    assert not (checkpoint / "sources/one.o").exists()
    assert (checkpoint / "outputs/one.o").exists()
    assert (checkpoint / "outputs/.dot").exists()


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ('buildCommand = "touch $out"', "is built by one command"),
        ('outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="', "fixed-output"),
        ("dontBuild = true", "has dontBuild"),
        ('phases = [ "installPhase" ]', "has phases without buildPhase"),
        ('builder = "/bin/python3"', "is run by python3"),
    ],
)
def test_what_can_not_be_checkpointed_is_refused_at_evaluation(
    attribute: str, reason: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(MAKE, {})
    builder = '// { builder = "/bin/python3"; }' if attribute.startswith("builder") else ""
    odd = f"(base.overrideAttrs {{ {attribute}; }} {builder})"
    for call in (f"prepareCheckpointBuild {odd}", f"mkCheckpointedBuild {odd} checkpoint"):
        said = nix.fails(made.expression(call))
        assert reason in said
        assert f"{call.split()[0].replace('ointed', 'oint')}: sample-1" in said
