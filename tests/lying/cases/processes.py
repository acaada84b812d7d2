"""What a process gets from another one, or does in another's name: what a memory of commands has
to know besides their arguments and the files that they open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.lying.cases.case import BY_SCRIPT, Case, case
from tests.lying.tree import Link, Written, program

_case = partial(case, config=BY_SCRIPT)
_HEAD = "set -e\nmkdir -p made\nsort other > made/other\n"

# What a generator is that no library can be loaded into.
_STATIC = """\
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int count, char **words) {
"""
_COMPILED = "[ -e gen ] || {compiler} -static -o gen gen.c\n"


def _script(
    text: str, files: Mapping[str, Written] | None = None, /, **more: Written
) -> dict[str, Written]:
    return {"build.sh": _HEAD + text, "other": "b\na\n", **(files or {}), **more}


def _static(body: str, call: str, compiler: str = "cc", /, **files: Written) -> dict[str, Written]:
    """A script that makes a static program of ``body``, and calls it."""
    source = _STATIC + body + "\n  return 0;\n}\n"
    return _script(_COMPILED.format(compiler=compiler) + call, **{"gen.c": source, **files})


_UPPER = "#!/bin/sh\ntr a-z A-Z\n"
_SHIM = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int puts(const char *text) { return printf("%s says %s\\n", WHO, text) < 0; }
"""
_SERVER = """\
import socket, sys
# Reads files for whoever asks: one name, one answer, until it is told to end.
listening = socket.socket(socket.AF_UNIX)
listening.bind("server.sock")
listening.listen()
print("ready", flush=True)
while True:
    asked, _ = listening.accept()
    name = asked.recv(100).decode()
    if name == "end":
        break
    asked.sendall(open(name, "rb").read())
    asked.close()
"""
_ASK = """\
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect("server.sock")
asking.sendall(sys.argv[1].encode())
sys.stdout.buffer.write(asking.recv(1000))
"""

GIVEN = (
    _case(
        "what is read from the standard input",
        "for another",
        _script("sh ./gen < words > made/it\n", gen=_UPPER, words="one\n"),
        {"words": "two\n"},
        bare=False,
    ),
    _case(
        "a text in the script is the standard input",
        "for another",
        _script("cat > made/it <<END\none\nEND\n"),
        {"build.sh": _HEAD + "cat > made/it <<END\ntwo\nEND\n"},
        bare=False,
    ),
    _case(
        "a text that a shell hands over by a pipe",
        "for another",
        _script("echo one | sh ./gen | sed s/^/said/ > made/it\n", gen=_UPPER),
        {"build.sh": _HEAD + "echo two | sh ./gen | sed s/^/said/ > made/it\n"},
        bare=False,
    ),
    _case(
        "an open file is read on by the next command",
        "for another",
        _script(
            "exec 3< words\nread -r first <&3\nsh ./gen <&3 > made/it\necho $first >> made/it\n",
            gen=_UPPER,
            words="one\ntwo\n",
        ),
        {"words": "uno\ntwo\n"},
        {"words": "uno\ndue\n"},
        bare=False,
    ),
    _case(
        "two commands write one open file",
        "for another",
        _script("{ cat one; cat two; cat one; } > made/it\n", one="1\n", two="2\n"),
        {"one": "eins\n"},
        {"two": "zwei\n"},
        bare=False,
    ),
    _case(
        "a descriptor that was opened for all that follows",
        "for another",
        _script(
            "exec 4> made/it\ncat one >&4\nsh -c 'cat two >&4'\nexec 4>&-\n", one="1\n", two="2\n"
        ),
        {"one": "eins\n"},
        bare=False,
    ),
    _case(
        "what another command answers becomes an argument",
        "for another",
        _script('printf %s "$(sh ./gen < words)" > made/it\n', gen=_UPPER, words="one\n"),
        {"words": "two\n"},
        bare=False,
    ),
    _case(
        "the code with which a command ends",
        "for another",
        _script("code=0\ncmp -s one two || code=$?\necho $code > made/it\n", one="1\n", two="2\n"),
        {"two": "1\n"},
        {"one": None},
        bare=False,
        needs="cmp",
    ),
    _case(
        "a variable that is exported to a static program",
        "for another",
        _static(
            'puts(getenv("MODE"));',
            "MODE=$(cat mode)\nexport MODE\n./gen > made/it\n",
            mode="one\n",
        ),
        {"mode": "two\n"},
        bare=False,
    ),
    _case(
        "the mask of modes that a script sets",
        "for another",
        _script(
            "umask $(cat mask)\ncp words made/it\nmkdir made/folder\n", mask="022\n", words="one\n"
        ),
        {"mask": "077\n"},
        {"mask": "007\n"},
    ),
    _case(
        "the folder that a command is started in",
        "for another",
        _script(
            "cd $(cat which)\ncat words > ../made/it\n",
            {"which": "a\n", "a/words": "a\n", "b/words": "b\n"},
        ),
        {"which": "b\n"},
        bare=False,
    ),
    _case(
        "the name by which a program is called",
        "for another",
        {
            **_script("./call x > made/it\n"),
            "tool": program('#!/bin/sh\nbasename "$0"\necho "$@"\n'),
            "one": Link("tool"),
            "two": Link("tool"),
            "call": Link("one"),
        },
        {"call": Link("two")},
        bare=False,
    ),
)

INTERPRETERS = (
    _case(
        "an interpreter that lies in the tree",
        "for another",
        {
            **_script("./gen > made/it\n"),
            "gen": program("#!./interpret\none\n"),
            "interpret": program('#!/bin/sh\ntail -n 1 "$1"\n'),
        },
        {"interpret": program('#!/bin/sh\ntail -n 1 "$1" | tr a-z A-Z\n')},
        bare=False,
    ),
    _case(
        "a library of the build's own, found by the program's place",
        "for another",
        _script(
            "[ -e gen ] || cc -o gen gen.c -Wl,-rpath,'$ORIGIN' "
            "-Wl,--unresolved-symbols=ignore-all\n"
            "cc -shared -fPIC -o libword.so word.c\n"
            "cc -o gen gen.c -L. -lword -Wl,-rpath,'$ORIGIN'\n./gen > made/it\n",
            {
                "gen.c": "#include <stdio.h>\nconst char *word(void);\n"
                "int main(void) { return puts(word()) < 0; }\n",
                "word.c": 'const char *word(void) { return "one"; }\n',
            },
        ),
        {"word.c": 'const char *word(void) { return "two"; }\n'},
        bare=False,
    ),
    _case(
        "a library that a program looks for while it runs",
        "appears",
        _script(
            "[ -e made/it ] || {\n"
            "for f in plugins/*.c; do cc -shared -fPIC -o ${f%.c}.so $f; done\n"
            "cc -o gen gen.c\n./gen > made/it\n}\n",
            {
                "gen.c": "#include <dlfcn.h>\n#include <stdio.h>\n"
                'int main(void) { puts(dlopen("./plugins/a.so", RTLD_NOW) ? "a" : "no a");\n'
                '  puts(dlopen("./plugins/b.so", RTLD_NOW) ? "b" : "no b"); return 0; }\n',
                "plugins/a.c": "int a;\n",
            },
        ),
        {"plugins/b.c": "int b;\n"},
    ),
    _case(
        "a library that the build itself preloads",
        "for another",
        _script(
            "cc -shared -fPIC -DWHO='\"one\"' -o shim.so shim.c\ncc -fno-builtin -o gen gen.c\n"
            "LD_PRELOAD=$PWD/shim.so${LD_PRELOAD:+:$LD_PRELOAD} ./gen > made/it\n",
            {
                "shim.c": _SHIM,
                "gen.c": '#include <stdio.h>\nint main(void) { puts("it"); return 0; }\n',
            },
        ),
        {"shim.c": _SHIM.replace("says", "said")},
        bare=False,
    ),
    _case(
        "a program that the script is given as a text",
        "for another",
        _script('sh -c "$(cat gen)" > made/it\n', gen="echo one; cat words\n", words="1\n"),
        {"gen": "echo two; cat words\n"},
        {"words": "2\n"},
        bare=False,
    ),
)

STATIC = (
    _case(
        "a static program that reads",
        "edge",
        _static(
            'FILE *in = fopen("words", "r"); int c; while ((c = getc(in)) != EOF) putchar(c);',
            "[ made/it -nt gen.c ] || ./gen > made/it\n",
            words="one\n",
        ),
        {"words": "two\n"},
    ),
    _case(
        "a static program that lists a folder",
        "asked",
        _static(
            'struct dirent **all; int n = scandir("parts", &all, 0, alphasort);\n'
            "  for (int i = 0; i < n; i++) puts(all[i]->d_name);",
            "[ made/it -nt gen.c ] || ./gen > made/it\n",
            **{"parts/a": ""},
        ),
        {"parts/b": ""},
        {"parts/a": None},
    ),
    _case(
        "a static program that asks for a size",
        "asked",
        _static(
            'struct stat it; stat("words", &it); printf("%d\\n", (int)it.st_size);',
            "[ made/it -nt gen.c ] || ./gen > made/it\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"words": "three\n"},
    ),
    _case(
        "a static program that looks for a file in vain",
        "appears",
        _static(
            'puts(access("words", R_OK) == 0 ? "yes" : "no");',
            "[ made/it -nt gen.c ] || ./gen > made/it\n",
        ),
        {"words": ""},
    ),
    _case(
        "a static program of another C library",
        "edge",
        _static(
            'int folder = open("data", O_RDONLY | O_DIRECTORY);\n'
            '  int in = openat(folder, "words", O_RDONLY);\n'
            "  char text[100]; write(1, text, read(in, text, 100));",
            "[ made/it -nt gen.c ] || ./gen > made/it\n",
            "musl-gcc",
            **{"data/words": "one\n"},
        ),
        {"data/words": "two\n"},
        needs="musl-gcc",
    ),
    _case(
        "a static program that goes to a folder by its descriptor",
        "edge",
        _static(
            "int folder = open(words[1], O_PATH | O_DIRECTORY); fchdir(folder);\n"
            '  FILE *in = fopen("words", "r"); int c; while ((c = getc(in)) != EOF) putchar(c);',
            "[ made/it -nt gen.c ] || ./gen data > made/it\n",
            **{"data/words": "one\n"},
        ),
        {"data/words": "two\n"},
    ),
    _case(
        "a static program that makes a file without a name",
        "for another",
        _static(
            'int in = open("words", O_RDONLY), out = open("made", O_TMPFILE | O_RDWR, 0644);\n'
            "  char text[100]; write(out, text, read(in, text, 100));\n"
            '  char name[40]; sprintf(name, "/proc/self/fd/%d", out);\n'
            '  linkat(AT_FDCWD, name, AT_FDCWD, "made/it", AT_SYMLINK_FOLLOW);',
            "[ made/it -nt gen.c ] || ./gen\n",
            words="one\n",
        ),
        {"words": "two\n"},
    ),
    _case(
        "a static program that writes by way of memory",
        "for another",
        _static(
            'int in = open("words", O_RDONLY), out = open("made/it", O_CREAT | O_RDWR, 0644);\n'
            "  struct stat it; fstat(in, &it); ftruncate(out, it.st_size);\n"
            "  char *from = mmap(0, it.st_size, PROT_READ, MAP_PRIVATE, in, 0);\n"
            "  char *to = mmap(0, it.st_size, PROT_WRITE, MAP_SHARED, out, 0);\n"
            "  memcpy(to, from, it.st_size);",
            "[ made/it -nt gen.c ] || ./gen\n",
            words="one\n",
        ),
        {"words": "two and three\n"},
    ),
)

OTHERS = (
    _case(
        "a file by the name of the process's own folder",
        "edge",
        _script("[ -e made/it ] || cat /proc/self/cwd/words > made/it\n", words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "a file by the name of a descriptor",
        "edge",
        _script("[ -e made/it ] || cat /dev/stdin < words > made/it\n", words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "two commands are compared as files",
        "for another",
        {
            "build.sh": "set -e\nmkdir -p made\nsort other > made/other\n"
            "bash -c 'diff <(cat one) <(cat two)' > made/it || true\n",
            "other": "b\na\n",
            "one": "1\n",
            "two": "2\n",
        },
        {"two": "3\n"},
        {"two": "1\n"},
        bare=False,
        needs="bash diff",
    ),
    _case(
        "a named pipe between two commands",
        "for another",
        _script(
            "rm -f pipe; mkfifo pipe\ncat words > pipe &\n"
            "[ -e made/it ] && cat pipe > /dev/null || cat pipe > made/it\nwait\n",
            words="one\n",
        ),
        {"words": "two\n"},
        needs="mkfifo",
    ),
    _case(
        "a server that reads for others",
        "for another",
        _script(
            "rm -f server.sock ready\npython3 server.py > ready &\n"
            "until [ -s ready ]; do sleep 0.02; done\n"
            "python3 ask.py words > made/it\npython3 ask.py end\nwait\n",
            {"server.py": _SERVER, "ask.py": _ASK, "words": "one\n"},
        ),
        {"words": "two\n"},
        bare=False,
        needs="python3",
    ),
    _case(
        "a process that outlives the one that started it",
        "for another",
        _script(
            "sh late.sh\nuntil [ -e done ]; do sleep 0.02; done\nrm done\n",
            {
                "late.sh": "( sleep 0.1; cat words > made/it; touch done ) > /dev/null 2>&1 &\n",
                "words": "one\n",
            },
        ),
        {"words": "two\n"},
        bare=False,
    ),
    _case(
        "a name that is another one each time",
        "for another",
        _script(
            "t=$(mktemp -d)\ncp words $t/in\nsh ./gen < $t/in > $t/out\nmv $t/out made/it\n"
            "rm -r $t\n",
            gen=_UPPER,
            words="one\n",
        ),
        {"words": "two\n"},
        bare=False,
    ),
    _case(
        "a program that closes all that it was given",
        "edge",
        _script(
            "[ -e made/it ] || python3 gen.py\n",
            {
                "gen.py": "import os\nos.closerange(0, 65536)\n"
                "words = open('words').read()\nopen('made/it', 'w').write(words)\n",
                "words": "one\n",
            },
        ),
        {"words": "two\n"},
        needs="python3",
    ),
    _case(
        "a mode is all that a command changes",
        "for another",
        _script("cp words made/it\nchmod $(cat mode) made/it\n", words="one\n", mode="640\n"),
        {"mode": "751\n"},
        {"words": "two\n"},
        bare=False,
    ),
    _case(
        "a date is all that a command changes",
        "for another",
        _script(
            "cp one made/one; cp two made/two\ntouch -d 2001-01-01 made/$(cat old)\n"
            "if [ made/one -nt made/two ]; then echo one; else echo two; fi > made/newer\n",
            one="1\n",
            two="2\n",
            old="one\n",
        ),
        {"old": "two\n"},
        {"one": "eins\n"},
        bare=False,
    ),
    _case(
        "a file is emptied, and an empty folder made",
        "for another",
        _script(
            "cp words made/it\n: > made/$(cat empty)\nmkdir made/folder-$(cat empty)\n",
            words="one\n",
            empty="it\n",
        ),
        {"empty": "other\n"},
        {"words": "two\n"},
    ),
    _case(
        "commands in parallel",
        "for another",
        _script(
            "ls src | xargs -P 2 -I{} sh -c 'cat src/{} > made/{}; echo {} | cat - src/{} > "
            "made/{}.2'\n",
            {f"src/{name}": f"{name}\n" for name in "abcdef"},
        ),
        {"src/c": "C\n"},
        {"src/d": None},
        needs="xargs",
    ),
)

CASES: tuple[Case, ...] = (*GIVEN, *INTERPRETERS, *STATIC, *OTHERS)
