"""Two small projects, one for make and one for CMake with Ninja, whose output tells everything.

What a build installs depends on every file that the tree holds: the program is compiled of the C
sources, a binary file and an executable bit, and a listing names each file with its mode, its link
target and its checksum. No compiled path or date ends up in the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support import GitRepo

_LISTING = r"""
# Everything but what the build makes, folders too: git has no empty ones.
cd "$1"
find . \( -path ./obj -o -path ./build -o -path ./prog \) -prune -o -printf '%y %m %p -> %l\0' |
  LC_ALL=C sort -z | tr '\0' '\n'
find . \( -path ./obj -o -path ./build -o -path ./prog \) -prune -o -type f -print0 |
  LC_ALL=C sort -z | xargs -0 sha256sum
"""

_EMBED = r"""
# A C file with the bytes of one file, and whether another one may be executed.
printf 'const unsigned char blob[] = {%s 0};\n' "$(od -An -v -tx1 "$1" | sed 's/ \(..\)/0x\1,/g')"
if [ -x "$2" ]; then echo 'const int flag = 1;'; else echo 'const int flag = 0;'; fi
"""

_MAKEFILE = r"""
OBJECTS := $(patsubst src/%.c,obj/%.o,$(sort $(shell find src -name '*.c'))) obj/embedded.o

prog: $(OBJECTS) obj/list
	$(CC) -o $@ $(OBJECTS)

obj/list: FORCE
	@mkdir -p obj
	@echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' >$@

obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) -Iinclude -MMD -MP -c $< -o $@

obj/embedded.c: data/blob.bin tools/flag tools/embed.sh
	@mkdir -p obj
	sh tools/embed.sh data/blob.bin tools/flag >$@

obj/embedded.o: obj/embedded.c
	$(CC) -c $< -o $@

.PHONY: FORCE
FORCE:
-include $(OBJECTS:.o=.d)
"""

_FAULTY_MAKEFILE = r"""
# No header is a prerequisite, nothing knows the flags or what was found last time, an archive keeps
# what was put into it, and a script reads what no rule names.
FLAG = 0
OBJECTS := $(patsubst src/%.c,obj/%.o,$(sort $(shell find src -name '*.c')))

prog: obj/libparts.a obj/embedded.o
	$(CC) -o $@ -Wl,--whole-archive obj/libparts.a -Wl,--no-whole-archive obj/embedded.o

obj/libparts.a: $(OBJECTS)
	ar rcs $@ $^

obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) -DFLAG=$(FLAG) -Iinclude -c $< -o $@

obj/embedded.c:
	@mkdir -p obj
	sh tools/embed.sh data/blob.bin tools/flag >$@

obj/embedded.o: obj/embedded.c
	$(CC) -c $< -o $@
"""

_CMAKE = r"""
cmake_minimum_required(VERSION 3.13)
# What is tried out of a compiler is the same each time, and half of a small build's time.
set(CMAKE_C_COMPILER_WORKS TRUE)
set(CMAKE_C_ABI_COMPILED TRUE)
project(sample C)
file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.c)
add_custom_command(
  OUTPUT embedded.c
  COMMAND sh ${CMAKE_SOURCE_DIR}/tools/embed.sh ${CMAKE_SOURCE_DIR}/data/blob.bin
          ${CMAKE_SOURCE_DIR}/tools/flag > embedded.c
  DEPENDS data/blob.bin tools/flag tools/embed.sh)
add_executable(prog ${sources} embedded.c)
target_include_directories(prog PRIVATE include)
"""


@dataclass(frozen=True)
class Sample:
    """A project: its own files, and the phases that ``ckpt.toml`` and a clean build run."""

    name: str
    files: Mapping[str, str]
    phases: Mapping[str, str]

    def write(self, work_tree: GitRepo) -> None:
        """Write the project's files and those that both projects have."""
        for path, text in {**_COMMON, **self.files}.items():
            work_tree.write(path, text)
        phases = "".join(f"{name} = '''{text}'''\n" for name, text in self.phases.items())
        work_tree.write("ckpt.toml", f"[package.sample]\n{phases}")
        write_data(work_tree)


def constructor(name: str, value: str, includes: tuple[str, ...] = ()) -> str:
    """A C source that prints ``value`` when the program starts; nothing else refers to it."""
    lines = ["#include <stdio.h>", *(f'#include "{header}"' for header in includes)]
    lines += ["__attribute__((constructor)) static void run(void)"]
    lines += [f'{{ printf("{name} %d\\n", {value}); }}', ""]
    return "\n".join(lines)


_COMMON = {
    "tools/listing.sh": _LISTING,
    "tools/embed.sh": _EMBED,
    "tools/flag": "whether this may be executed becomes part of the program\n",
    "include/one.h": "#define ONE 1\n",
    "include/two.h": '#include "one.h"\n#define TWO (ONE + 1)\n',
    "src/main.c": "extern const int flag; int main(void) { return flag; }\n",
    "src/direct.c": constructor("direct", "ONE", ("one.h",)),
    "src/indirect.c": constructor("indirect", "TWO", ("two.h",)),
    "src/gone.c": constructor("gone", "3"),
    "src/old-name.c": constructor("renamed", "4"),
    "src/emptied.c": constructor("emptied", "5"),
    "src/alone/in/here.c": constructor("alone", "6"),
}


def write_data(work_tree: GitRepo) -> None:
    """The files that only the listing and the embedding see; changes.py changes them."""
    work_tree.write("data/blob.bin", bytes(range(256)))
    work_tree.write("data/run", "echo one\n", executable=True)
    work_tree.write("data/README", "case\n")
    work_tree.write("data/file", "a file\n")
    work_tree.write("data/other", "another file\n")
    work_tree.write("data/folder/inner/leaf", "below a folder\n")
    work_tree.write("data/folder/second", "below a folder, too\n")
    work_tree.link("data/link", "file")
    work_tree.link("data/folder-link", "folder")
    work_tree.write(".top", "a dotfile at the top\n")
    work_tree.write(".dots/.deep/.file", "dotfiles all the way\n")
    for name in HOSTILE_NAMES:
        work_tree.write(f"data/names/{name}", f"{name!a}\n")


HOSTILE_NAMES = (
    *("with space", " leading", "trailing ", "two\nlines", "tab\there", "it's", 'a "word"'),
    *("-dash", "--help", "$HOME", "`id`", "back\\slash", "\\n", "*", "?", "[a]", "#hash", "%s"),
    *("semi;colon", "a&b", "a|b", "<in>", "a=b", "~", "!", "\x01\x7f", "\udcff\udcfe", "e\u0301"),
    *("\u65e5\u672c\u8a9e", "x" * 255),
)
"""Names that break quoting, options, globs, encodings or lines; each as ``os.fsdecode`` has it."""

_INSTALL = 'mkdir "$out" 2>/dev/null || true; sh tools/listing.sh . >"$out/listing"; cp {} "$out/"'

MAKE = Sample(
    name="make",
    files={"Makefile": _MAKEFILE},
    phases={
        "build": "make -j$NIX_BUILD_CORES",
        "install": _INSTALL.format("prog"),
    },
)
CMAKE = Sample(
    name="cmake-ninja",
    files={"CMakeLists.txt": _CMAKE},
    phases={
        "configure": "cmake -G Ninja -S . -B build",
        "build": "ninja -C build",
        "install": _INSTALL.format("build/prog"),
    },
)
FAULTY = Sample(
    name="faulty",
    files={"Makefile": _FAULTY_MAKEFILE, "src/flagged.c": constructor("flagged", "FLAG")},
    phases=MAKE.phases,
)
"""With a makefile that has faults on purpose; not one of ``SAMPLES``, which build right anyway."""

SAMPLES = (MAKE, CMAKE)
