"""Changes after which a bare incremental build is wrong by itself: the project and the change. Each
was seen with the build tool alone, exit 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class Link(str):
    """Where a symbolic link leads, in place of a file's content."""

    __slots__ = ()


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


def _read_by_cmake(how: str) -> dict[str, str]:
    lists = CMAKE["CMakeLists.txt"].replace(
        "if(LOUD)\n  add_compile_definitions(CODE=2)",
        f"{how}\nif(TEXT)\n  add_compile_definitions(${{TEXT}})",
    )
    return {**CMAKE, "CMakeLists.txt": lists, "code.h": "CODE=1\n"}


READ_BY_CMAKE = {
    "in several lines": _read_by_cmake("file(\n  STRINGS\n  code.h\n  TEXT\n)"),
    "by way of a variable": _read_by_cmake("set(HEADER code.h)\nfile(STRINGS ${HEADER} TEXT)"),
    "in a loop": _read_by_cmake(
        "set(HEADERS\n  code.h\n)\nforeach(header ${HEADERS})\n"
        "  file(STRINGS ${header} TEXT)\nendforeach()"
    ),
}
"""A header that is read when the build folder is configured, and by no compiler."""

COPIED_BY_CMAKE = {
    "CMakeLists.txt": CMAKE["CMakeLists.txt"].replace(
        "if(LOUD)\n  add_compile_definitions(CODE=2)\nendif()",
        "file(COPY include DESTINATION ${CMAKE_BINARY_DIR})\n"
        "include_directories(${CMAKE_BINARY_DIR}/include)",
    ),
    "include/code.h": "#define CODE 1\n",
    "main.c": "#include <code.h>\nint main(void) { return CODE; }\n",
}
"""A header of which compilers see a copy, made when the build folder is configured."""

AUTOMAKE = {
    "configure.ac": "AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "AM_CPPFLAGS = -DCODE=1\nbin_PROGRAMS = program\n"
    "program_SOURCES = main.c other.c\n",
    "main.c": "int main(void) { return CODE; }\n",
    "other.c": 'const char *other(void) { return "other"; }\n',
}
"""Flags in a makefile that automake makes."""

LIBTOOL = {
    "configure.ac": "AC_INIT([p], [1])\nAC_CONFIG_MACRO_DIRS([m4])\nAM_INIT_AUTOMAKE([foreign])\n"
    "AC_PROG_CC\nAM_PROG_AR\nLT_INIT\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "ACLOCAL_AMFLAGS = -I m4\nAM_CPPFLAGS = -DCODE=1\n"
    "noinst_LTLIBRARIES = libparts.la\nlibparts_la_SOURCES = part.c\n"
    "lib_LTLIBRARIES = libwhole.la\nlibwhole_la_SOURCES = whole.c\n"
    "libwhole_la_LIBADD = libparts.la\n",
    "m4/.keep": "",
    "part.c": "int part(void) { return CODE; }\n",
    "whole.c": "int whole(void) { return CODE; }\n",
}
"""Flags of objects that libtool makes twice, as ``part.lo`` says, and collects in an archive."""

SCRIPTS = {
    "build.sh": "mkdir -p made\nfor f in *.txt; do cp $f made/; done\n",
    "one.txt": "one\n",
    "two.txt": "two\n",
}
"""A script that never removes what it made."""

MESON = {
    "meson.build": "project('p', 'c')\nif get_option('loud')\n"
    "  add_project_arguments('-DCODE=2', language: 'c')\nendif\n"
    "executable('program', 'main.c', install: true)\n",
    "meson_options.txt": "option('loud', type: 'boolean', value: false)\n",
    "main.c": CMAKE["main.c"],
}
"""An option, whose value Meson keeps."""

CONFIGURED = {
    "configure": "#!/bin/sh\necho 'FLAGS = -DNUMBER=1' > config.mak\n",
    "Makefile": """\
include config.mak
all:
\t$(MAKE) -C lib FLAGS="$(FLAGS)"
\t$(MAKE) program
program: main.o lib/libparts.a
\t$(CC) -o $@ main.o lib/libparts.a
main.o: main.c
\t$(CC) $(FLAGS) -c main.c
install: all
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "lib/Makefile": "libparts.a: a.o\n\tar rcs $@ $^\na.o: a.c\n\t$(CC) $(FLAGS) -c -o $@ a.c\n",
    "lib/a.c": "int a(void) { return NUMBER; }\n",
    "main.c": "int a(void);\nint main(void) { return a() + NUMBER; }\n",
}
"""A configure script of one's own, without whose result make does nothing, and a make below."""

ASKS = {
    "Makefile": WILDCARD["Makefile"],
    "include/def.h": '#if __has_include("own.h")\n#define DEF 2\n#else\n#define DEF 1\n#endif\n',
    "main.c": _MAIN,
}
"""A header that asks for another one."""

MADE = {
    "Makefile": """\
program: made/def.h main.o
\t$(CC) -o $@ main.o
made/def.h:
\tmkdir -p made && echo '#define DEF 1' > $@
main.o: main.c | made/def.h
\t$(CC) -iquote. -Imade -MMD -c -o $@ $<
-include main.d
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "main.c": _MAIN.replace('"stdio.h"', "<stdio.h>"),
}
"""A header that the build makes."""

CONVERTED = {
    "Makefile": "text: source.txt\n\tcp $< $@\n"
    "install: text\n\tmkdir -p $(out) && cp text $(out)\n",
    "source.txt": "one\ntwo\n",
}
"""A file that git may write with other line endings."""

LINKED = {
    "Makefile": """\
VERSION = 1
all: name
name: file.$(VERSION)
\tln -s file.$(VERSION) name
file.$(VERSION): file
\tcp file $@
install: all
\tmkdir -p $(out) && cp -P name file.$(VERSION) $(out)/
""",
    "file": "content\n",
}
"""A link that can be made only where there is none, as libraries' names are."""

UNTOLD = {
    "Makefile": """\
program: main.o
\t$(CC) -Wl,--defsym=unused=0,--version-script=program.map -rdynamic -o $@ main.o
main.o: main.c said.h
\t$(CC) -c -o $@ main.c
said.h: words
\tcd tools && sh say.sh ../words > ../said.h
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "words": "1\n",
    "tools/say.sh": 'echo "#define SAID $(cat $1)"\n',
    "program.map": "{ global: main; local: *; };\n",
    "main.c": '#include "said.h"\nint also(void) { return 1; }\nint main(void) { return SAID; }\n',
}
"""A generator and a linker's script that no rule names as a prerequisite."""

INSTALLS_WHAT_IS_THERE = {
    "Makefile": """\
objects = obj
program: $(objects)/main.o
\t$(CC) -o $@ $(objects)/main.o
$(objects)/main.o: main.c
\tmkdir -p $(objects) && $(CC) -c -o $@ main.c
install:
\t[ -e program ] || $(MAKE) program objects=again
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "settings.txt": "1\n",
    "main.c": "int main(void) { return 1; }\n",
}
"""A dry run carries out the line that calls make, and there nothing was made before it."""

NO_DEPFILES = {
    "Makefile": """\
program: main.o part.o
\t$(CC) -o $@ main.o part.o
%.o: %.c
\t$(CC) -iquotefirst -iquotesecond -iquotethird -c -o $@ $<
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "main.c": '#include "all.h"\nint part(void);\nint main(void) { return DEF + part(); }\n',
    "part.c": "int part(void) { return 1; }\n",
    "third/all.h": '#include "def.h"\n',
    "second/def.h": "#define DEF 1\n",
    "first/other.h": "\n",
}
"""A makefile that says nothing of headers."""

READS_DATA = {
    "Makefile": """\
all: text
text: say.sh
\tsh say.sh > $@
install: text
\tmkdir -p $(out) && cp text $(out)
""",
    "say.sh": "sed s/o/0/ words.txt\n",
    "words.txt": "one\n",
}
"""A script that reads a file which no rule names."""

EXPORTS = {
    "Makefile": """\
MODE = loud
WORDS := said $(MODE)
export WORDS
all: text
text: say.sh
\tsh say.sh > $@
install: text
\tmkdir -p $(out) && cp text $(out)
""",
    "say.sh": 'echo "$WORDS"\n',
}
"""A recipe that reads what the makefile exports."""

RESPONSE = {
    "Makefile": """\
program: main.c
\t$(CC) @flags.rsp -o $@ main.c
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "flags.rsp": "-DCODE=1\n",
    "main.c": "int main(void) { return CODE; }\n",
}
"""Arguments that the compiler reads from a file."""

BEHIND_LINK = {
    "Makefile": """\
program: main.o
\t$(CC) -o $@ main.o
main.o: main.c def.h
\t$(CC) -c -o $@ main.c
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "main.c": '#include "def.h"\nint main(void) { return DEF; }\n',
    "one.h": "#define DEF 1\n",
    "two.h": "#define DEF 2\n",
    "def.h": Link("one.h"),
}
"""A header that is a link."""

OPTIONAL = {
    "Makefile": """\
CODE = 1
-include local.mk
program: main.c
\t$(CC) -DCODE=$(CODE) -o $@ main.c
install: program
\tmkdir -p $(out)/bin && cp program $(out)/bin/
""",
    "main.c": RESPONSE["main.c"],
}
"""A makefile that includes another one, if it is there."""

FUTURE = {
    "Makefile": """\
all: text
text: words.txt
\tcp words.txt $@ && touch -d 2099-01-01 $@
install: text
\tmkdir -p $(out) && cp text $(out)
""",
    "words.txt": "one\n",
}
"""A rule that dates its target in the future."""

GLOB = {
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.10)
project(p C)
file(GLOB sources *.c)
add_executable(program ${sources})
install(TARGETS program DESTINATION bin)
""",
    "main.c": "int main(void) { return 0; }\n",
    "extra.c": 'const char *extra(void) { return "extra"; }\n',
}
"""Sources that CMake finds when it is configured."""

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
BY_AUTOTOOLS_ONCE = BY_AUTOTOOLS.replace(
    '"autoreconf -fi && ./configure --prefix=$out"',
    '"[ -e Makefile ] || (autoreconf -fi && ./configure --prefix=$out)"',
)
BY_AUTOTOOLS_BESIDE = """\
[package.p]
configure = "autoreconf -fi && mkdir -p made && cd made && ../configure --prefix=$out"
build = "cd made && make"
install = "make -C made install"
"""
BY_MESON = """\
[package.p]
configure = "[ -e made/build.ninja ] || meson setup made --prefix=$out"
build = "ninja -C made"
install = "ninja -C made install"
"""
BY_CONFIGURE = """\
[package.p]
configure = "sh ./configure"
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
    """``change`` maps paths to new contents, None for a deletion. ``compiled`` is how many objects
    are compiled anew for it, where that is to be asserted."""

    name: str
    files: Mapping[str, str]
    change: Mapping[str, str | None]
    config: str = MAKE
    compiled: int | None = None


CASES = (
    Case(
        "a source deleted under a wildcard",
        WILDCARD,
        {"extra.c": None},
        compiled=0,
    ),
    Case(
        "a source deleted, another edited",
        WILDCARD,
        {"extra.c": None, "other.c": 'const char *other(void) { return "another"; }\n'},
    ),
    Case(
        "a source added under a wildcard",
        WILDCARD,
        {"added.c": "int added;\n"},
        compiled=1,
    ),
    Case(
        "flags in the makefile",
        WILDCARD,
        {"Makefile": WILDCARD["Makefile"].replace("-O0", "-O2")},
    ),
    Case(
        "a comment in the makefile",
        WILDCARD,
        {"Makefile": "# nothing but words\n" + WILDCARD["Makefile"]},
        compiled=0,
    ),
    Case("a header that shadows another", WILDCARD, {"def.h": "#define DEF 2\n"}),
    Case(
        "a header that shadows the system's",
        WILDCARD,
        {"include/stdio.h": "#include_next <stdio.h>\n#define puts never\n"},
    ),
    Case(
        "a member deleted from an archive",
        ARCHIVE,
        {"parts/m.c": None},
        compiled=0,
    ),
    Case(
        "a member deleted, another edited",
        ARCHIVE,
        {"parts/m.c": None, "parts/a.c": 'const char *a(void) { return "A"; }\n'},
    ),
    Case(
        "a member added in the middle",
        ARCHIVE,
        {"parts/b.c": 'const char *b(void) { return "b"; }\n'},
    ),
    Case(
        "a member added at the end",
        ARCHIVE,
        {"parts/z.c": 'const char *z(void) { return "z"; }\n'},
    ),
    Case(
        "a rule's product that a glob still finds",
        LEFTOVERS,
        {
            "two.txt": None,
            "Makefile": LEFTOVERS["Makefile"].replace("one.bin two.bin", "one.bin"),
        },
    ),
    Case(
        "a header that the makefile reads",
        READS_A_HEADER,
        {"version.h": "#define VERSION 2\n"},
    ),
    Case(
        "an option's default in CMake",
        CMAKE,
        {"CMakeLists.txt": CMAKE["CMakeLists.txt"].replace("OFF", "ON")},
        BY_CMAKE,
    ),
    Case(
        "an option more in CMake",
        CMAKE,
        {"CMakeLists.txt": CMAKE["CMakeLists.txt"] + 'option(MORE "nothing yet" ON)\n'},
        BY_CMAKE,
    ),
    Case(
        "flags in Makefile.am",
        AUTOMAKE,
        {"Makefile.am": AUTOMAKE["Makefile.am"].replace("CODE=1", "CODE=2")},
        BY_AUTOTOOLS,
    ),
    Case(
        "flags of what libtool makes",
        LIBTOOL,
        {"Makefile.am": LIBTOOL["Makefile.am"].replace("CODE=1", "CODE=2")},
        BY_AUTOTOOLS,
    ),
    Case(
        "a source less in Makefile.am",
        AUTOMAKE,
        {"Makefile.am": AUTOMAKE["Makefile.am"].replace(" other.c", ""), "other.c": None},
        BY_AUTOTOOLS,
    ),
    Case("a file less for a script", SCRIPTS, {"two.txt": None}, BY_SCRIPT),
    Case(
        "a header that configure reads by a command of one's own",
        READS_A_HEADER | {"Makefile": "all:\n"},
        {"version.h": "#define VERSION 2\n"},
        SED,
    ),
    Case(
        "an option's default in CMake, by way of a variable",
        CMAKE
        | {"CMakeLists.txt": CMAKE["CMakeLists.txt"].replace("OFF", "${DEF}")}
        | {"defaults.cmake": "set(DEF OFF)\n"}
        | {
            "CMakeLists.txt": CMAKE["CMakeLists.txt"]
            .replace("OFF", "${DEF}")
            .replace("option", "include(defaults.cmake)\noption", 1)
        },
        {"defaults.cmake": "set(DEF ON)\n"},
        config=BY_CMAKE,
    ),
    Case(
        "an option's default in Meson",
        MESON,
        {"meson_options.txt": MESON["meson_options.txt"].replace("false", "true")},
        config=BY_MESON,
    ),
    Case(
        "flags in Makefile.am, configured once",
        AUTOMAKE,
        {"Makefile.am": AUTOMAKE["Makefile.am"].replace("CODE=1", "CODE=2")},
        config=BY_AUTOTOOLS_ONCE,
    ),
    Case(
        "flags in Makefile.am, built beside the sources",
        AUTOMAKE,
        {"Makefile.am": AUTOMAKE["Makefile.am"].replace("CODE=1", "CODE=2")},
        config=BY_AUTOTOOLS_BESIDE,
    ),
    Case(
        "flags that configure says",
        CONFIGURED,
        {"configure": CONFIGURED["configure"].replace("=1", "=2")},
        config=BY_CONFIGURE,
    ),
    Case(
        "a date in the flags",
        {"Makefile": "DAY := $(shell date +%s%N)\n" + WILDCARD["Makefile"]}
        | {path: text for path, text in WILDCARD.items() if path != "Makefile"},
        {"Makefile": "DAY := $(shell date +%s%N)\n" + WILDCARD["Makefile"].replace("-O0", "-O2")},
    ),
    Case("a header that another one asks for", ASKS, {"include/own.h": "\n"}),
    Case(
        "a header that shadows one that is made",
        MADE,
        {"def.h": "#define DEF 2\n"},
    ),
    Case("attributes that convert a file anew", CONVERTED, {".gitattributes": "*.txt eol=crlf\n"}),
    Case(
        "a version that a source is told of by a flag",
        AUTOMAKE | {"main.c": "int main(void) { return sizeof VERSION; }\n"},
        {"configure.ac": AUTOMAKE["configure.ac"].replace("[1]", "[1.1]")},
        config=BY_AUTOTOOLS_ONCE,
    ),
    Case(
        "a generator that is no prerequisite",
        UNTOLD,
        {"tools/say.sh": 'echo "#define SAID ($(cat $1) + 1)"\n'},
    ),
    Case(
        "a linker's script that is no prerequisite",
        UNTOLD,
        {"program.map": "{ global: main; also; local: *; };\n"},
    ),
    Case(
        "a make that install calls where nothing was built",
        INSTALLS_WHAT_IS_THERE,
        {"main.c": "int main(void) { return 2; }\n", "settings.txt": "2\n"},
    ),
    Case(
        "a link whose name is taken",
        LINKED,
        {"Makefile": LINKED["Makefile"].replace("= 1", "= 2")},
    ),
    Case(
        "a header of which no rule tells",
        NO_DEPFILES,
        {"second/def.h": "#define DEF 2\n"},
    ),
    Case(
        "a header that shadows one of which no rule tells",
        NO_DEPFILES,
        {"first/def.h": "#define DEF 2\n"},
    ),
    Case("a file that a script reads", READS_DATA, {"words.txt": "two\n"}),
    Case(
        "a variable that is exported",
        EXPORTS,
        {"Makefile": EXPORTS["Makefile"].replace("loud", "low")},
    ),
    Case("a response file", RESPONSE, {"flags.rsp": "-DCODE=2\n"}),
    Case("a link that leads to another header", BEHIND_LINK, {"def.h": Link("two.h")}),
    Case("a makefile that is there now", OPTIONAL, {"local.mk": "CODE = 2\n"}),
    Case(
        "a header that went, and a depfile names it",
        WILDCARD | {"Makefile": WILDCARD["Makefile"].replace(" -MP", "")},
        {
            "include/def.h": None,
            "include/new.h": "#define DEF 2\n",
            "main.c": _MAIN.replace("def.h", "new.h"),
        },
    ),
    Case(
        "a file that is dated in the future",
        FUTURE,
        {"words.txt": "two\n"},
    ),
    Case("a source deleted under CMake's glob", GLOB, {"extra.c": None}, config=BY_CMAKE),
    *(
        Case(f"a header that CMake reads, {how}", files, {"code.h": "CODE=2\n"}, config=BY_CMAKE)
        for how, files in READ_BY_CMAKE.items()
    ),
    Case(
        "a header that CMake copies with its folder",
        COPIED_BY_CMAKE,
        {"include/code.h": "#define CODE 2\n"},
        config=BY_CMAKE,
    ),
)
