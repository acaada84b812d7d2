"""A watcher with sanitizers, among programs that mean it no good and with memories that are
damaged: it never makes a fault, and what it gives is right.

``CKPT_HOSTILE=N`` does N rounds of each.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pytest

from ckpt_git.watch import compiling
from ckpt_git.watch.memory_form import EFFECT, ENTRY, HEADER, OBSERVATION, WINDOW
from tests.watch.project import Programs, Project

NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


@pytest.fixture(scope="session")
def sanitized(programs: Programs) -> Iterator[Programs]:
    folder = Path(tempfile.mkdtemp(prefix="w", dir="/tmp"))
    flags = "-std=gnu11 -I. -O1 -g -fsanitize=address,undefined -static-libasan -static-libubsan"
    subprocess.run(
        [
            *("make", "-s", "-C", str(compiling.FOLDER), f"DESTDIR={folder}", f"flags={flags}"),
            *("ckpt-watch_flags=", "ckpt-watch_linked=", str(folder / "ckpt-watch")),
        ],
        check=True,
    )
    yield Programs(folder / "ckpt-watch", programs.library, programs.answer)
    shutil.rmtree(folder)


@pytest.fixture
def sane(tmp_path: Path, sanitized: Programs) -> Iterator[Project]:
    """A project whose watcher makes no fault."""
    project = Project(tmp_path / "p", sanitized)
    faults = tmp_path / "fault"
    project.environment |= {
        "ASAN_OPTIONS": f"log_path={faults}:detect_leaks=0:verify_asan_link_order=0",
        "UBSAN_OPTIONS": f"log_path={faults}:print_stacktrace=1",
    }
    yield project
    assert [fault.read_text() for fault in tmp_path.glob("fault.*")] == []


@pytest.fixture(params=range(int(os.environ.get("CKPT_HOSTILE", "3"))))
def seed() -> int:
    """Another one each time: a failing test tells which."""
    return random.randrange(1 << 32)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    program = tmp_path_factory.mktemp("hostile") / "hostile"
    source = Path(__file__).with_name("hostile.c")
    subprocess.run(["cc", f"-I{compiling.FOLDER}", "-o", program, source, "-pthread"], check=True)
    for above in (program, *program.parents):
        if above.stat().st_uid == os.geteuid() and above != Path(tempfile.gettempdir()):
            above.chmod(0o755)
    return f"{NOBODY if os.geteuid() == 0 else ''} {program}"


@pytest.mark.parametrize("kind", ["notes", "calls", "execs", "forks"])
def test_a_hostile_program(sane: Project, hostile: str, kind: str, seed: int) -> None:
    sane.write("first", "content\n")
    sane.write("script", "no program\n", 0o755)
    sane.command = (
        f"mkdir -m 777 x; ln -s . x/link; cp first second; {hostile} {kind} {seed}; "
        "cp second third; rm -rf x"
    )
    for answers in (False, True):
        done = sane.watched(answers=answers)
        assert done.code == 0, (seed, done)
        assert sane.folder.joinpath("source/third").read_text() == "content\n", seed
    assert not sane.report["failed"]


@pytest.fixture
def recorded(sane: Project) -> Project:
    sane.write("a", "first\n")
    sane.write(
        "script",
        "mkdir -p d; cp a d/b; ln -s b d/c; ln d/b d/e; echo said; cat d/b >> d/f; rm d/e\n"
        "touch d/g; test d/g -nt a; ls d; mv d/g d/h; cp -p a d/i\n",
    )
    sane.command = "sh script; sh -c 'cat d/*' < a; cp a last"
    sane.record()
    return sane


def test_a_damaged_memory(recorded: Project, seed: int) -> None:
    """No such thing is believed."""
    memory = recorded.memories[0]
    data = bytearray(memory.read_bytes())
    chance = random.Random(seed)
    if chance.random() < 0.3:
        del data[chance.randrange(len(data)) :]
    else:
        damage(chance, data, 0, len(data))
    if data == memory.read_bytes():
        data += b"more"
    memory.write_bytes(data)
    recorded.again()
    assert recorded.report["answered"] == 0, seed


def test_a_lying_memory(recorded: Project, seed: int) -> None:
    """Its checksum is right: whoever can make one may say what the build comes to, but not what
    the watcher does. The paths of what is made stay, as this isn't in a sandbox."""
    memory = recorded.memories[0]
    data = bytearray(memory.read_bytes())
    counts = dict(
        zip(HEADER.offsets, HEADER.struct.unpack_from(data), strict=True),
    )
    effects = (
        HEADER.size
        + ENTRY.size * counts["entries"]
        + OBSERVATION.size * counts["observations"]
        + WINDOW.size * counts["windows"]
    )
    chance = random.Random(seed)
    damage(chance, data, HEADER.size, effects)
    texts = len(data) - counts["texts"]
    damage(chance, data, effects + EFFECT.size * counts["effects"], texts)
    begin = HEADER.offsets["order"]
    at = HEADER.offsets["digest"]
    data[at : at + 16] = blake2b(data[begin:], digest_size=16).digest()
    memory.write_bytes(data)
    assert recorded.watched(answers=True), seed


def damage(chance: random.Random, data: bytearray, low: int, high: int) -> None:
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(low, high)
        data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
