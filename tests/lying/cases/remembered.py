"""What a memory of commands could get wrong: results that depend on more than files' contents, and
effects that are more than files with new contents. A build tool alone gets most of these right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.lying.cases.case import BY_SCRIPT, Case, case, recipe
from tests.lying.tree import Link, Written, program

_case = partial(case, config=BY_SCRIPT, bare=False)
_HEAD = "set -e\nmkdir -p made\nsort other > made/other\n"


def _script(
    text: str, files: Mapping[str, Written] | None = None, /, **more: Written
) -> dict[str, Written]:
    return {"build.sh": _HEAD + text, "other": "b\na\n", **(files or {}), **more}


def _said(text: str) -> dict[str, Written | None]:
    """The edit that makes ``text`` what the script does."""
    return {"build.sh": _HEAD + text}


STARTED = (
    _case(
        "how large a file may become",
        "for another",
        _script(
            "( ulimit -f $(cat limit); sh ./gen ) || true\n",
            limit="100\n",
            gen="head -c 20000 /dev/zero > made/it\n",
        ),
        {"limit": "8\n"},
        {"limit": "200\n"},
        answers=False,
    ),
    _case(
        "the folder for temporary files",
        "for another",
        _script(
            "TMPDIR=$PWD/$(cat where) sh ./gen\n",
            where="one\n",
            gen='basename "$TMPDIR" > made/it\n',
        ),
        {"where": "two\n"},
    ),
    _case(
        "the folder that it came from",
        "for another",
        _script(
            "cd one; cd ..; sh ./gen\n",
            {"one/x": "", "two/x": ""},
            gen='basename "$OLDPWD" > made/it\nbasename "$PWD" >> made/it\n',
        ),
        _said("cd two; cd ..; sh ./gen\n"),
    ),
    _case(
        "the time zone",
        "for another",
        _script("TZ=$(cat zone) date -d @0 +%H > made/it\n", zone="UTC\n"),
        {"zone": "EST5\n"},
    ),
    _case(
        "what make was told, and how deep it is",
        "for another",
        {
            "Makefile": "all:\n\tmkdir -p made\n\t$(MAKE) -f below.mk $(MODE)\n",
            "below.mk": "all:\n\tsh ./gen\ndeep:\n\t$(MAKE) -f below.mk all\n",
            "gen": 'echo "$MAKELEVEL ${MAKEFLAGS%% *}" > made/it\n',
        },
        {"Makefile": "all:\n\tmkdir -p made\n\t$(MAKE) -f below.mk deep\n"},
        {"Makefile": "all:\n\tmkdir -p made\n\t$(MAKE) -s -k -f below.mk all\n"},
        config=recipe("make"),
    ),
    _case(
        "a command that is started without any variable",
        "edge",
        _script("env -i /bin/sh ./gen\n", gen="cat words > made/it\n", words="one\n"),
        {"words": "two\n"},
        {"gen": 'cat words > made/it; echo "$PATH" >> made/it\n'},
    ),
    _case(
        "a command that others start: timeout, nice, env, nohup, setsid",
        "edge",
        _script(
            "timeout 60 nice env A=1 nohup setsid -w sh ./gen > made/said 2>/dev/null\n",
            gen="cat words > made/it; echo $A\n",
            words="one\n",
        ),
        {"words": "two\n"},
        needs="timeout nice nohup setsid",
    ),
    _case(
        "a command under a lock",
        "edge",
        _script("flock lock sh ./gen\n", gen="cat words > made/it\n", words="one\n"),
        {"words": "two\n"},
        needs="flock",
    ),
    _case(
        "a command in namespaces of its own",
        "edge",
        _script(
            "unshare -r sh ./gen 2>/dev/null || sh ./gen\n",
            gen="cat words > made/it\n",
            words="one\n",
        ),
        {"words": "two\n"},
        needs="unshare",
        answers=False,
    ),
    _case(
        "the name that a shell gives a program",
        "for another",
        _script("bash -c 'exec -a one sh -c \"echo \\$0\"' > made/it\n"),
        _said("bash -c 'exec -a two sh -c \"echo \\$0\"' > made/it\n"),
        needs="bash",
    ),
    _case(
        "a program is another one by its second call",
        "order",
        _script(
            "cp one gen; chmod +x gen; ./gen > made/first\ncp two gen; ./gen > made/second\n",
            one="#!/bin/sh\necho one\n",
            two="#!/bin/sh\necho two\n",
        ),
        {"two": "#!/bin/sh\necho three\n"},
        {"one": "#!/bin/sh\necho three\n"},
    ),
    _case(
        "the same command comes to something else each time",
        "order",
        _script(
            "cp start n\nsh ./gen; sh ./gen; sh ./gen\n",
            gen="n=$(cat n); echo $((n * 2)) > n; echo $n >> made/it\n",
            start="1\n",
        ),
        {"start": "2\n"},
        {"start": "4\n"},
        {"start": "1\n"},
    ),
    _case(
        "an interpreter that is found by its name",
        "appears",
        _script(
            "PATH=$PWD/tools:$PATH ./gen\n",
            {
                "gen": program("#!/usr/bin/env it-sh\necho x\n"),
                "tools/it-sh": program("#!/bin/sh\necho one > made/it\n"),
                "first/x": "",
            },
        ),
        {"tools/it-sh": program("#!/bin/sh\necho two > made/it\n")},
    ),
)

_ASSEMBLER = """\
.globl _start
_start:
    mov $5, %eax
    mov $name, %ebx
    xor %ecx, %ecx
    int $0x80
    mov %eax, %ebx
    mov $3, %eax
    mov $text, %ecx
    mov $100, %edx
    int $0x80
    mov %eax, %edx
    mov $4, %eax
    mov $1, %ebx
    mov $text, %ecx
    int $0x80
    mov $1, %eax
    xor %ebx, %ebx
    int $0x80
.data
name: .asciz "words"
.bss
.comm text, 100
"""
_SYSCALL = """\
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    char text[100];
    int in = syscall(SYS_openat, AT_FDCWD, "words", O_RDONLY, 0);
    long length = syscall(SYS_read, in, text, sizeof text);
    return syscall(SYS_write, 1, text, length) < 0;
}
"""
_MEMFD = """\
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int count, char **words)
{
    char bytes[4096];
    int from = open(words[1], O_RDONLY), to = memfd_create("tool", 0);
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
        if (write(to, bytes, n) != n)
            return 1;
    fexecve(to, words + 1, environ);
    return count;
}
"""
_CAT = """\
#include <stdio.h>
int main(void)
{
    FILE *in = fopen("words", "r");
    for (int c; (c = getc(in)) != EOF;)
        putchar(c);
    return 0;
}
"""

SEEN = (
    _case(
        "a program that calls the kernel by itself",
        "edge",
        _script("cc -o gen gen.c\n./gen > made/it\n", {"gen.c": _SYSCALL}, words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "a program of 32 bits",
        "edge",
        _script(
            "as --32 -o gen.o gen.s\nld -m elf_i386 -o gen gen.o\n./gen > made/it\n",
            {"gen.s": _ASSEMBLER},
            words="one\n",
        ),
        {"words": "two\n"},
        needs="/lib64/ld-linux-x86-64.so.2",
        answers=False,
    ),
    _case(
        "a program that lies nowhere but in memory",
        "edge",
        _script(
            "cc -o run run.c\ncc -o gen gen.c\n./run gen > made/it\n",
            {"run.c": _MEMFD, "gen.c": _CAT},
            words="one\n",
        ),
        {"words": "two\n"},
        {"gen.c": _CAT.replace("putchar(c)", "putchar(c), putchar('.')")},
        answers=False,  # what is executed without a name isn't seen whole
    ),
    _case(
        "a signal to a process of another command",
        "edge",
        _script(
            "sh serve & server=$!\nuntil [ -e ready ]; do sleep .02; done\n"
            "env kill -USR1 $server\nwait $server || :\nrm ready\n",
            {
                "serve": "trap 'cp words made/it; exit' USR1\n: > ready\n"
                "while :; do sleep .05; done\n"
            },
            words="one\n",
        ),
        {"words": "two\n"},
    ),
    _case(
        "a file in /dev",
        "for another",
        _script("cp words /dev/it\nsh ./gen\n", {"gen": "cp /dev/it made/it\n"}, words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "a file by a name that begins at the process's root",
        "edge",
        _script('cat "/proc/self/root$PWD/words" > made/it\n', words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "a file by the name of another process's folder",
        "edge",
        _script("cat /proc/$$/cwd/words > made/it\n", words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "a file in /tmp between two commands",
        "for another",
        _script(
            "cp words /tmp/it-between\nsh ./gen\n",
            words="one\n",
            gen="tr a-z A-Z < /tmp/it-between > made/it\n",
        ),
        {"words": "two\n"},
        {"gen": "cat /tmp/it-between > made/it\n"},
    ),
    _case(
        "a file in shared memory between two commands",
        "for another",
        _script(
            "cp words /dev/shm/it-between\nsh ./gen\n",
            words="one\n",
            gen="tr a-z A-Z < /dev/shm/it-between > made/it\nrm /dev/shm/it-between\n",
        ),
        {"words": "two\n"},
        {"gen": "cat /dev/shm/it-between > made/it\nrm /dev/shm/it-between\n"},
    ),
    _case(
        "what was installed is read again",
        "for another",
        {"words": "b\na\n", "more": "c\n", "finish.sh": 'sort "$out/words" more > "$out/sorted"\n'},
        {"words": "b\na\n0\n"},
        {"more": "d\n"},
        {"finish.sh": 'sort -r "$out/words" more > "$out/sorted"\n'},
        config=recipe(":", "cp words $out/ && sh finish.sh"),
    ),
    _case(
        "how many names a file has",
        "asked",
        _script(
            "cp words made/it\n[ ! -e both ] || ln made/it made/also\n"
            "stat -c %h made/it > made/n\n",
            words="one\n",
        ),
        {"both": ""},
        {"both": None},
        {"words": "two\n"},
    ),
    _case(
        "a folder that is removed if it is empty",
        "asked",
        _script(
            "mkdir made/folder\nfor f in parts/*; do cp $f made/folder/ 2>/dev/null || :; done\n"
            "rm -f made/folder/a\nrmdir made/folder 2>/dev/null || :\n",
            {"parts/a": "a\n"},
        ),
        {"parts/b": "b\n"},
        {"parts/b": None},
    ),
    _case(
        "a folder or a file is there to be copied to",
        "asked",
        _script(
            "[ ! -e folder ] || mkdir made/it\ncp words made/it\nln -s words made/link\n"
            "ln -s words made/it || :\n",
            words="one\n",
        ),
        {"folder": ""},
        {"words": "two\n"},
        {"folder": None},
    ),
    _case(
        "a file that is kept if it is there",
        "order",
        _script("[ ! -e given ] || cp given made/it\ncp -n words made/it || :\n", words="one\n"),
        {"given": "given\n"},
        {"words": "two\n"},
        {"given": None},
    ),
    _case(
        "a name that is taken",
        "order",
        _script(
            "for f in a b; do mkdir made/$(cat $f) 2>/dev/null || echo $f >> made/taken; done\n",
            a="one\n",
            b="two\n",
        ),
        {"b": "one\n"},
        {"a": "two\n"},
    ),
)

_TWICE = """\
rule log
  command = mkdir -p made && cat $in > $out && echo $out >> made/log
build made/a: log a
build made/b: log b
"""

DATES = (
    _case(
        "make is asked whether all is made",
        "guard",
        {
            "Makefile": "all: made/b\nmade/b: made/a\n\tcp made/a $@\n"
            "made/a: words\n\tmkdir -p made && cp words $@\n",
            "words": "one\n",
        },
        {"words": "two\n"},
        {"again": ""},
        config=recipe("make; make -q; echo $? > made/code; make -n > made/said"),
    ),
    _case(
        "Ninja is run twice, and the second time it does nothing",
        "guard",
        {"build.ninja": _TWICE, "a": "a\n", "b": "b\n"},
        {"a": "A\n"},
        {"again": ""},
        {"b": "B\n"},
        config=recipe("ninja -j1; ninja -j1 > made/said"),
        needs="ninja",
    ),
    _case(
        "make is run by each phase",
        "guard",
        {
            "Makefile": "all: made/it\nmade/it: made/middle\n"
            "\tcp made/middle $@; echo it >> made/log\n"
            "made/middle: words\n\tmkdir -p made; cp words $@; echo middle >> made/log\n"
            "check: all\n\tcmp made/it words\ninstall: all\n\tcp -a made/. $(out)/\n",
            "words": "one\n",
        },
        {"words": "two\n"},
        {"again": ""},
        config=recipe("make", "make install", check="make check"),
    ),
    _case(
        "everything is cleaned before it is made",
        "gone",
        {
            "Makefile": "all: made/it\nclean:\n\trm -rf made log\n"
            "made/it: words\n\tmkdir -p made && cp words $@\n",
            "words": "one\n",
        },
        {"words": "two\n"},
        config=recipe("make clean; make; make clean; make"),
    ),
    _case(
        "a tracked product is older than its source, or not",
        "guard",
        {
            "Makefile": "all: made/it\nmade/it: parser.c\n\tmkdir -p made && cp parser.c $@\n"
            "parser.c: parser.y\n\tsed s/^/made:/ parser.y > $@\n",
            "parser.y": "one\n",
            "parser.c": "tracked: one\n",
        },
        {"parser.y": "two\n"},
        {"parser.c": "tracked: two\n"},
        config=recipe("make"),
    ),
    _case(
        "an order of dates that three commands make",
        "guard",
        _script(
            "for f in $(cat order); do cp $f made/$f; sleep 0.03; done\n"
            "ls -t made/a made/b > made/newest\n",
            order="a b\n",
            a="a\n",
            b="b\n",
        ),
        {"order": "b a\n"},
        {"a": "A\n"},
    ),
)

EFFECTS = (
    _case(
        "a file is written by way of a link",
        "links",
        _script("ln -s real made/link\ncat words > made/link\n", words="one\n"),
        {"words": "two\n"},
        {"again": ""},
    ),
    _case(
        "a file is written below a link to a folder",
        "links",
        _script(
            "mkdir made/real\nln -s real made/folder\ncp words made/folder/it\nrm made/folder\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"again": ""},
    ),
    _case(
        "a file that nobody may read",
        "links",
        _script(
            "cp words made/it\nchmod 000 made/it\nsh ./late\nchmod 644 made/it\n",
            late="echo late > made/late\n",
            words="one\n",
        ),
        {"late": "echo later > made/late\n"},
        {"words": "two\n"},
    ),
    _case(
        "a folder that nobody may write to",
        "links",
        _script(
            "mkdir made/folder\ncp words made/folder/it\nchmod 555 made/folder\nsh ./late\n"
            "chmod 755 made/folder\n",
            late="echo late > made/late\n",
            words="one\n",
        ),
        {"late": "echo later > made/late\n"},
        {"words": "two\n"},
    ),
    _case(
        "a named pipe and a socket are left behind",
        "for another",
        _script(
            "mkfifo left.pipe\n"
            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"left\")'\n"
            "cp words made/it\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"again": ""},
        needs="mkfifo python3",
    ),
    _case(
        "what a command that failed has left",
        "for another",
        _script("sh ./gen || true\n", gen="cp words made/it\nexit 3\n", words="one\n"),
        {"words": "two\n"},
        {"again": ""},
    ),
    _case(
        "a command that ends itself by a signal",
        "for another",
        _script(
            "code=0; sh ./gen || code=$?; echo $code > made/code\n",
            gen="cp words made/it\nkill -TERM $$\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"gen": "cp words made/it\nkill -KILL $$\n"},
        answers=False,
    ),
    _case(
        "a copy of what goes through a pipe",
        "for another",
        _script(
            "cat words | tee made/copy | sort | tee made/sorted | wc -l > made/lines\n",
            words="b\na\n",
        ),
        {"words": "c\nb\na\n"},
        {"again": ""},
    ),
    _case(
        "a reader that ends before the writer",
        "for another",
        _script('yes "$(cat words)" | head -n 2 > made/it\n', words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "a file with a hole, and a long one",
        "for another",
        _script(
            "truncate -s $(cat size) made/it\ncat words >> made/it\nseq $(cat size) > made/long\n",
            size="300000\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"size": "400000\n"},
    ),
    _case(
        "a tracked file is removed",
        "rewrites",
        _script("sort gone > made/it\nrm gone\nls > made/list\n", gone="b\na\n"),
        {"gone": "c\nb\n"},
        {"again": ""},
    ),
    _case(
        "a folder is moved away, and another made of its name",
        "order",
        _script(
            "cp words made/it\nmv made before\nmkdir made\ncp before/* made/\necho x > made/new\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"again": ""},
    ),
    _case(
        "a folder that lies deeper than a name may be long",
        "links",
        _script(
            "python3 deep.py\n",
            {
                "deep.py": "import os\nhere = os.getcwd()\nfor _ in range(60):\n"
                "    os.makedirs('d' * 100, exist_ok=True)\n    os.chdir('d' * 100)\n"
                "open('it', 'w').write(open(here + '/words').read())\n"
                "text = open('it').read()\nos.chdir(here)\nopen('made/it', 'w').write(text)\n",
            },
            words="one\n",
        ),
        {"words": "two\n"},
        needs="python3",
        answers=False,
    ),
    _case(
        "more arguments than fit on a page",
        "edge",
        _script(
            "cat $(cat names) > made/it\n",
            {f"parts/{'long' * 20}-{n}": f"{n}\n" for n in range(120)},
            names="".join(f"parts/{'long' * 20}-{n}\n" for n in range(120)),
        ),
        {f"parts/{'long' * 20}-77": "other\n"},
    ),
    _case(
        "bytes that are no text, in arguments and variables",
        "for another",
        _script(
            'IT="$(cat bytes)" sh ./gen "$(cat bytes)"\n',
            bytes="\udcff\udc80\n",
            gen='printf "%s" "$1" "$IT" > made/it\n',
        ),
        {"bytes": "\udcff\udc81\n"},
        {"bytes": "ÿ\n"},
    ),
    _case(
        "a link in place of the tool",
        "links",
        _script(
            "tools/gen > made/it\n",
            {
                "tools/gen": Link("v1"),
                "tools/v1": program("#!/bin/sh\necho 1\n"),
                "tools/v2": program("#!/bin/sh\necho 2\n"),
            },
        ),
        {"tools/gen": Link("v2")},
        {"tools/v2": program("#!/bin/sh\necho 3\n")},
    ),
)

CASES: tuple[Case, ...] = (*STARTED, *SEEN, *DATES, *EFFECTS)
