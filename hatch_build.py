"""Puts the watcher's programs, compiled, into a wheel that is built on Linux: who installs it needs
no compiler for them, and a first build doesn't wait for one.

They are for the machine that the compiler makes programs for, so `CC=aarch64-linux-gnu-gcc` gives
the wheel for another one. The same sources and compiler give the same bytes. Without a compiler, or
where it fails, the wheel is one for any machine, and the programs are compiled where it is used.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_VERSION = re.compile(rb"GLIBC_2\.(\d+)")
_OLDEST = 17  # the oldest glibc that a platform's tag can name


class ProgramsHook(BuildHookInterface[Any]):
    """What hatch calls: see its reference, "Custom build hook"."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the programs to what goes into the wheel. An editable install compiles its own, as
        its sources may change."""
        if version == "editable" or sys.platform != "linux":
            return
        sys.path.insert(0, self.root)
        from ckpt_git.model.errors import CkptError  # noqa: PLC0415
        from ckpt_git.watch import compiling  # noqa: PLC0415

        self._folder = TemporaryDirectory(prefix="ckpt-git-")  # goes with us
        try:
            folder = Path(self._folder.name)
            machine = compiling.compile_portable(folder, os.environ)
        except CkptError as error:
            self.app.display_warning(f"the wheel has no compiled programs: {error.what}")
            return
        for name in compiling.NAMES:
            target = f"ckpt_git/watch/built/{machine}/{name}"
            build_data["force_include"][str(folder / name)] = target
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform(folder / compiling.LIBRARY, machine)}"


def _platform(library: Path, machine: str) -> str:
    """The platform's tag, by the oldest C library that has all that `library` needs: PEP 600. The
    other programs need none."""
    needed = [int(found) for found in _VERSION.findall(library.read_bytes())]
    return f"manylinux_2_{max(_OLDEST, *needed)}_{machine}" if needed else f"linux_{machine}"
