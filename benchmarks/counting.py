"""How compiler runs are counted: the same way for a bare build and for ours.

A folder with wrappers named like the compilers stands first on PATH; in ``ckpt.toml`` it is a
declared input. A wrapper adds a line to the file that ``COMPILER_RUNS`` names where it is called to
compile (``-c``), and becomes the real compiler. The file lies in the build's own temporary folder,
which a sandbox lets a build write and which is no part of sources, artifacts or outputs. The build
command prints the count at its end, so that it stands in every log. What configure tries out isn't
counted, whichever phase it runs in: autoconf's ``conftest`` and CMake's trial projects.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.projects import Project

COMPILERS = ("cc", "c++", "gcc", "g++")

_WRAPPER = """\
#!/bin/sh
if [ -n "$COMPILER_RUNS" ]; then
  case "$PWD $* " in
    *conftest* | */CMakeScratch/* | */CMakeTmp*) ;;
    *" -c "*) echo "$*" >>"$COMPILER_RUNS" ;;
  esac
fi
exec {compiler} "$@"
"""

_BUILD = """\
export COMPILER_RUNS=$(mktemp)
status=0
({build}) || status=$?
echo "compiler runs: $(wc -l <"$COMPILER_RUNS")"
rm -f "$COMPILER_RUNS"
exit $status"""

_COUNT = re.compile(rb"^compiler runs: (\d+)$", re.MULTILINE)


def write_wrappers(folder: Path) -> None:
    """Write a wrapper for each compiler that this machine has into ``folder``, a new ``bin``."""
    folder.mkdir(parents=True)
    for name in COMPILERS:
        if compiler := shutil.which(name):
            wrapper = folder / name
            wrapper.write_text(_WRAPPER.format(compiler=compiler))
            wrapper.chmod(0o755)


def counted(project: Project) -> Mapping[str, str]:
    """The project's phases, with a build that prints how many compiler runs it took."""
    return {**project.phases, "build": _BUILD.format(build=project.phases["build"])}


def runs(log: bytes) -> int | None:
    """The number of compiler runs that a build's log tells; None for one that doesn't."""
    counts = _COUNT.findall(log)
    return int(counts[-1]) if counts else None
