"""Builds from nothing in which known commands are answered: ``remember = true``."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nix.project import MAKE, Pair, assert_own_paths_only, assert_result_carries
from tests.nix.store import Built, NixStore

# An answered command says what it said then, so each run says when it ran.
_CC = '#!/bin/sh\nfor last; do :; done\necho "COMPILE $last $(date +%s.%N)"\nexec cc "$@"\n'
_MAKE = {**MAKE, "cc.sh": _CC}
_PREFIX = {
    **_MAKE,
    "two.c": "int two(void) { return 2; }\nconst char *where(void) { return PREFIX; }\n",
    "main.c": "#include <stdio.h>\nint one(void), two(void);\nconst char *where(void);\n"
    'int main(void) { printf("%d %d %s\\n", one(), two(), where()); return 0; }\n',
}
_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'
_WITHOUT_ZSTD = pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd")


@pytest.fixture(scope="module", name="nix")
def _nix(nix: NixStore) -> NixStore:
    return nix.with_library("remember = true;")


def _compiled(built: Built, since: float) -> set[str]:
    """The sources of which the compiler ran after a moment."""
    lines = [line.split() for line in built.log.splitlines() if line.startswith("COMPILE ")]
    return {line[1] for line in lines if float(line[2]) > since}


def _said(built: Built) -> str:
    program = built.path / "bin/prog"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def _assert_own_paths_only(nix: NixStore, *built: Built) -> None:
    assert_own_paths_only(nix, *built)
    for item in built:
        assert all(b"eoutu" not in content for content in item.contents().values())


def _references(nix: NixStore, path: Path) -> list[str]:
    done = subprocess.run(
        ["nix-store", "--query", "--references", path],
        env=nix.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def _build(made: Pair, nix: NixStore, *, is_path_in_it: bool = False) -> tuple[Built, set[str]]:
    """The changed source, built from the base's checkpoint, and what was compiled for it. A clean
    build has another path: where this one is in something that can't be compared, nothing is."""
    made.checkpoint(nix)
    began = time.time()
    built = nix.build(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert built.used
    if not is_path_in_it:
        assert built.contents() == made.clean(nix).contents()
    _assert_own_paths_only(nix, built)
    return built, _compiled(built, began)


def test_one_source(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_MAKE, {})
    made.changed.write("one.c", _EDITED)
    built, compiled = _build(made, nix)
    assert compiled == {"one.c"}
    assert _said(built) == "41 2\n"


def test_nothing_that_a_command_looks_at(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_MAKE, {})
    made.changed.write("notes.txt", "no build tool looks at this\n")
    assert _build(made, nix)[1] == set()


@pytest.mark.parametrize("way", ["deleted", "renamed", "flag"])
def test_only_what_a_change_concerns(way: str, pair: Callable[..., Pair], nix: NixStore) -> None:
    """The rules of old build clean for these."""
    made = pair({**_MAKE, "gone.h": ""}, {})
    expected: set[str] = set()
    if way == "renamed":
        made.changed.write("zwei.c", MAKE["two.c"])
        made.changed.remove("two.c")
        makefile = MAKE["Makefile"].replace("two.o", "zwei.o")
        made.changed.write("Makefile", makefile)
        expected = {"zwei.c"}
    elif way == "flag":
        made.changed.write("Makefile", MAKE["Makefile"] + "two.o: override CFLAGS = -g\n")
    else:
        made.changed.remove("gone.h")
    assert _build(made, nix)[1] == expected


def test_the_output_s_path_in_an_object(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {})
    made.changed.write("one.c", _EDITED)
    built, compiled = _build(made, nix, is_path_in_it=True)
    assert compiled == {"one.c"}
    assert _said(built) == f"41 2 {built.path}\n"


def test_a_program_that_names_the_output_is_linked_again(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Its checksum of itself, the build id, is that of a program with the new path."""
    made = pair(_PREFIX, {})
    made.changed.write("notes.txt", "no source\n")
    built, compiled = _build(made, nix, is_path_in_it=True)
    assert compiled == set()
    assert _said(built) == f"1 2 {built.path}\n"


def test_the_output_s_path_in_a_large_file_a_link_and_what_is_printed(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    makefile = MAKE["Makefile"].replace(
        "install:",
        "all: prog\n\tfor i in $$(seq 2000); do echo $$i $(out); done >large\n"
        "\tln -s $(out)/large link\n\techo here: $(out)\ninstall: all",
    )
    makefile = makefile.replace("cp prog", "cp -d prog large link")
    made = pair({**_MAKE, "Makefile": makefile}, {})
    made.changed.write("notes.txt", "no source\n")
    built, _ = _build(made, nix)
    assert (built.path / "bin/link").readlink() == built.path / "large"
    assert f"here: {built.path}\n" in built.log


def test_the_output_s_path_in_parts(pair: Callable[..., Pair], nix: NixStore) -> None:
    """As a compiler leaves it that copies a text by words."""
    makefile = MAKE["Makefile"].replace(
        "install:",
        "parts: Makefile\n\techo $(out) | fold -w 12 >parts\ninstall: parts",
    )
    made = pair({**_MAKE, "Makefile": makefile.replace("cp prog", "cp prog parts")}, {})
    made.changed.write("notes.txt", "no source\n")
    built, _ = _build(made, nix, is_path_in_it=True)
    assert built.read("bin/parts").replace("\n", "") == str(built.path)


@pytest.mark.parametrize("tool", ["gzip", "bzip2", "xz", pytest.param("zstd", marks=_WITHOUT_ZSTD)])
def test_the_output_s_path_in_compressed_files(
    tool: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    """A command that may have compressed it runs."""
    makefile = MAKE["Makefile"].replace(
        "install:",
        f"packed: Makefile\n\t(echo head; echo $$out | (sleep .1; exec {tool} -c)) >packed\n"
        "install: packed",
    )
    made = pair({**_MAKE, "Makefile": makefile.replace("cp prog", "cp prog packed")}, {})
    made.changed.write("one.c", _EDITED)
    built, compiled = _build(made, nix, is_path_in_it=True)
    assert compiled == {"one.c"}
    packed = (built.path / "bin/packed").read_bytes().removeprefix(b"head\n")
    unpacked = subprocess.run([tool, "-dc"], input=packed, capture_output=True, check=True)
    assert unpacked.stdout.decode() == f"{built.path}\n"


def test_a_compressed_file_of_what_names_no_output(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    makefile = MAKE["Makefile"].replace(
        "install:", "one.h.gz: one.h\n\tgzip -nc one.h >one.h.gz\ninstall: one.h.gz"
    )
    made = pair({**_MAKE, "Makefile": makefile.replace("cp prog", "cp prog one.h.gz")}, {})
    made.changed.write("two.c", "int two(void) { return 3; }\n")
    built, compiled = _build(made, nix)
    assert compiled == {"two.c"}
    assert gzip.decompress((built.path / "bin/one.h.gz").read_bytes()).decode() == MAKE["one.h"]


def test_several_outputs(pair: Callable[..., Pair], nix: NixStore) -> None:
    makefile = _PREFIX["Makefile"].replace('"$(out)"', '"$(out) $(data)"')
    makefile += "install: data\ndata:\n\tmkdir -p $(data) && echo here >$(data)/where\n"
    made = pair({**_PREFIX, "Makefile": makefile}, {}, more='outputs = [ "out" "data" ];')
    made.changed.write("one.c", _EDITED)
    made.checkpoint(nix)
    began = time.time()
    built = nix.build(made.expression("mkCheckpointedBuild changed checkpoint"))
    data = nix.build(made.expression("(mkCheckpointedBuild changed checkpoint).data"))
    assert built.used
    assert _compiled(built, began) == {"one.c"}
    assert _said(built) == f"41 2 {built.path} {data.path}\n"
    assert data.read("where") == "here\n"
    _assert_own_paths_only(nix, built, data)


@pytest.mark.parametrize("more", ["", 'outputs = [ "out" "doc" ];'])
def test_structured_attributes(more: str, pair: Callable[..., Pair], nix: NixStore) -> None:
    makefile = MAKE["Makefile"] + ("install: doc\ndoc:\n\ttouch $(doc)\n" if more else "")
    more = more or 'outputs = [ "out" ];'
    made = pair({**_MAKE, "Makefile": makefile}, {}, more=f"__structuredAttrs = true; {more}")
    made.changed.write("one.c", _EDITED)
    assert _build(made, nix)[1] == {"one.c"}


def test_the_build_s_variables_are_those_of_a_clean_one(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """Those of the recipe, however they are called, and none of ours but the watcher's library."""
    shown = "env | grep -v -e ^_= -e ^LD_PRELOAD= -e ^src= -e ^stdenv= | sort >$out/variables"
    more = "".join(f'{word} = "mine";' for word in ("top", "shell", "path", "output", "status"))
    made = pair(_MAKE, {"postInstall": shown}, more=more)
    made.changed.write("one.c", _EDITED)
    built, compiled = _build(made, nix)
    assert "\noutput=mine\n" in built.read("variables")
    assert compiled == {"one.c"}


def test_a_hook_of_the_recipe_s_own_is_no_input_of_its_commands(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_MAKE, {})
    made.checkpoint(nix)
    began = time.time()
    hooked = '(changed.overrideAttrs { preBuild = "export TWO=2"; })'
    built = nix.build(made.expression(f"mkCheckpointedBuild {hooked} checkpoint"))
    assert _compiled(built, began) == {"main.c", "one.c", "two.c"}  # TWO is one
    began = time.time()
    hooked = '(changed.overrideAttrs { postInstall = "touch $out/new"; })'
    built = nix.build(made.expression(f"mkCheckpointedBuild {hooked} checkpoint"))
    assert _compiled(built, began) == set()
    assert (built.path / "new").exists()


@pytest.mark.parametrize("folders", [("first", "first"), ("first", "second")])
def test_without_a_sandbox(
    folders: tuple[str, str],
    pair: Callable[..., Pair],
    nix_without_sandbox: NixStore,
    tmp_path: Path,
) -> None:
    """Commands are known where the build's folder has the same name."""
    made = pair(_MAKE, {})
    made.changed.write("one.c", _EDITED + f"/* {folders} */\n")
    nix = nix_without_sandbox.with_library("remember = true;")
    first, then = (nix.building_in(tmp_path / folder) for folder in folders)
    made.checkpoint(first)
    began = time.time()
    built = then.build(made.expression("mkCheckpointedBuild changed checkpoint"))
    all_of_them = {"main.c", "one.c", "two.c"}
    assert _compiled(built, began) == ({"one.c"} if first == then else all_of_them)
    assert built.contents() == made.clean(then).contents()


def test_what_the_result_carries(pair: Callable[..., Pair], nix: NixStore) -> None:
    assert_result_carries(pair, nix, _MAKE)


def test_a_checkpoint_keeps_nothing_alive(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {})
    assert _references(nix, made.checkpoint(nix).path) == []


def test_a_checkpoint_of_a_checkpointed_build(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_PREFIX, {})
    made.changed.write("one.c", _EDITED)
    made.checkpoint(nix)
    began = time.time()
    both = "withCheckpoint (mkCheckpointedBuild changed checkpoint)"
    second = nix.build(made.expression(both))
    assert second.used
    assert _compiled(second, began) == {"one.c"}
    began = time.time()
    third = nix.build(made.expression(f"mkCheckpointBuild changed ({both}).checkpoint"))
    assert third.used
    assert _compiled(third, began) == set()
    assert _said(third) == f"41 2 {third.path}\n"
    _assert_own_paths_only(nix, second)
    _assert_own_paths_only(nix, third)


def test_a_build_that_fails_is_built_from_nothing(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_MAKE, {})
    made.changed.write("one.c", "int one(void) { return nothing; }\n")
    made.checkpoint(nix)
    said = nix.fails(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert "failed from the checkpoint (exit code 2)" in said
    assert said.count("COMPILE one.c") == 2


def test_what_is_no_checkpoint(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_MAKE, {})
    other = f'mkCheckpointedBuild changed (folder "other" {made.base.path})'
    built = nix.build(made.expression(other))
    assert "was not made by this version of prepareCheckpointBuild" in built.why_clean
    assert _said(built) == "1 2\n"


_PROGRAMS = {
    "none": {},
    "forbidden": {
        "ckpt-watch": "#!/bin/sh\n[ $# -eq 0 ] && exit 64\nexit 121\n",
        "libsee.so": "",
        "answer": "",
    },
}


@pytest.mark.parametrize("programs", _PROGRAMS)
def test_where_nobody_may_watch(
    programs: str, pair: Callable[..., Pair], nix: NixStore, tmp_path: Path
) -> None:
    """The build is clean, and says so; so is the one from its checkpoint."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, text in _PROGRAMS[programs].items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    blind = nix.with_library(f"remember = true; watcher = {folder};")
    made = pair(_MAKE, {})
    before = made.checkpoint(blind)
    assert "the build can't be watched" in before.log
    built = blind.build(made.expression("mkCheckpointedBuild changed checkpoint"))
    assert "the build can't be watched" in built.why_clean
    assert _said(built) == "1 2\n"
    prepared = f"{_blind(folder)}.prepareCheckpointBuild base"
    seeing = nix.build(made.expression(f"mkCheckpointedBuild changed ({prepared})"))
    assert "left no checkpoint: the build can't be watched" in seeing.why_clean


def _blind(folder: Path) -> str:
    library = Path(__file__).parent.parent.parent / "ckpt_git" / "nix"
    return f"(import {library} {{ remember = true; watcher = {folder}; }})"
