"""Projects for which ``git ckpt init`` finds out how they are built."""

from __future__ import annotations

from functools import partial

from tests.lying.cases.case import Case, case
from tests.lying.tree import program

_case = partial(case, config=None, bare=False)

_MAKEFILE = """\
PREFIX = /usr/local
OBJECTS = main.o table.o
program: $(OBJECTS)
\t$(CC) -o $@ $(OBJECTS)
table.c: table.awk
\tawk -f table.awk > $@
install: program
\tmkdir -p $(PREFIX)/bin && cp program $(PREFIX)/bin/
"""
_CGO = """\
package main

// #include "impl/impl.c"
import "C"
import "os"

func main() { os.Exit(int(C.it())) }
"""

CASES: tuple[Case, ...] = (
    _case(
        "init, make: a program of awk's reads what no rule names",
        "edge",
        {
            "Makefile": _MAKEFILE,
            "main.c": "extern int it[];\nint main(void) { return it[0]; }\n",
            "table.awk": 'BEGIN { getline n < "data/first"; print "int it[] = {" n "};" }\n',
            "data/first": "1\n",
        },
        {"data/first": "2\n"},
        {"main.c": "extern int it[];\nint main(void) { return it[0] + 1; }\n"},
        needs="awk",
    ),
    _case(
        "init, CMake: a version that a script finds when it configures",
        "configured",
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.13)\nproject(p C)\n"
            "execute_process(COMMAND sh ${CMAKE_SOURCE_DIR}/version.sh ${CMAKE_SOURCE_DIR}\n"
            "  OUTPUT_VARIABLE version)\nadd_executable(p main.c)\n"
            "target_compile_definitions(p PRIVATE VERSION=${version})\ninstall(TARGETS p)\n",
            "version.sh": "tr -d '\\n' < \"$1/VERSION\"\n",
            "VERSION": "1\n",
            "main.c": "int main(void) { return VERSION; }\n",
        },
        {"VERSION": "2\n"},
        needs="cmake",
    ),
    _case(
        "init, Go: a source of C that another one includes from a folder below",
        "edge",
        {
            "go.mod": "module example.org/p\n\ngo 1.18\n",
            "main.go": _CGO,
            "impl/impl.c": '#include "part.h"\nstatic int it(void) { return PART; }\n',
            "impl/part.h": "#define PART 1\n",
        },
        {"impl/part.h": "#define PART 2\n"},
        {"impl/impl.c": '#include "part.h"\nstatic int it(void) { return 10 * PART; }\n'},
        needs="go",
        answers=False,
    ),
    _case(
        "init, Meson: what a generator imports",
        "edge",
        {
            "meson.build": "project('p', 'c')\n"
            "table = custom_target('table', output: 'table.h', input: 'gen.sh', capture: true,\n"
            "  command: ['sh', '@INPUT@', meson.current_source_dir()])\n"
            "executable('p', 'main.c', table, install: true)\n",
            "gen.sh": '. "$1/names.sh"\necho "#define IT $it"\n',
            "names.sh": "it=1\n",
            "main.c": '#include "table.h"\nint main(void) { return IT; }\n',
        },
        {"names.sh": "it=2\n"},
        needs="meson ninja",
    ),
    _case(
        "init, configure: a header that it writes over, and which is tracked",
        "rewrites",
        {
            "configure": program(
                "#!/bin/sh\nfor a; do case $a in --prefix=*) p=${a#*=};; esac; done\n"
                'sed "s|@prefix@|$p|g" Makefile.in > Makefile\n'
                'echo "#define IT $(cat it)" >> config.h\n'
            ),
            "Makefile.in": "p: main.c config.h\n\t$(CC) -o $@ main.c\n"
            "install: p\n\tmkdir -p @prefix@/bin && cp p config.h @prefix@/bin/\n",
            "config.h": "/* what configure finds */\n",
            "it": "1\n",
            "main.c": '#include "config.h"\nint main(void) { return IT; }\n',
        },
        {"it": "2\n"},
        {"config.h": "/* what configure found */\n"},
    ),
)
