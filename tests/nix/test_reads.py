"""Plain make: what no build has read since the clean one is no reason to build clean."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.nix.project import MAKE, Pair
from tests.nix.store import Built, NixStore
from tests.reflinks import reflinking

_FILES = {
    **MAKE,
    "module/Makefile": "all:\n\techo another program\n",
    "tests/run.sh": "#!/bin/sh\n. tests/lib.sh\n",
    "tests/lib.sh": "echo tests\n",
    "unused.h": "#define UNUSED 1\n",
    "empty.sh": "",
    "size.pl": "print -s 'tests/lib.sh';\n",
}
_EDITED = '#include "one.h"\nint one(void) { return ONE + 40; }\n'

_FIRST = "withCheckpoint base"
_NEXT = f"withCheckpoint (mkCheckpointBuild changed ({_FIRST}).checkpoint)"


def _said(built: Built) -> str:
    done = subprocess.run([built.path / "bin/prog"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("module/Makefile", "all:\n\techo a changed program\n"),
        ("tests/lib.sh", "echo other tests\n"),
        ("unused.h", "#define UNUSED 2\n"),
    ],
)
def test_what_no_build_reads_is_no_reason(
    file: str, text: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_FILES, {})
    made.changed.write(file, text)
    made.changed.write("one.c", _EDITED)
    built = made.checkpointed(nix)
    assert built.used
    assert built.compiled == 1
    assert _said(built) == "41 2\n"


@pytest.mark.parametrize(
    ("how", "file"),
    [
        (". ./tests/lib.sh", "tests/lib.sh"),
        ("cat <tests/lib.sh >/dev/null", "tests/lib.sh"),
        ("cp tests/lib.sh copy", "tests/lib.sh"),
        ("ln tests/lib.sh other; cat other >/dev/null", "tests/lib.sh"),
        ("mv tests/lib.sh other; cp other tests/lib.sh", "tests/lib.sh"),
        ("tar -cf all.tar --atime-preserve=replace tests", "tests/lib.sh"),
        ("tar -cf all.tar --atime-preserve=system tests", "tests/lib.sh"),
        ("echo $$(wc -c <tests/lib.sh)", "tests/lib.sh"),
        ("echo $$(stat --format=%s tests/lib.sh)", "tests/lib.sh"),
        ("echo $$(perl -e 'print -s \"tests/lib.sh\"')", "tests/lib.sh"),
        ("perl size.pl", "tests/lib.sh"),
        ("[ ! -s empty.sh ] || touch filled", "empty.sh"),
        ("make -s -f module/Makefile all", "module/Makefile"),
    ],
)
def test_what_a_command_got_of_a_file_is(
    how: str, file: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    """In whatever way; a rule that runs again by its dates doesn't see that."""
    rule = f"once: Makefile\n\t{how} && touch once\nprog: once\n"
    made = pair({**_FILES, "Makefile": MAKE["Makefile"] + rule}, {})
    made.changed.write(file, "all:\n\techo changed it, and longer\n")
    built = made.checkpointed(nix)
    assert not built.used
    assert file in (built.why_clean or "")


def test_what_a_build_in_between_read_counts(pair: Callable[..., Pair], nix: NixStore) -> None:
    """Each command's files are known from the build that ran it last, whichever that was."""
    compiler = MAKE["cc.sh"].replace("exec", 'if grep -q MORE "$last"; then . ./more.sh; fi\nexec')
    made = pair({**_FILES, "cc.sh": compiler, "more.sh": "flags=-DMORE=1\n"}, {})
    made.changed.write("more.sh", "flags=-DMORE=2\n")
    made.changed.write("two.c", "/* MORE */ int two(void) { return 3; }\n")
    first = nix.build(made.expression(_NEXT))
    assert first.used
    assert _said(first) == "1 3\n"

    then = made.path / "then"
    subprocess.run(["cp", "-a", made.changed.path, then], check=True)
    (then / "more.sh").write_text("flags=-DMORE=3\n")
    last = f'mkCheckpointBuild (changed.overrideAttrs {{ src = folder "source" {then}; }})'
    later = nix.build(made.expression(f"{last} ({_NEXT}).checkpoint"))
    assert not later.used
    assert "more.sh changed" in (later.why_clean or "")


@pytest.fixture(params=["noatime", "reflinks"])
def without_reads(
    request: pytest.FixtureRequest, tmp_path: Path, nix: NixStore
) -> Iterator[NixStore]:
    """Builds are made in a file system that notes no reads, or none where a file is cloned."""
    with (_noatime if request.param == "noatime" else reflinking)(tmp_path) as folder:
        if isinstance(folder, str):
            pytest.skip(folder)
        yield nix.building_in(folder)


@contextmanager
def _noatime(folder: Path) -> Iterator[Path | str]:
    if os.geteuid() != 0:
        yield "needs root, to mount a file system that notes no reads"
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noatime", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_where_not_all_reads_are_noted_none_is_known(
    request: pytest.FixtureRequest, pair: Callable[..., Pair], without_reads: NixStore
) -> None:
    made = pair({**_FILES, "here": f"a base of its own, {request.node.name}\n"}, {})
    made.changed.write("module/Makefile", "all:\n\techo a changed program\n")
    built = made.checkpointed(without_reads)
    assert built.why_clean == "source/module/Makefile changed, and make doesn't go by commands"
