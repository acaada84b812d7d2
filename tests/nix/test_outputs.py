"""Nothing of the base lives on in what is built: no path of its outputs, nor of the checkpoint."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nix.project import MAKE, Pair, assert_own_paths_only
from tests.nix.store import Built, NixStore

_PREFIX = {
    **MAKE,
    "two.c": "int two(void) { return 2; }\nconst char *where(void) { return PREFIX; }\n",
    "main.c": "#include <stdio.h>\nint one(void), two(void);\nconst char *where(void);\n"
    'int main(void) { printf("%d %d %s\\n", one(), two(), where()); return 0; }\n',
}
_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'


def _said(built: Built) -> str:
    program = built.path / "bin/prog"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def _build_id(program: Path) -> str:
    done = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True)
    return next(line for line in done.stdout.splitlines() if "Build ID: " in line)


def _references(nix: NixStore, built: Built) -> list[str]:
    done = subprocess.run(
        ["nix-store", "--query", "--references", built.path],
        env=nix.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_prefix_in_an_unchanged_object(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {})
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == f"41 2 {built.path}\n"
    assert_own_paths_only(nix, built)
    assert set(_references(nix, built)) <= {str(built.path)}


def test_a_program_that_is_not_linked_again(pair: Callable[..., Pair], nix: NixStore) -> None:
    """Its checksum of itself, the build id, is that of a program with the new path."""
    made = pair(_PREFIX, {})
    made.changed.write("notes.txt", "no source\n")
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 0
    assert _said(built) == f"1 2 {built.path}\n"
    checkpoint = made.checkpoint(nix)
    ids = {_build_id(built.path / "bin/prog"), _build_id(checkpoint.path / "outputs/prog")}
    assert len(ids) == 2


def test_configured_files_that_name_the_output(pair: Callable[..., Pair], nix: NixStore) -> None:
    files = {
        **_PREFIX,
        "configure": '#!/bin/sh\necho "#define PREFIX \\"${1#--prefix=}\\"" >config.h\n',
        "two.c": '#include "config.h"\nint two(void) { return 2; }\n'
        "const char *where(void) { return PREFIX; }\n",
        "Makefile": MAKE["Makefile"].replace("-DPREFIX='\"$(out)\"'", ""),
    }
    made = pair(files, {})
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == f"41 2 {built.path}\n"
    assert_own_paths_only(nix, built)


_WITHOUT_ZSTD = pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd")


def _packing(command: str, prerequisites: str = "") -> dict[str, str]:
    """A project that also installs the file `packed`, which ``command`` prints."""
    rule = f"\nall: prog packed\npacked: {prerequisites}\n\t{command} >$@\n"
    makefile = MAKE["Makefile"].replace("install:", f"{rule}install: all")
    return {**MAKE, "Makefile": makefile.replace("cp prog", "cp prog packed")}


_PACKED = {"buildPhase": "runHook preBuild; make all"}


@pytest.mark.parametrize("tool", ["gzip", "bzip2", "xz", pytest.param("zstd", marks=_WITHOUT_ZSTD)])
def test_the_output_s_path_in_compressed_files(
    tool: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Compressed by the build, behind some other bytes: it can't be rewritten."""
    made = pair(_packing(f"(echo head; echo $(out) | {tool} -c)"), _PACKED)
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert "packed in the checkpoint is compressed" in built.why_clean
    packed = (built.path / "bin/packed").read_bytes().removeprefix(b"head\n")
    unpacked = subprocess.run([tool, "-dc"], input=packed, capture_output=True, check=True)
    assert unpacked.stdout.decode() == f"{built.path}\n"


@_WITHOUT_ZSTD
def test_what_is_packed_behind_something_packed_before(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """One frame of zstd in another, which can't be made smaller; the path comes last."""
    command = "(zstd -c notes; echo $(out)) | zstd -c"
    made = pair({**_packing(command), "notes": "some words\n"}, _PACKED)
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert "packed in the checkpoint is compressed" in built.why_clean


@_WITHOUT_ZSTD
def test_what_is_packed_with_a_window_that_is_too_large_to_look_into(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_packing("echo $(out) | zstd -c --long=31"), _PACKED)
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert "packed in the checkpoint is compressed" in built.why_clean


def test_a_file_that_only_a_later_build_packs(pair: Callable[..., Pair], nix: NixStore) -> None:
    """What was built from a checkpoint is looked through where it isn't as it was there."""
    files = {**_packing("sed s,OUT,$(out), notes | gzip", "notes"), "notes": "nothing\n"}
    made = pair(files, _PACKED)
    made.changed.write("notes", "OUT\n")
    later = "withCheckpoint (mkCheckpointBuild changed checkpoint)"
    assert nix.build(made.expression(later)).used
    last = nix.build(made.expression(f"mkCheckpointBuild base ({later}).checkpoint"))
    assert "packed in the checkpoint is compressed" in last.why_clean
    assert gzip.decompress((last.path / "bin/packed").read_bytes()) == b"nothing\n"


_AT_LINK_TIME = MAKE["Makefile"].replace("-MMD", "-flto -MMD")


@_WITHOUT_ZSTD
def test_an_object_for_optimisation_at_link_time_that_names_the_output(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Such an object is dozens of compressed sections."""
    made = pair({**_PREFIX, "Makefile": _AT_LINK_TIME}, {})
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert "two.o in the checkpoint is compressed" in built.why_clean
    assert _said(built) == f"41 2 {built.path}\n"
    assert_own_paths_only(nix, built)


def test_objects_for_optimisation_at_link_time(pair: Callable[..., Pair], nix: NixStore) -> None:
    makefile = _AT_LINK_TIME.replace("-DPREFIX='\"$(out)\"'", "")
    made = pair({**MAKE, "Makefile": makefile}, {})
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "41 2\n"


def test_an_output_s_name_of_another_length(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {}, name="sample-1.9", changed_name="sample-1.10")
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert "sample-1.10 is not as long as" in built.why_clean
    assert _said(built) == f"41 2 {built.path}\n"


def test_an_output_s_other_name(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {}, name="sample-1.1", changed_name="sample-1.2")
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert built.path.name.endswith("-sample-1.2")
    assert _said(built) == f"41 2 {built.path}\n"


def test_several_outputs(pair: Callable[..., Pair], nix: NixStore) -> None:
    makefile = _PREFIX["Makefile"].replace('"$(out)"', '"$(out) $(data)"')
    makefile += "install: data\ndata:\n\tmkdir -p $(data) && echo here >$(data)/where\n"
    made = pair({**_PREFIX, "Makefile": makefile}, {}, more='outputs = [ "out" "data" ];')
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    data = nix.build(made.expression("(mkCheckpointedBuild changed checkpoint).data"))
    assert built.used
    assert built.compiled == 1
    assert _said(built) == f"41 2 {built.path} {data.path}\n"
    assert data.read("where") == "here\n"
    assert_own_paths_only(nix, built, data)


def test_a_checkpoint_of_a_checkpointed_build(pair: Callable[..., Pair], nix: NixStore) -> None:
    """It starts the next build as well, and doesn't keep the checkpoint before it alive."""
    made = pair(_PREFIX, {})
    made.changed.write("one.c", _EDITED)
    first = made.checkpoint(nix)
    second = nix.build(
        made.expression("prepareCheckpointBuild (mkCheckpointedBuild changed checkpoint)")
    )
    assert second.used
    assert second.compiled == 1
    assert str(first.path) not in _references(nix, second)
    third = nix.build(
        made.expression(
            """mkCheckpointedBuild (base.overrideAttrs { name = "sample-3"; })
                 (prepareCheckpointBuild (mkCheckpointedBuild changed checkpoint))"""
        )
    )
    assert third.used
    assert third.compiled == 1
    assert _said(third) == f"1 2 {third.path}\n"
    assert_own_paths_only(nix, third)


def test_an_output_that_names_the_base_is_not_let_through(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """What a recipe brings in by itself is found at the end, and the build is done again, clean."""
    made = pair(MAKE, {})
    made.changed.write("one.c", _EDITED)
    leak = """changed.overrideAttrs {
      postInstall = ''
        if [ -e $NIX_BUILD_TOP/.ckpt/restored ]; then echo ${checkpoint} >$out/leak; fi
      '';
    }"""
    built = nix.build(made.expression(f"mkCheckpointedBuild ({leak}) checkpoint"))
    assert "names the base's output" in built.log
    assert "from nothing" in built.log
    assert not Path(built.path / "leak").exists()
