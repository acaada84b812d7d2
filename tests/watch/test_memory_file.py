"""A memory's file is read as the watcher wrote it, and nothing else is taken for one."""

from __future__ import annotations

import shutil
import subprocess
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

import ckpt_git.watch
from ckpt_git.watch import commands, memory_form
from ckpt_git.watch.commands import ABSENT, CONTENT, FILE
from ckpt_git.watch.memory_file import MemoryFile
from ckpt_git.watch.memory_form import Form
from tests.cli.project import Project
from tests.watch.memories import SOURCE, Made, Ran, Saw, listed, memory, missed, sealed, written

_FORMS = {
    "memory_header": memory_form.HEADER,
    "memory_entry": memory_form.ENTRY,
    "memory_observation": memory_form.OBSERVATION,
    "memory_effect": memory_form.EFFECT,
    "memory_window": memory_form.WINDOW,
    "memory_print": memory_form.PRINT,
}
_ENUMS = {
    "ENTRY_ANSWERS": memory_form.ANSWERS,
    "ENTRY_VARIES": memory_form.VARIES,
    "ENTRY_INCOMPLETE": memory_form.INCOMPLETE,
    "KIND_ABSENT": ABSENT,
    "KIND_FILE": FILE,
    "KIND_FOLDER": commands.FOLDER,
    "KIND_LINK": commands.LINK,
    "KIND_OTHER": commands.OTHER,
    "SAW_CONTENT": CONTENT,
    "SAW_STAT": commands.STAT,
    "SAW_EXISTS": commands.EXISTS,
    "SAW_LINK": commands.LINK_TEXT,
    "SAW_SIZE_CLASS": commands.SIZE_CLASS,
    "SAW_DATE": commands.DATE,
}

_COMPILES = Ran(
    "cc -c a.c",
    [Saw(f"{SOURCE}/a.c", content="a"), missed(f"{SOURCE}/b.h"), listed(SOURCE)],
    [Made(f"{SOURCE}/a.o", content="o")],
    said="one\n",
)
_BUILD = (Ran("make", below=[_COMPILES, Ran("cp a b", reason="it failed", flags=0)]), Ran("true"))


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_form_is_that_of_the_header(tmp_path: Path) -> None:
    lines = [
        f'printf("{name} %zu\\n", sizeof(struct {name}));\n'
        + "".join(
            f'printf("{name}.{field} %zu\\n", offsetof(struct {name}, {field}));\n'
            for field in form.offsets
        )
        for name, form in _FORMS.items()
    ]
    lines += [f'printf("{name} %d\\n", {name});\n' for name in _ENUMS]
    program = tmp_path / "sizes.c"
    program.write_text(
        '#include "memory/memory.h"\n#include "steps/steps.h"\n'
        "#include <stdio.h>\n#include <stddef.h>\n"
        f"int main(void) {{ {''.join(lines)} return __builtin_memcmp(MEMORY_MAGIC, "
        f'"{memory_form.MAGIC.decode()}", 9); }}\n'
    )
    headers = Path(ckpt_git.watch.__file__).parent
    flags = ("-D_GNU_SOURCE", f"-I{headers}", "-o", str(tmp_path / "sizes"))
    subprocess.run(["cc", *flags, str(program)], check=True)
    done = subprocess.run([tmp_path / "sizes"], check=True, capture_output=True, text=True)
    said = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    expected = {name: str(value) for name, value in _ENUMS.items()}
    for name, form in _FORMS.items():
        expected[name] = str(form.size)
        expected |= {f"{name}.{field}": str(at) for field, at in form.offsets.items()}
    assert said == expected


def test_what_was_written_is_read() -> None:
    read = memory(*_BUILD)
    assert [read.command(number).arguments for number in range(len(read))] == [
        ("make",),
        ("cc", "-c", "a.c"),
        ("cp", "a", "b"),
        ("true",),
    ]
    assert list(read.parents) == [-1, 0, 0, -1]
    assert list(read.below) == [2, 0, 0, 0]
    assert list(read.answerable) == [True, True, False, True]
    compiles = read.command(1)
    assert (compiles.program, compiles.name, compiles.folder) == ("/usr/bin/cc", "cc", SOURCE)
    assert compiles.reason is None
    assert compiles.seconds == pytest.approx(0.005)
    assert read.command(2).reason == "it failed"
    assert [(one.path, one.kind) for one in read.observations_of(1)] == [
        (f"{SOURCE}/a.c", FILE),
        (f"{SOURCE}/b.h", ABSENT),
        (SOURCE, commands.FOLDER),
    ]
    assert [one.is_listing for one in read.observations_of(1)] == [False, False, True]
    [made] = read.effects(1)
    assert (made.path, made.kind, made.size, made.mode) == (f"{SOURCE}/a.o", FILE, 1, 0o644)
    assert read.contents == {made.digest}
    assert [(one.descriptor, one.text) for one in read.prints(1)] == [(1, b"one\n")]
    [number] = read.observed[f"{SOURCE}/a.c"]
    assert read.observers_of([number]) == {number: [0, 1]}


def test_that_of_a_build_has_its_commands_and_their_files(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project")
    project.build()
    [file] = (tmp_path / "store").glob("*/*/memory")
    read = MemoryFile.read(file)
    commands = [read.command(number) for number in range(len(read))]
    [compiles] = [one for one in commands if one.arguments[-1:] == ("src/greet.c",)]
    assert compiles.name == "cc"
    seen = {Path(one.path).name: one for one in read.observations_of(compiles.number)}
    assert seen["greet.h"].is_read
    text = (project.path / "src/greet.h").read_bytes()
    assert seen["greet.h"].digest == blake2b(text, digest_size=16).digest()
    [made] = read.effects(compiles.number)
    assert made.path.endswith("/src/greet.o")
    assert commands[read.parents[compiles.number]].name == "make"


@pytest.mark.parametrize("name", ["", "short", "magic", "cut", "longer", "flipped"])
def test_what_is_no_memory_is_refused(name: str, tmp_path: Path) -> None:
    whole = written(*_BUILD)
    data = {
        "": b"",
        "short": whole[:20],
        "magic": b"ckptmem9" + whole[8:],
        "cut": sealed(whole[:-1]),
        "longer": sealed(whole + b"\0"),
        "flipped": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
    }[name]
    file = tmp_path / "memory"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"memory|written|longer"):
        MemoryFile.read(file)


def _places() -> list[Any]:
    """Where a number in the file leads to something else in it."""
    counts = memory_form.HEADER.struct.unpack_from(written(*_BUILD))[3:]
    entries, rows, observations, _, effects, _, _ = counts
    at = memory_form.HEADER.size
    forms = [("entry", memory_form.ENTRY, at)]
    at += entries * memory_form.ENTRY.size
    forms.append(("observation", memory_form.OBSERVATION, at))
    at += observations * memory_form.OBSERVATION.size
    forms.append(("effect", memory_form.EFFECT, at))
    at += effects * memory_form.EFFECT.size
    forms.append(("key", Form("number:I"), at))
    at += 4 * entries + 4 * rows
    forms.append(("print", memory_form.PRINT, at))
    safe = {"key", "result", "flags", "code", "nanoseconds", "mask", "kind", "mode", "size"}
    safe |= {"digest", "unused", "is_nofollow", "date", "is_in_place", "is_further_name", "mtime"}
    safe |= {"descriptor", "names", "input_end", "has_names", "is_database", "is_dated", "made"}
    return [
        pytest.param(start + offset, id=f"{what} {field}")
        for what, form, start in forms
        for field, offset in form.offsets.items()
        if field not in safe
    ]


@pytest.mark.parametrize("at", _places())
def test_a_number_that_leads_nowhere_is_refused(at: int) -> None:
    whole = written(*_BUILD)
    with pytest.raises(ValueError, match="leads out of it"):
        MemoryFile(sealed(whole[:at] + b"\xf0\xff\xff\xff" + whole[at + 4 :]))


def test_a_row_that_leads_nowhere_is_refused_when_it_is_read() -> None:
    whole = written(*_BUILD)
    rows, *_, prints, texts = memory_form.HEADER.struct.unpack_from(whole)[4:]
    at = len(whole) - texts - prints * memory_form.PRINT.size - 4 * rows
    read = MemoryFile(sealed(whole[:at] + b"\xf0\xff\xff\xff" + whole[at + 4 :]))
    with pytest.raises(ValueError, match="leads out of it"):
        read.observations_of(0)


def test_five_thousand_commands_are_opened_in_twenty_milliseconds(tmp_path: Path) -> None:
    headers = [Saw(f"{SOURCE}/include/header-{number}.h") for number in range(10_000)]
    commands = [
        Ran(
            f"cc -c -o {number}.o {number}.c",
            headers[number : number + 100],
            [Made(f"{SOURCE}/{number}.o")],
        )
        for number in range(5000)
    ]
    file = tmp_path / "memory"
    file.write_bytes(written(Ran("make", below=commands)))
    taken = []
    for _ in range(10):
        began = time.process_time()
        assert len(MemoryFile.read(file)) == 5001
        taken.append(time.process_time() - began)
    assert min(taken) < 0.02
