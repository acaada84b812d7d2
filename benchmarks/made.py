"""Projects that are made for measuring: as many C files as wanted, built by make or by ninja."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_FOLDERS = 40

_MAKEFILE = """\
OBJECTS := $(patsubst %.c,%.o,$(wildcard */*.c))
all: $(OBJECTS)
%.o: %.c
\t$(CC) -MMD -MP -c $< -o $@
-include $(OBJECTS:.o=.d)
"""
_NINJA = """\
rule cc
  command = cc -MMD -MF $out.d -c $in -o $out
  depfile = $out.d
  deps = gcc
"""


def c_files(number: int, size: int = 0) -> Mapping[str, str]:
    """``number`` C files in folders, whose objects hold ``size`` bytes of data each, a header that
    all include, a ``Makefile`` and a ``build.ninja``; texts by path."""
    files = {"common.h": "#define COMMON 1\n", "Makefile": _MAKEFILE}
    ninja = [_NINJA]
    for index in range(number):
        name = file_name(index)
        files[f"{name}.c"] = _source(index, size)
        ninja.append(f"build {name}.o: cc {name}.c\n")
    return {**files, "build.ninja": "".join(ninja)}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by path below ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def file_name(index: int) -> str:
    """The path of one of the C files, less its suffix."""
    return f"part{index % _FOLDERS}/file{index}"


def _source(index: int, size: int) -> str:
    data = f"const char data{index}[{size}] = {{ 1 }};\n" if size else ""
    return f'#include "../common.h"\n{data}int f{index}(void) {{ return COMMON; }}\n'
