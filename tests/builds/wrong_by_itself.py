"""Changes after which a bare incremental build is wrong by itself: the project, the change, and
what ckpt-git says of it. Each is a case of FINDINGS that was seen with make alone, exit 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_MAIN = '#include <stdio.h>\n#include "def.h"\nint main(void) { printf("%d\\n", DEF); return 0; }\n'

WILDCARD = {
    "Makefile": """\
CFLAGS = -O0 -Iinclude
OBJECTS = $(patsubst %.c,%.o,$(sort $(wildcard *.c)))
program: $(OBJECTS)
\t$(CC) -o $@ $^
%.o: %.c
\t$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(OBJECTS:.o=.d)
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "include/def.h": "#define DEF 1\n",
    "main.c": _MAIN,
    "extra.c": 'const char *extra(void) { return "extra"; }\n',
    "other.c": 'const char *other(void) { return "other"; }\n',
}
"""Everything that a wildcard finds is linked."""

ARCHIVE = {
    "Makefile": """\
CFLAGS = -O0 -Iinclude
program: main.o libparts.a
\t$(CC) -o $@ main.o -Wl,--whole-archive libparts.a -Wl,--no-whole-archive
libparts.a: $(patsubst %.c,%.o,$(sort $(wildcard parts/*.c)))
\tar rcs $@ $^
%.o: %.c
\t$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "include/def.h": "#define DEF 1\n",
    "main.c": _MAIN,
    "parts/a.c": 'const char *a(void) { return "a"; }\n',
    "parts/m.c": 'const char *m(void) { return "m"; }\n',
}
"""An archive of what a wildcard finds, linked whole."""

LEFTOVERS = {
    "Makefile": """\
all: one.bin two.bin
%.bin: %.txt
\tcp $< $@
install: all
\tmkdir -p $(out)/share && cp *.bin $(out)/share/
""",
    "one.txt": "one\n",
    "two.txt": "two\n",
}
"""What is installed is found by a shell's glob."""

READS_A_HEADER = {
    "Makefile": """\
VERSION := $(shell sed -n 's/.*VERSION //p' version.h)
program: main.o
\t$(CC) -o $@ main.o
main.o: main.c
\t$(CC) -DNUMBER=$(VERSION) -c -o $@ main.c
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "version.h": "#define VERSION 1\n",
    "main.c": "int main(void) { return NUMBER; }\n",
}
"""A makefile that reads a header, which no rule names."""

CMAKE = {
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.10)
project(p C)
option(LOUD "say it loud" OFF)
if(LOUD)
  add_compile_definitions(CODE=2)
endif()
add_executable(program main.c)
install(TARGETS program DESTINATION bin)
""",
    "main.c": "#ifndef CODE\n#define CODE 1\n#endif\nint main(void) { return CODE; }\n",
}
"""An option, whose value CMake caches."""

AUTOMAKE = {
    "configure.ac": "AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "AM_CPPFLAGS = -DCODE=1\nbin_PROGRAMS = program\n"
    "program_SOURCES = main.c other.c\n",
    "main.c": "int main(void) { return CODE; }\n",
    "other.c": 'const char *other(void) { return "other"; }\n',
}
"""Flags in a makefile that automake makes."""

SCRIPTS = {
    "build.sh": "mkdir -p made\nfor f in *.txt; do cp $f made/; done\n",
    "one.txt": "one\n",
    "two.txt": "two\n",
}
"""A script that never removes what it made."""

MAKE = '[package.p]\nbuild = "make -j$NIX_BUILD_CORES"\ninstall = "make install"\n'
BY_CMAKE = """\
[package.p]
configure = "cmake -S . -B build -G Ninja -DCMAKE_INSTALL_PREFIX=$out"
build = "cmake --build build"
install = "cmake --install build"
"""
BY_AUTOTOOLS = """\
[package.p]
configure = "autoreconf -fi && ./configure --prefix=$out"
build = "make"
install = "make install"
"""
BY_SCRIPT = '[package.p]\nbuild = "sh build.sh"\ninstall = "mkdir -p $out && cp made/* $out"\n'
SED = """\
[package.p]
configure = "sed -n 's/.*VERSION /v=/p' version.h > settings"
build = "make"
install = "mkdir -p $out && cp settings $out"
"""


@dataclass(frozen=True)
class Case:
    """``change`` maps paths to new contents, None for a deletion. ``why`` is part of the reason
    that is given; None where the build may stay on the checkpoint."""

    name: str
    files: Mapping[str, str]
    change: Mapping[str, str | None]
    why: str | None = None
    config: str = MAKE


CASES = (
    Case("a source deleted under a wildcard", WILDCARD, {"extra.c": None}),
    Case(
        "a source deleted, another edited",
        WILDCARD,
        {"extra.c": None, "other.c": 'const char *other(void) { return "another"; }\n'},
        None,
    ),
    Case("a source added under a wildcard", WILDCARD, {"added.c": "int added;\n"}, None),
    Case(
        "flags in the makefile",
        WILDCARD,
        {"Makefile": WILDCARD["Makefile"].replace("-O0", "-O2")},
        None,
    ),
    Case(
        "a comment in the makefile",
        WILDCARD,
        {"Makefile": "# nothing but words\n" + WILDCARD["Makefile"]},
        None,
    ),
    Case(
        "a header that shadows another",
        WILDCARD,
        {"def.h": "#define DEF 2\n"},
        None,
    ),
    Case(
        "a header that shadows the system's",
        WILDCARD,
        {"include/stdio.h": "#include_next <stdio.h>\n#define puts never\n"},
        "a system header",
    ),
    Case("a member deleted from an archive", ARCHIVE, {"parts/m.c": None}),
    Case(
        "a member deleted, another edited",
        ARCHIVE,
        {"parts/m.c": None, "parts/a.c": 'const char *a(void) { return "A"; }\n'},
        None,
    ),
    Case(
        "a member added in the middle",
        ARCHIVE,
        {"parts/b.c": 'const char *b(void) { return "b"; }\n'},
        None,
    ),
    Case(
        "a member added at the end",
        ARCHIVE,
        {"parts/z.c": 'const char *z(void) { return "z"; }\n'},
        None,
    ),
    Case(
        "a rule's product that a glob still finds",
        LEFTOVERS,
        {
            "two.txt": None,
            "Makefile": LEFTOVERS["Makefile"].replace("one.bin two.bin", "one.bin"),
        },
        None,
    ),
    Case(
        "a header that the makefile reads",
        READS_A_HEADER,
        {"version.h": "#define VERSION 2\n"},
        None,
    ),
    Case(
        "an option's default in CMake",
        CMAKE,
        {"CMakeLists.txt": CMAKE["CMakeLists.txt"].replace("OFF", "ON")},
        None,
        BY_CMAKE,
    ),
    Case(
        "an option more in CMake",
        CMAKE,
        {"CMakeLists.txt": CMAKE["CMakeLists.txt"] + 'option(MORE "nothing yet" ON)\n'},
        None,
        BY_CMAKE,
    ),
    Case(
        "flags in Makefile.am",
        AUTOMAKE,
        {"Makefile.am": AUTOMAKE["Makefile.am"].replace("CODE=1", "CODE=2")},
        None,
        BY_AUTOTOOLS,
    ),
    Case(
        "a source less in Makefile.am",
        AUTOMAKE,
        {"Makefile.am": AUTOMAKE["Makefile.am"].replace(" other.c", ""), "other.c": None},
        None,
        BY_AUTOTOOLS,
    ),
    Case("a file less for a script", SCRIPTS, {"two.txt": None}, "two.txt went", BY_SCRIPT),
    Case(
        "a header that configure reads by a command of one's own",
        READS_A_HEADER | {"Makefile": "all:\n"},
        {"version.h": "#define VERSION 2\n"},
        None,
        SED,
    ),
)
