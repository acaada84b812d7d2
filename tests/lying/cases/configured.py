"""What is found out when a project is configured: by CMake, Meson, and scripts named configure."""

from __future__ import annotations

from functools import partial

from tests.lying.cases.case import Case, case, recipe
from tests.lying.tree import Written, program

_CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project(p NONE)
{}
file(WRITE ${{CMAKE_BINARY_DIR}}/it "${{IT}}")
install(FILES ${{CMAKE_BINARY_DIR}}/it DESTINATION .)
"""
_C = """\
cmake_minimum_required(VERSION 3.13)
set(CMAKE_C_COMPILER_WORKS TRUE)
set(CMAKE_C_ABI_COMPILED TRUE)
project(p C)
{}
install(TARGETS it DESTINATION bin)
"""
_CUSTOM = """\
file(GLOB scripts *.sh)
add_custom_command(OUTPUT it.txt
  COMMAND sh ${CMAKE_SOURCE_DIR}/say.sh ${CMAKE_SOURCE_DIR} > it.txt DEPENDS words)
add_custom_target(it ALL DEPENDS it.txt)
install(FILES ${CMAKE_BINARY_DIR}/it.txt DESTINATION .)
"""
_PRODUCTS = """\
foreach(name {names})
  add_custom_target(${{name}} ALL COMMAND echo ${{name}} > made/${{name}})
endforeach()
file(MAKE_DIRECTORY ${{CMAKE_BINARY_DIR}}/made)
install(DIRECTORY ${{CMAKE_BINARY_DIR}}/made DESTINATION .)
"""


def _by_cmake(generator: str) -> str:
    return recipe(
        "cmake --build b", "cmake --install b",
        configure=f"cmake -S . -B b -G '{generator}' -DCMAKE_INSTALL_PREFIX=$out",
    )  # fmt: skip


_make = partial(case, config=_by_cmake("Unix Makefiles"), needs="cmake")
_ninja = partial(case, config=_by_cmake("Ninja"), needs="cmake ninja")


def _cmake(lines: str, /, **files: str) -> dict[str, str]:
    return {"CMakeLists.txt": _CMAKE.format(lines), **files}


def _c(lines: str, /, **files: str) -> dict[str, str]:
    return {"CMakeLists.txt": _C.format(lines), "it.c": _IT, "other.c": "int other;\n", **files}


_IT = "#ifndef IT\n#define IT 1\n#endif\nint main(void) { return IT; }\n"

BY_CMAKE = (
    _make(
        "CMake: a script that a custom command runs",
        "edge",
        {
            "CMakeLists.txt": _CMAKE.format('set(IT "")\n' + _CUSTOM),
            "say.sh": '. "$1/lib.sh"\n',
            "lib.sh": 'cat "$1/words"\n',
            "words": "one\n",
        },
        {"lib.sh": 'tr a-z A-Z < "$1/words"\n'},
        {"words": "two\n"},
    ),
    _ninja(
        "CMake: a file that is read when it configures, by a name that is put together",
        "configured",
        _cmake("set(WHERE data)\nfile(READ ${WHERE}/words IT)", **{"data/words": "one"}),
        {"data/words": "two"},
        bare=False,
    ),
    _make(
        "CMake: what a command says that runs when it configures",
        "configured",
        _cmake(
            "execute_process(COMMAND sh say.sh WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} "
            "OUTPUT_VARIABLE IT)",
            **{"say.sh": "cat words\n", "words": "one\n"},
        ),
        {"words": "two\n"},
        bare=False,
    ),
    _make(
        "CMake: a program in the tree that was looked for",
        "configured",
        {
            **_cmake("find_program(TOOL it-tool PATHS ${CMAKE_SOURCE_DIR}/tools)\nset(IT ${TOOL})"),
            "tools/README": "",
        },
        {"tools/it-tool": program("#!/bin/sh\n")},
        {"tools/it-tool": None},
    ),
    _make(
        "CMake: a part that is included if it is there",
        "appears",
        _cmake("set(IT given)\ninclude(own.cmake OPTIONAL)"),
        {"own.cmake": "set(IT own CACHE STRING own)\nset(IT own)\n"},
        {"own.cmake": None},
        bare=False,
    ),
    _ninja(
        "CMake: a value in the cache whose default a file below says",
        "configured",
        {
            **_cmake("add_subdirectory(below)\nset(IT ${WORD})"),
            "below/CMakeLists.txt": "file(STRINGS default word)\n"
            "set(WORD ${word} CACHE STRING w)\n",
            "below/default": "one\n",
        },
        {"below/default": "two\n"},
    ),
    _make(
        "CMake: targets whose products are found in their folder",
        "gone",
        {"CMakeLists.txt": _CMAKE.format('set(IT "")\n' + _PRODUCTS.format(names="one two"))},
        {"CMakeLists.txt": _CMAKE.format('set(IT "")\n' + _PRODUCTS.format(names="one"))},
    ),
    _ninja(
        "CMake: a header is looked for, and is there then",
        "configured",
        _c(
            "include(CheckIncludeFile)\nset(CMAKE_REQUIRED_INCLUDES ${CMAKE_SOURCE_DIR}/own)\n"
            "check_include_file(own.h HAVE_OWN)\nadd_executable(it it.c other.c)\n"
            "if(HAVE_OWN)\n  target_compile_definitions(it PRIVATE IT=2)\nendif()",
            **{"own/README": ""},
        ),
        {"own/own.h": ""},
    ),
    _make(
        "CMake: sources below that a glob finds",
        "gone",
        _c(
            "file(GLOB_RECURSE parts parts/*.c)\nadd_executable(it it.c ${parts})",
            **{"parts/a.c": 'char a[] = "a";\n', "parts/deep/b.c": 'char b[] = "b";\n'},
        ),
        {"parts/deep/b.c": None},
        {"parts/deep/c.c": 'char c[] = "c";\n'},
        bare=False,
    ),
    _ninja(
        "CMake: a file that is read after the program is linked",
        "edge",
        _c(
            "add_executable(it it.c other.c)\nadd_custom_command(TARGET it POST_BUILD "
            "COMMAND cat ${CMAKE_SOURCE_DIR}/words >> $<TARGET_FILE:it>)",
            words="one\n",
        ),
        {"words": "two\n"},
        {"other.c": "int other = 2;\n"},
    ),
)

_by_meson = partial(
    case,
    config=recipe(
        "ninja -C b",
        "ninja -C b install",
        configure="[ -e b/build.ninja ] || meson setup b --prefix=$out",
    ),
    needs="meson ninja",
)

BY_MESON = (
    _by_meson(
        "Meson: what a command says when it configures",
        "configured",
        {
            "meson.build": "project('p')\n"
            "word = run_command('sh', 'say.sh', check: true).stdout()\n"
            "configure_file(output: 'it', configuration: {'word': word.strip()}, "
            "input: 'it.in', install_dir: '.', install: true)\n",
            "it.in": "@word@\n",
            "say.sh": "cat words\n",
            "words": "one\n",
        },
        {"words": "two\n"},
    ),
    _by_meson(
        "Meson: a module that a generator imports",
        "edge",
        {
            "meson.build": "project('p')\n"
            "custom_target('it', output: 'it', input: 'gen.py', capture: true, install: true,\n"
            "  command: [find_program('python3'), '@INPUT@'], install_dir: '.')\n",
            "gen.py": "import sys\nsys.dont_write_bytecode = True\nimport words\nprint(words.IT)\n",
            "words.py": "IT = 1\n",
        },
        {"words.py": "IT = 2\n"},
    ),
)

_by_script = partial(
    case, config=recipe("make", "make install", configure="./configure --prefix=$out")
)
_CONFIGURE = """\
#!/bin/sh
# In the manner of autoconf: what was found out lies in a file, and isn't looked for again.
[ ! -e config.cache ] || . ./config.cache
[ "$word" ] || { word=$(cat words); echo "word=$word" >> config.cache; }
[ "$modules" ] || { modules=$(echo modules/*); echo "modules='$modules'" >> config.cache; }
if [ -d extra ]; then extra=extra; fi
for file in Makefile config.h; do
  sed "s/@word@/$word/; s|@modules@|$modules|; s/@extra@/$extra/" $file.in > $file.new
  cmp -s $file.new $file && rm $file.new || mv $file.new $file
done
"""
_INPUTS: dict[str, Written] = {
    "configure": program(_CONFIGURE),
    "words": "one\n",
    "modules/a": "",
    "Makefile.in": """\
all: it
it: it.c
\t$(CC) -DMODULES='"@modules@"' -DEXTRA='"@extra@"' -o $@ it.c
install: it
\tmkdir -p $(out) && cp it config.h $(out)/
""",
    "config.h.in": '#define WORD "@word@"\n',
    "it.c": '#include "config.h"\nconst char *it = WORD MODULES EXTRA;\n'
    "int main(void) { return 0; }\n",
}

BY_SCRIPT = (
    _by_script(
        "configure: what it found out lies in a file",
        "configured",
        _INPUTS,
        {"words": "two\n"},
        {"modules/b": ""},
    ),
    _by_script(
        "configure: a folder that it asks for",
        "configured",
        _INPUTS,
        {"extra/it": ""},
        {"extra/it": None},
    ),
    _by_script(
        "configure: what it fills in is another text",
        "configured",
        _INPUTS,
        {"config.h.in": '#define WORD "the word is @word@"\n'},
    ),
    _by_script(
        "configure: it adds to tracked files",
        "rewrites",
        {
            "configure": program(
                '#!/bin/sh\nfor f in src/*; do echo "// $(cat words)" >> $f; done\n'
            ),
            "src/a.c": "int a;\n",
            "src/b.c": "int b;\n",
            "words": "one\n",
            "Makefile": "all:\n\tcat src/*.c > all.c\ninstall:\n\tcp all.c src/a.c $(out)/\n",
        },
        {"src/a.c": "int aa;\n"},
        {"words": "two\n"},
        answers=False,
    ),
)

CASES: tuple[Case, ...] = (*BY_CMAKE, *BY_MESON, *BY_SCRIPT)
