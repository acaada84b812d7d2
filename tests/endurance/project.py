"""The repository that is grown: packages of several build tools, none of which knows its path.

What they install has neither dates nor folders in it, so two clean builds anywhere are the same.
"""

from __future__ import annotations

import shutil

MAKEFILE = """\
CFLAGS = -O0 -Iinclude
SOURCES = $(sort $(wildcard src/*.c))
all: app listing
app: $(SOURCES:.c=.o)
\t$(CC) -o $@ $^
src/%.o: src/%.c
\t$(CC) $(CFLAGS) -MMD -c -o $@ $<
listing: $(sort $(wildcard src/* include/*))
\tls src include > $@
install: all
\tmkdir -p $(out)/bin
\tcp app $(out)/bin/
\tgrep -v '[.][od]$$' listing > $(out)/listing
-include src/*.d
"""

SOURCE = """\
#include <stdio.h>
#include "one.h"
__attribute__((constructor)) static void said(void) {{ printf("{word} %d\\n", ONE); }}
"""

NINJA = """\
# Prints a build.ninja.
echo 'rule cc'
echo '  command = gcc -O0 -I. -c -o $out $in'
echo 'rule link'
echo '  command = gcc -o $out $in'
objects=
for file in *.c; do
    echo "build ${file%.c}.o: cc $file"
    objects="$objects ${file%.c}.o"
done
echo "build tool: link$objects"
"""

SCRIPT = """\
mkdir made
for file in in/* in/.[!.]*; do
    if [ -L "$file" ]; then
        cp -P "$file" made/
    elif [ -f "$file" ]; then
        tr a-z A-Z < "$file" > "made/${file#in/}"
        [ ! -x "$file" ] || chmod +x "made/${file#in/}"
    fi
done
ls -A made > list
"""

PYTHON = """\
import hashlib
import os

lines = []
for here, folders, files in os.walk("data"):
    folders.sort()
    for name in sorted([*files, *folders]):
        path = os.path.join(here, name)
        if os.path.islink(path):
            lines.append(f"{path} -> {os.readlink(path)}")
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            lines.append(f"{path} {bool(os.stat(path).st_mode & 0o100)} {digest}")
        else:
            lines.append(f"{path}/")
with open("index", "w") as file:
    print(*lines, sep="\\n", file=file)
"""

CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project(it C)
file(GLOB sources *.c)
add_executable(it ${sources})
target_include_directories(it PRIVATE .)
install(TARGETS it DESTINATION bin)
"""

FILES = {
    "app/Makefile": MAKEFILE,
    "app/include/one.h": "#define ONE 1\n",
    "app/src/main.c": "int main(void) { return 0; }\n",
    "app/src/part.c": SOURCE.format(word="part"),
    "ninja/rules.sh": NINJA,
    "ninja/one.h": "#define ONE 1\n",
    "ninja/main.c": "int main(void) { return 0; }\n",
    "ninja/part.c": SOURCE.format(word="part"),
    "cmake/CMakeLists.txt": CMAKE,
    "cmake/one.h": "#define ONE 1\n",
    "cmake/main.c": "int main(void) { return 0; }\n",
    "cmake/part.c": SOURCE.format(word="part"),
    "script/build.sh": SCRIPT,
    "script/in/a": "one\n",
    "script/in/b": "two\n",
    "script/in/.c": "three\n",
    "python/build.py": PYTHON,
    "python/data/a": "one\n",
    "python/data/d/b": "two\n",
}

PACKAGES = {
    "app": ("make", "make install"),
    "ninja": ("sh rules.sh > build.ninja\nninja", "mkdir -p $out/bin\ncp tool $out/bin/"),
    "cmake": (
        "cmake -G Ninja -S . -B b -DCMAKE_INSTALL_PREFIX=$out > log\ncmake --build b",
        "cmake --install b",
    ),
    "script": ("sh build.sh", "cp -R made/. list $out/"),
    "python": ("python3 -B build.py", "cp index $out/\ncp -R data $out/"),
}

COMPILED = ("app/src", "ninja", "cmake")
"""Folders whose C files a package compiles, all of them."""

HEADERS = ("app/include/one.h", "ninja/one.h", "cmake/one.h")
FREE = ("script/in", "python/data")
"""Folders in which anything may lie."""
RECIPES = ("app/Makefile", "ninja/rules.sh", "script/build.sh", "python/build.py")

_NEEDS = {"ninja": ("ninja", "gcc"), "cmake": ("cmake", "ninja"), "app": ("make", "gcc")}


def packages(*, large: bool) -> list[str]:
    """Those whose tools are here; CMake, which takes its time, only where it is to be ``large``."""
    return [
        name
        for name in PACKAGES
        if all(shutil.which(tool) for tool in _NEEDS.get(name, ())) and (large or name != "cmake")
    ]


def config(names: list[str], word: str = "", follow: str = "builds") -> str:
    """A ``ckpt.toml``. ``word`` is given to all builds: another one is another recipe."""
    lines = [f'follow = "{follow}"', 'on_commit = "worktree"', "", "[push]", 'commits = "tips"']
    for name in names:
        build, install = (text.replace("\n", "\\n") for text in PACKAGES[name])
        lines += ["", f"[package.{name}]", f'source = "{name}"']
        lines += [f'build = "{build}"', f'install = "{install}"']
        lines += [f'env = {{ WORD = "{word}" }}'] if word else []
    return "\n".join([*lines, ""])
