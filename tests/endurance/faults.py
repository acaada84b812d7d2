"""What goes wrong in a round, at one moment of it: all is drawn before, so that it is the same
again."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.endurance.commands import Command
from tests.endurance.damages import damage_some
from tests.endurance.processes import kill, processes
from tests.endurance.site import Site
from tests.support import clock_set

Groups = Sequence[int]
"""The process groups of what was started."""

Strike = Callable[[Site, Groups], str]
"""Makes the fault; says what was done."""


@dataclass(frozen=True)
class Fault:
    """``strike`` is done at ``moment``, a part of the time that the command takes, and ``undo``
    at the end of the round; ``prefix`` is run around the command. What was kept may be gone after
    it where it ``spoils``, git itself may have been killed where it ``kills``."""

    name: str
    strike: Strike | None = None
    undo: Callable[[Site], None] | None = None
    prefix: str = ""
    moment: float = 0.0
    spoils: bool = False
    kills: bool = False


def a_fault(chance: Random, site: Site, command: Command) -> Fault:
    """Any that can be here."""
    kinds = [_nothing, *[_killed] * 3, *[_damaged] * 3, _shut]
    if site.disk is not None:
        kinds += [_full, _full]
    elif not command.builds:
        kinds += [_limited, _limited]
    if shutil.which("faketime") is not None:
        kinds.append(_clock)
    return chance.choice(kinds)(chance)


def _nothing(_: Random) -> Fault:
    return Fault("nothing")


def _killed(chance: Random) -> Fault:
    number = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
    whom, place = chance.choice(("one", "group", "all")), chance.random()

    def strike(site: Site, groups: Groups) -> str:
        if whom == "group":
            for group in groups:
                with suppress(ProcessLookupError):
                    os.killpg(group, number)
            return "the groups"
        found = processes(site.folder.name)
        if whom == "one":
            ours = [process for process in found if process.is_ours]
            found = ours[int(place * len(ours)) :][:1]
        kill(found, number)
        return "; ".join(map(str, found))

    name = f"{signal.Signals(number).name} to {whom}"
    return Fault(name, strike, moment=chance.uniform(0, 1.1), kills=whom != "one")


def _damaged(chance: Random) -> Fault:
    """Mostly before the command begins."""
    count, draws = chance.choice((1, 1, 3, 40)), Random(chance.random())
    moment = chance.choice((0.0, 0.0, chance.random()))
    which = chance.choice((0, 1))

    def strike(site: Site, _: Groups) -> str:
        return "; ".join(damage_some(draws, [site.kept[which]], count))

    return Fault("damage", strike, moment=moment, spoils=True)


def _shut(chance: Random) -> Fault:
    """The store or ``.git/ckpt`` can only be read: by a mount for root, else by its modes."""
    which = chance.choice((0, 1))
    modes: dict[Path, int] = {}

    def strike(site: Site, _: Groups) -> str:
        folder = site.kept[which]
        if os.geteuid():
            for path in (folder, *filter(Path.is_dir, folder.rglob("*"))):
                modes[path] = path.stat().st_mode
                path.chmod(0o555)
        elif subprocess.run(["mount", "--bind", folder, folder], check=False).returncode == 0:
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=False)
        return str(folder)

    def undo(site: Site) -> None:
        for path, mode in modes.items():
            with suppress(FileNotFoundError):
                path.chmod(mode)
        folder = site.kept[which]
        while str(folder) in _mount_points():
            subprocess.run(["umount", "-l", folder], check=True)

    name = f"read-only {('store', '.git/ckpt')[which]}"
    return Fault(name, strike, undo, moment=chance.choice((0.0, chance.random())))


def _mount_points() -> list[str]:
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def _limited(chance: Random) -> Fault:
    """No file may become longer: where there is no disk to be filled. A compiler would fail, too,
    and rightly."""
    return Fault("short files", prefix=f"ulimit -f {chance.choice((0, 1, 8))}; ")


def _full(chance: Random) -> Fault:
    """The disk is full, but for a few bytes."""
    free = chance.choice((0, 4096, 50_000, 300_000, 2_000_000))

    def strike(site: Site, _: Groups) -> str:
        assert site.disk is not None
        with (site.disk / "ballast").open("wb") as file:
            _fill(file.fileno(), site.disk, free)
        return f"{free} bytes are free"

    def undo(site: Site) -> None:
        assert site.disk is not None
        (site.disk / "ballast").unlink(missing_ok=True)

    return Fault("full disk", strike, undo, moment=chance.choice((0.0, chance.random())))


def _fill(file: int, disk: Path, free: int) -> None:
    room = shutil.disk_usage(disk).free - free
    try:
        os.posix_fallocate(file, 0, max(room, 1))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _clock(chance: Random) -> Fault:
    jump = chance.choice(("+1h", "-1h", "+400d", "-400d"))
    variables = clock_set(jump)
    if chance.random() < 0.5:
        variables["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
    prefix = "".join(f"{name}={shlex.quote(value)} " for name, value in variables.items())
    spoils = "400" in jump  # what nobody has asked for in so long may go
    return Fault(f"clock {jump}", prefix=prefix, spoils=spoils)


@contextmanager
def undone(fault: Fault, site: Site) -> Iterator[None]:
    """Whatever happens in between."""
    try:
        yield
    finally:
        if fault.undo is not None:
            fault.undo(site)
