"""Shell scripts that decide by themselves what is to be done, and other small tools."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.lying.cases.case import BY_SCRIPT, Case, case, recipe
from tests.lying.tree import Written, program

_case = partial(case, config=BY_SCRIPT)
_HEAD = "set -e\nmkdir -p made\nsort other > made/other\n"


def _script(
    text: str, files: Mapping[str, Written] | None = None, /, **more: Written
) -> dict[str, Written]:
    """A script that does what ``text`` says after a command that no edit concerns."""
    return {"build.sh": _HEAD + text, "other": "b\na\n", **(files or {}), **more}


GUARDS = (
    _case(
        "newer than the file that it is told of",
        "guard",
        _script(
            "[ made/it -nt it.c ] || cc -o made/it it.c\n",
            {
                "it.c": '#include "it.h"\nint main(void) { return IT; }\n',
                "it.h": "#define IT 1\n",
            },
        ),
        {"it.h": "#define IT 2\n"},
    ),
    _case(
        "older than one of many",
        "guard",
        _script(
            "for f in src/*; do [ made/all -nt $f ] || again=1; done\n"
            'if [ "$again" ]; then cat src/* > made/all; fi\n',
            {"src/a": "a\n", "src/b": "b\n"},
        ),
        {"src/a": None},
    ),
    _case(
        "it is there already",
        "guard",
        _script("[ -e made/it ] || tr a-z A-Z < words > made/it\n", words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "it isn't empty",
        "guard",
        _script("[ -s made/it ] || grep x words > made/it || true\n", words="one x\n"),
        {"words": "two x\n"},
        {"words": "nothing\n"},
    ),
    _case(
        "only what is newer than a stamp",
        "guard",
        _script(
            "[ -e stamp ] || touch -d 2000-01-01 stamp\n"
            "find src -newer stamp -name '*.in' | sort | while read -r f; do\n"
            '  cat "$f" > made/"$(basename "$f" .in)"\ndone\ntouch stamp\n',
            {"src/a.in": "a\n", "src/b.in": "b\n"},
        ),
        {"src/a.in": None, "src/c.in": "c\n"},
    ),
    _case(
        "a checksum of all but one",
        "guard",
        _script(
            "sum=$(cksum a b)\n"
            'if [ "$sum" != "$(cat sum 2>/dev/null)" ]; then cat a b c > made/it; fi\n'
            'echo "$sum" > sum\n',
            a="a\n",
            b="b\n",
            c="c\n",
        ),
        {"c": "C\n"},
    ),
    _case(
        "copied where it is newer",
        "guard",
        _script("cp -u one made/it\ncp -u two made/it || true\n", one="1\n", two="2\n"),
        {"two": "zwei\n"},
    ),
    _case(
        "which of its products is the newest",
        "guard",
        _script(
            "for f in one two three; do [ made/$f -nt $f ] || { cp $f made/$f; sleep 0.03; "
            "}; done\n"
            "ls -t made/one made/two made/three > made/newest\n",
            one="1\n",
            two="2\n",
            three="3\n",
        ),
        {"one": "eins\n"},
        {"two": "zwei\n"},
    ),
    _case(
        "it says that it was installed",
        "guard",
        _script("cp words made/words\n", words="one\n"),
        {"words": "two\n"},
        config=recipe(
            "sh build.sh", "[ -e .installed ] || { cp made/words $out/; touch .installed; }"
        ),
    ),
    _case(
        "an in-tree cache that goes by the name",
        "guard",
        _script(
            "mkdir -p cache\nfor f in src/*; do\n  k=cache/$(basename $f)\n"
            "  [ -e $k ] || sed s/o/0/ $f > $k\n  cp $k made/\ndone\n",
            {"src/a": "one\n", "src/b": "two\n"},
        ),
        {"src/a": "foo\n"},
    ),
)

GONE = (
    _case(
        "a folder is copied over what was copied before",
        "gone",
        _script("cp -R site made/\n", {"site/a": "a\n", "site/deep/b": "b\n"}),
        {"site/a": None, "site/deep/b": None, "site/c": "c\n"},
    ),
    _case(
        "a line that made a file goes",
        "gone",
        _script("cp words made/one\ncp words made/two\n", words="one\n"),
        {"build.sh": _HEAD + "cp words made/two\n"},
    ),
    _case(
        "the folder's name is in a file",
        "gone",
        _script('mkdir -p made/"$(cat name)" && touch made/"$(cat name)"/it\n', name="1.0\n"),
        {"name": "1.1\n"},
    ),
    _case(
        "a list of what is removed at the end",
        "order",
        _script(
            "for f in a b c; do echo $f > made/$f; done\n(cd made && rm -f $(cat ../doomed))\n",
            doomed="a\n",
        ),
        {"doomed": "b\n"},
        {"doomed": "\n"},
        bare=False,
    ),
    _case(
        "a file takes another's name",
        "order",
        _script(
            "for f in a b c; do echo $f > made/$f; done\nmv made/$(cat from) made/$(cat to)\n",
            {"from": "a\n", "to": "b\n"},
        ),
        {"to": "d\n"},
        {"from": "c\n"},
        bare=False,
    ),
    _case(
        "a folder is published by its name",
        "order",
        _script(
            "mkdir stage\ncp words stage/\n[ ! -d made/site ] || mv made/site made/before\n"
            "mv stage made/site\n",
            words="one\n",
        ),
        {"words": "two\n"},
        answers=True,
    ),
    _case(
        "two folders change their names",
        "order",
        _script(
            "mkdir -p made/a made/b\ncp words made/a/\ncp other made/b/\n"
            "if [ -e swap ]; then mv made/a made/c; mv made/b made/a; mv made/c made/b; fi\n",
            words="one\n",
        ),
        {"swap": ""},
        {"words": "two\n"},
        {"swap": None},
    ),
)

ADDS = (
    _case(
        "a log that is never begun anew",
        "adds",
        _script("for f in src/*; do wc -c < $f >> made/log; done\n", {"src/a": "a\n"}),
        {"src/b": "bb\n"},
        {"src/a": "aaa\n"},
    ),
    _case(
        "a file is made longer in place",
        "adds",
        _script("dd if=words of=made/it conv=notrunc status=none\n", words="one two three\n"),
        {"words": "four\n"},
    ),
    _case(
        "bytes are put into a file that is there",
        "rewrites",
        _script(
            "cp whole made/it\n"
            "printf X | dd of=made/it bs=1 seek=$(cat at) conv=notrunc status=none\n",
            whole="0123456789\n",
            at="3\n",
        ),
        {"at": "7\n"},
        {"whole": "abcdefghij\n"},
        bare=False,
    ),
    _case(
        "a tracked file is the state of the build",
        "rewrites",
        _script(
            "n=$(cat state); echo $((n + $(cat step))) > state; cp state made/\n",
            state="10\n",
            step="1\n",
        ),
        {"step": "2\n"},
        {"state": "20\n"},
        {"step": "3\n"},
    ),
    _case(
        "a patch is applied unless it was",
        "rewrites",
        _script(
            "patch -s -N -r - -p0 < fix.patch || true\ncp text made/\n",
            {
                "text": "one\ntwo\nthree\n",
                "fix.patch": "--- text\n+++ text\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n",
            },
        ),
        {"fix.patch": "--- text\n+++ text\n@@ -1,3 +1,3 @@\n one\n-two\n+deux\n three\n"},
        needs="patch",
    ),
)

ASKED = (
    _case(
        "how many files there are",
        "asked",
        _script("find src -type f | wc -l > made/count\n", {"src/a": "", "src/b/c": ""}),
        {"src/b/d": ""},
        {"src/b/c": None, "src/b/d": None},
        bare=False,
    ),
    _case(
        "whether a file is there that nobody reads",
        "appears",
        _script(
            "[ -e made/it ] || { if [ -e debug ]; then echo debug; else echo release; fi; } "
            "> made/it\n"
        ),
        {"debug": ""},
        {"debug": None},
    ),
    _case(
        "a folder where a file was asked for",
        "asked",
        _script(
            "for f in parts/*; do [ -f $f ] && cat $f; [ -d $f ] && echo folder; done > "
            "made/it || :\n",
            {"parts/a": "a\n", "parts/b": "b\n"},
        ),
        {"parts/a": None, "parts/a/leaf": ""},
        {"parts/a/leaf": None, "parts/a": "a\n"},
        bare=False,
    ),
    _case(
        "which program a name stands for",
        "appears",
        _script(
            "PATH=$PWD/tools:$PATH\n[ -e made/it ] || command -v sort > made/it\n",
            {"tools/README": ""},
        ),
        {"tools/sort": program("#!/bin/sh\n")},
    ),
    _case(
        "a program in the tree that asks by itself",
        "appears",
        {
            **_script("[ -e made/it ] || tools/make-it > made/it\n"),
            "tools/make-it": program(
                "#!/bin/sh\nfor f in /nowhere plugins/*; do [ -r $f ] && . ./$f; done\necho end\n"
            ),
            "plugins/README": "echo readme\n",
        },
        {"plugins/more": "echo more\n"},
        {"tools/make-it": program("#!/bin/sh\necho edited\n")},
    ),
)

CASES: tuple[Case, ...] = (*GUARDS, *GONE, *ADDS, *ASKED)
