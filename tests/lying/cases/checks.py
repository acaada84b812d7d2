"""Tests that read data, and builds that fail: the verdict is an output."""

from __future__ import annotations

from functools import partial

from tests.lying.cases.case import Case, case, recipe
from tests.lying.tree import program

_MAKEFILE = """\
all: made/it
made/it: words
\tmkdir -p made && tr a-z A-Z < words > $@
check: tests.passed
tests.passed: made/it
\tfor t in tests/*.sh; do sh $$t || exit 1; done; touch $@
"""
_FILES = {
    "Makefile": _MAKEFILE,
    "words": "one\n",
    "tests/it.sh": "cmp made/it tests/expected\n",
    "tests/expected": "ONE\n",
}
_checked = partial(case, config=recipe(check="make check"))
_script = partial(case, config=recipe("mkdir -p made && cp words made/", check="sh check.sh"))

CASES: tuple[Case, ...] = (
    _checked(
        "a test's data is another, and the test fails",
        "verdict",
        _FILES,
        {"tests/expected": "TWO\n"},
        {"words": "two\n"},
        fails=(0,),
    ),
    _checked(
        "a test that fails is new",
        "verdict",
        _FILES,
        {"tests/more.sh": "grep two words\n"},
        {"tests/more.sh": None},
        fails=(0,),
    ),
    _checked(
        "a test isn't read, but run",
        "verdict",
        {
            **_FILES,
            "tests/it.sh": "tests/run\n",
            "tests/run": program("#!/bin/sh\ncmp made/it tests/expected\n"),
        },
        {"tests/run": "#!/bin/sh\ncmp made/it tests/expected\n"},
        fails=(0,),
    ),
    _script(
        "a test counts the files of a folder",
        "verdict",
        {
            "check.sh": "[ -e passed ] || [ $(ls data | wc -l) = 1 ] && touch passed\n",
            "words": "one\n",
            "data/a": "",
        },
        {"data/b": ""},
        {"data/b": None},
        fails=(0,),
    ),
    _script(
        "a test changes what is installed",
        "rewrites",
        {"check.sh": "cat more >> made/words\n", "words": "one\n", "more": "more\n"},
        {"more": "other\n"},
        {"words": "two\n"},
        bare=False,
    ),
    _script(
        "a test passes for what the one before it left",
        "verdict",
        {
            "check.sh": "for t in $(cat tests); do sh $t || exit 1; done\n",
            "tests": "a b\n",
            "a": "touch left\n",
            "b": "[ -e left ]\n",
            "words": "one\n",
        },
        {"tests": "b a\n"},
        {"tests": "a b b\n"},
        fails=(0,),
    ),
    _script(
        "a file that fails the build goes again",
        "verdict",
        {"check.sh": "! grep -r bad data\n", "words": "one\n", "data/a": "good\n"},
        {"data/b": "bad\n"},
        {"words": "two\n"},
        {"data/b": None},
        fails=(0, 1),
        bare=False,
    ),
    _script(
        "a test is killed by a signal",
        "verdict",
        {"check.sh": "sh -c '. ./how'\n", "how": ":\n", "words": "one\n"},
        {"how": "kill -SEGV $$\n"},
        {"how": ":\n"},
        fails=(0,),
        bare=False,
    ),
    case(
        "a command's warnings are errors by another's flag",
        "verdict",
        {
            "Makefile": "include flags.mk\nall: made/it\nmade/it: it.c\n"
            "\tmkdir -p made && $(CC) $(FLAGS) -o $@ it.c\n",
            "flags.mk": "FLAGS = -Wall\n",
            "it.c": "static int unused;\nint main(void) { return 0; }\n",
        },
        {"flags.mk": "FLAGS = -Wall -Werror\n"},
        {"it.c": "int main(void) { return 0; }\n"},
        fails=(0,),
    ),
)
