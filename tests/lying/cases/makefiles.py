"""Makefiles that leave something out."""

from __future__ import annotations

from tests.lying.cases.case import Case, case, recipe
from tests.lying.tree import program

_OTHER = "made/other: other.txt\n\tmkdir -p made && sort other.txt > $@\n"
_MAIN = '#include <stdio.h>\n#include "it.h"\nint main(void) { printf("%d\\n", IT); return 0; }\n'
_QUIET = "int main(void) { return IT; }\n"


def _with_other(rules: str) -> str:
    """A makefile of ``rules``, of which ``made/it`` comes out, and of a rule they don't touch."""
    return f"all: made/it made/other\n{_OTHER}{rules}"


def _files(rules: str, /, **files: str) -> dict[str, str]:
    return {"Makefile": _with_other(rules), "other.txt": "b\na\n", **files}


_IT = "made/it: {}\n\tmkdir -p made && {}\n"

EDGES = (
    case(
        "a file that a script's library reads",
        "edge",
        {
            **_files(_IT.format("say.sh", "sh say.sh > $@")),
            "say.sh": ". ./lib.sh\nsay list\n",
            "lib.sh": 'say() { sed s/o/0/ "words/$1"; }\n',
            "words/list": "one\n",
        },
        {"words/list": "two\n"},
    ),
    case(
        "a picture in an assembler's source",
        "edge",
        _files(
            "made/it: logo.s\n\tmkdir -p made && $(CC) -c -o $@ logo.s\n",
            **{"logo.s": '.data\n.incbin "logo" , 0\n', "logo": "old picture\n"},
        ),
        {"logo": "new picture\n"},
    ),
    case(
        "an assembler's source that includes another",
        "edge",
        _files(
            "made/it: it.s\n\tmkdir -p made && as -Iparts -o $@ it.s\n",
            **{"it.s": '.include "value.inc"\n.long value\n', "parts/value.inc": "value = 1\n"},
        ),
        {"parts/value.inc": "value = 2\n"},
        needs="as",
    ),
    case(
        "the file that is embedded is named by another one",
        "edge",
        {
            **_files(
                "made/it: it.c which\n\tmkdir -p made && sh embed.sh > made/it.h && "
                "$(CC) -Imade -o $@ it.c\n"
            ),
            "embed.sh": "printf '#define IT 0x'; od -An -tx1 -N1 \"$(cat which)\" | tr -d ' '\n",
            "which": "data/one\n",
            "data/one": "1\n",
            "data/two": "2\n",
            "it.c": _MAIN,
        },
        {"data/one": "3\n"},
        {"which": "data/two\n"},
    ),
    case(
        "a linker's script that includes another",
        "edge",
        _files(
            "made/it: it.o\n\tld -T whole.ld -e it -o $@ it.o\n"
            "it.o: it.c\n\tmkdir -p made && $(CC) -fno-pic -c -o $@ it.c\n",
            **{
                "whole.ld": "SECTIONS { .text : { *(.text*) } /DISCARD/ : { *(.note*) } }\n"
                "INCLUDE symbols.ld\n",
                "symbols.ld": "answer = 42;\n",
                "it.c": "void it(void) {}\n",
            },
        ),
        {"symbols.ld": "answer = 43;\n"},
        needs="ld",
    ),
    case(
        "a file of arguments that names another",
        "edge",
        _files(
            "made/it: it.c\n\tmkdir -p made && $(CC) @all.rsp -o $@ it.c\n",
            **{"all.rsp": "-O0 @more.rsp\n", "more.rsp": "-DIT=1\n", "it.c": _QUIET},
        ),
        {"more.rsp": "-DIT=2\n"},
    ),
    case(
        "a file that a program of awk's opens",
        "edge",
        _files(
            _IT.format("words make.awk", "awk -f make.awk words > $@"),
            **{
                "make.awk": '{ while ((getline more < ($1 ".txt")) > 0) print more }\n',
                "words": "one\n",
                "one.txt": "1\n",
            },
        ),
        {"one.txt": "first\n"},
        needs="awk",
    ),
    case(
        "a program of sed's in a variable",
        "edge",
        _files(
            "EDIT = names.sed\n" + _IT.format("words", "sed -f $(EDIT) words > $@"),
            **{"names.sed": "s/o/0/\n", "words": "one\ntwo\n"},
        ),
        {"names.sed": "s/o/O/\n"},
        needs="sed",
    ),
    case(
        "a macro that m4 includes",
        "edge",
        _files(
            _IT.format("it.m4", "m4 -Imacros it.m4 > $@"),
            **{"it.m4": "include(`names.m4')NAME\n", "macros/names.m4": "define(NAME, one)dnl\n"},
        ),
        {"macros/names.m4": "define(NAME, two)dnl\n"},
        needs="m4",
    ),
    case(
        "a generated header is an order-only prerequisite",
        "edge",
        _files(
            "made/it: it.o\n\t$(CC) -o $@ it.o\nit.o: it.c | it.h\n\t$(CC) -c -o $@ it.c\n"
            "it.h: words\n\tmkdir -p made && sed 's/^/#define IT /' words > $@\n",
            **{"words": "1\n", "it.c": '#include "it.h"\n' + _QUIET},
        ),
        {"words": "2\n"},
    ),
    case(
        "a header is part of a precompiled one",
        "edge",
        _files(
            "made/it: it.c all.h.gch\n\tmkdir -p made && $(CC) -include all.h -o $@ it.c\n"
            "all.h.gch: all.h\n\t$(CC) -o $@ all.h\n",
            **{"all.h": '#include "it.h"\n', "it.h": "#define IT 1\n", "it.c": _QUIET},
        ),
        {"it.h": "#define IT 2\n"},
    ),
    case(
        "the folder's own order of names",
        "asked",
        _files(
            _IT.format("find.sh", "sh find.sh > $@"),
            **{
                "find.sh": "mkdir -p made/parts\nfor f in parts/*; do cp $f made/parts/; done\n"
                "cat $(find made/parts -type f)\n",
                "parts/c": "c\n",
                "parts/a": "a\n",
            },
        ),
        {"parts/b": "b\n"},
        {"parts/c": None},
    ),
    case(
        "a folder's listing",
        "asked",
        _files(_IT.format("Makefile", "ls parts > $@"), **{"parts/a": "", "parts/c": ""}),
        {"parts/b": ""},
        {"parts/a": None},
    ),
    case(
        "a size, and nothing of the content",
        "asked",
        _files(_IT.format("", "stat -c %s text > $@"), text="one\n"),
        {"text": "two\n"},
        {"text": "three\n"},
        needs="stat",
    ),
    case(
        "whether a file may be executed",
        "asked",
        _files(
            _IT.format("", "if [ -x run ]; then echo yes; else echo no; fi > $@"), run="#!/bin/sh\n"
        ),
        {"run": program("#!/bin/sh\n")},
        {"run": "#!/bin/sh\n"},
    ),
    case(
        "a folder's listing by make itself, in a variable",
        "asked",
        _files(
            "PARTS := $(sort $(wildcard parts/*))\n" + _IT.format("", "echo $(PARTS) > $@"),
            **{"parts/a": ""},
        ),
        {"parts/b": ""},
    ),
)

RULES = (
    case(
        "a recipe in a makefile that is included",
        "rule",
        _files(
            "include rules/it.mk\n",
            **{"rules/it.mk": _IT.format("words", "sort words > $@"), "words": "a\nc\nb\n"},
        ),
        {"rules/it.mk": _IT.format("words", "sort -r words > $@")},
    ),
    case(
        "a flag that reaches the compiler by way of a make below",
        "rule",
        {
            **_files("MODE = 1\n" + _IT.format("below/Makefile", "$(MAKE) -C below MODE=$(MODE)")),
            "below/Makefile": "../made/it: it.c\n\t$(CC) -DIT=$(MODE) -o $@ it.c\n",
            "below/it.c": _QUIET,
        },
        {
            "Makefile": _with_other("MODE = 2\n")
            + _IT.format("below/Makefile", "$(MAKE) -C below MODE=$(MODE)")
        },
    ),
    case(
        "a variable that a makefile below exports",
        "rule",
        {
            **_files("made/it: below/Makefile\n\tmkdir -p made && $(MAKE) -C below\n"),
            "below/Makefile": "include mode.mk\nall: ../made/it\n../made/it: say.sh\n"
            "\tsh say.sh > $@\n",
            "below/mode.mk": "export MODE = loud\n",
            "below/say.sh": "printenv MODE\n",
        },
        {"below/mode.mk": "export MODE = quiet\n"},
    ),
    case(
        "which prerequisites are newer",
        "rule",
        _files(_IT.format("one two", "cat $? > $@"), one="1\n", two="2\n"),
        {"two": "zwei\n"},
    ),
    case(
        "a text of several lines in a recipe",
        "rule",
        _files(
            ".ONESHELL:\nmade/it: words\n\tmkdir -p made\n\tcat - words > $@ <<END\n\tone\n\tEND\n",
            words="a\n",
        ),
        {
            "Makefile": _with_other(
                ".ONESHELL:\nmade/it: words\n\tmkdir -p made\n\tcat - words > $@ <<END\n\ttwo\n"
                "\tEND\n"
            )
        },
    ),
    case(
        "a list that make reads from a file",
        "rule",
        _files("WORDS := $(file <list)\n" + _IT.format("", "echo $(WORDS) > $@"), list="one two"),
        {"list": "one three"},
    ),
    case(
        "a makefile that make makes, and reads again",
        "rule",
        _files(
            "include made/rules.mk\nmade/rules.mk: make.sh\n\tmkdir -p made && sh make.sh > $@\n"
            "made/it:\n\techo $(WORD) > $@\n",
            **{"make.sh": 'echo "WORD = $(cat word)"\n', "word": "one\n"},
        ),
        {"word": "two\n"},
    ),
    case(
        "rules change places",
        "order",
        {
            "Makefile": "all: one two\none:\n\tmkdir -p made; echo one >> made/log\n"
            "two:\n\tmkdir -p made; echo two >> made/log\n",
        },
        {
            "Makefile": "all: two one\none:\n\tmkdir -p made; echo one >> made/log\n"
            "two:\n\tmkdir -p made; echo two >> made/log\n",
        },
    ),
    case(
        "two rules write one file",
        "order",
        _files(
            "made/it: made/first made/second\n"
            "made/first: one\n\tmkdir -p made; cp one made/it; touch $@\n"
            "made/second: two made/first\n\ttail -n 1 two >> made/it; touch $@\n",
            one="1\n",
            two="2\n",
        ),
        {"two": "zwei\n"},
        {"one": "eins\n"},
    ),
)

_GONE = (
    "NAMES = one two\nall: $(NAMES:%=made/%.txt)\nmade/%.txt: %.in\n\tmkdir -p made && cp $< $@\n"
)
_OBJECTS = """\
include parts.mk
all: made/it
made/it: it.o parts.a
\tmkdir -p made && $(CC) -o $@ it.o -Wl,--whole-archive parts.a -Wl,--no-whole-archive
parts.a: $(addsuffix .o,$(PARTS))
\tar rcs $@ $^
"""
_LIBRARY = """\
VERSION := $(shell sed -n 's/.*VERSION "\\(.*\\)"/\\1/p' it.h)
made/libit.so.$(VERSION): it.c
\tmkdir -p made && $(CC) -shared -o $@ it.c && ln -sf libit.so.$(VERSION) made/libit.so
install:
\tmkdir -p $(out)/lib && cp -P made/libit.so* $(out)/lib/
"""

GONE = (
    case(
        "a list's entry goes, and a glob still finds its product",
        "gone",
        {"Makefile": _GONE, "one.in": "1\n", "two.in": "2\n"},
        {"Makefile": _GONE.replace("one two", "one")},
    ),
    case(
        "a rule goes with its list in a makefile below",
        "gone",
        {
            "Makefile": "all:\n\tmkdir -p made && $(MAKE) -C below\n",
            "below/Makefile": "include list.mk\nall: $(LIST)\n../made/%: ; echo $* > $@\n",
            "below/list.mk": "LIST = ../made/a ../made/b\n",
        },
        {"below/list.mk": "LIST = ../made/b\n"},
        {"below/list.mk": "LIST = ../made/a\n"},
    ),
    case(
        "a member goes from an archive's list",
        "gone",
        {
            "Makefile": _OBJECTS,
            "parts.mk": "PARTS = a b\n",
            "it.c": "int main(void) { return 0; }\n",
            "a.c": 'const char *a = "a";\n',
            "b.c": 'const char *b = "b";\n',
        },
        {"parts.mk": "PARTS = a\n"},
    ),
    case(
        "an archive to which files are added again",
        "adds",
        _files(
            "made/it: one two\n\tmkdir -p made && tar --mtime=@1 -rf $@ $?\n",
            one="1\n",
            two="2\n",
        ),
        {"two": "zwei\n"},
        needs="tar",
    ),
    case(
        "a library with its version in its name",
        "gone",
        {
            "Makefile": _LIBRARY,
            "it.h": '#define VERSION "1.0"\n',
            "it.c": '#include "it.h"\nconst char *version = VERSION;\n',
        },
        {"it.h": '#define VERSION "1.1"\n'},
        config=recipe(install="make install"),
    ),
    case(
        "a source is renamed, and all objects are linked",
        "gone",
        {
            "Makefile": "all: made/it\nmade/it: $(patsubst src/%.c,obj/%.o,$(wildcard src/*.c))\n"
            "\tmkdir -p made && $(CC) -o $@ obj/*.o\n"
            "obj/%.o: src/%.c\n\tmkdir -p obj && $(CC) -c -o $@ $<\n",
            "src/main.c": "int main(void) { return 0; }\n",
            "src/old.c": 'const char *name = "a name";\n',
        },
        {"src/old.c": None, "src/other.c": 'const char *other = "another name";\n'},
    ),
    case(
        "a folder that is filled again keeps what was in it",
        "gone",
        _files(
            "made/it: made/tmp\n\tls made/tmp > $@\nmade/tmp: list\n"
            "\tmkdir -p made/tmp && cd made/tmp && touch $$(cat ../../list)\n",
            list="a b\n",
        ),
        {"list": "b c\n"},
    ),
)

APPEARS = (
    case(
        "a makefile below is included once it is there",
        "appears",
        {
            **_files("made/it: \n\tmkdir -p made && $(MAKE) -C below\n"),
            "below/Makefile": "WORD = given\n-include own.mk\nall: ../made/it\n"
            "../made/it: words\n\tcat words > $@; echo $(WORD) >> $@\n",
            "below/words": "words\n",
        },
        {"below/own.mk": "WORD = own\n"},
        {"below/own.mk": None},
    ),
    case(
        "a header shadows another one in a folder below",
        "appears",
        _files(
            "made/it: it.c\n\tmkdir -p made && $(CC) -Ifirst -Isecond -Ithird -o $@ it.c\n",
            **{
                "it.c": '#include "sub/it.h"\n' + _QUIET,
                "third/sub/it.h": "#define IT 1\n",
                "first/sub/unused.h": "\n",
            },
        ),
        {"second/sub/it.h": "#define IT 2\n"},
        {"first/sub/it.h": "#define IT 3\n"},
        {"first/sub/it.h": None, "second/sub/it.h": None},
    ),
    case(
        "a header that is asked for among the system's",
        "appears",
        _files(
            "made/it: it.c\n\tmkdir -p made && $(CC) -MMD -isystem sys -o $@ it.c\n"
            "-include made/*.d\n",
            **{
                "it.c": "#if __has_include(<sub/own.h>)\n#define IT 2\n#else\n#define IT 1\n"
                "#endif\n" + _QUIET,
                "sys/given.h": "\n",
            },
        ),
        {"sys/sub/own.h": "\n"},
    ),
    case(
        "a tool in the tree takes another's place",
        "appears",
        _files(
            "export PATH := $(CURDIR)/tools:$(PATH)\n" + _IT.format("words", "sort words > $@"),
            **{"words": "b\na\n", "tools/README": "None yet.\n"},
        ),
        {"tools/sort": program("#!/bin/sh\necho sorted by ours\n")},
        {"tools/sort": None},
    ),
    case(
        "a source in the first folder that is searched",
        "appears",
        _files(
            "VPATH = own:given\nmade/it: it.o\n\tmkdir -p made && $(CC) -o $@ it.o\n",
            **{"given/it.c": "int main(void) { return 1; }\n", "own/README": "\n"},
        ),
        {"own/it.c": "int main(void) { return 2; }\n"},
        {"own/it.c": None},
    ),
    case(
        "git doesn't answer, and a file does",
        "appears",
        _files(
            "VERSION := $(shell git describe 2>/dev/null || cat .version 2>/dev/null || "
            "echo none)\n" + _IT.format("", "echo $(VERSION) > $@")
        ),
        {".version": "1.0\n"},
        {".version": "1.1\n"},
    ),
    case(
        "a library comes into being where the linker looks first",
        "appears",
        _files(
            "made/it: it.c parts\n\tmkdir -p made && $(CC) -o $@ it.c -Lfirst -Lsecond -lpart\n"
            "parts: FORCE\n\tfor f in first second; do if [ -e $$f/part.c ]; then "
            "$(CC) -c -o $$f/part.o $$f/part.c; ar rcs $$f/libpart.a $$f/part.o; fi; done\n"
            "FORCE:\n",
            **{
                "it.c": "int part(void);\nint main(void) { return part(); }\n",
                "second/part.c": "int part(void) { return 1; }\n",
                "first/README": "\n",
            },
        ),
        {"first/part.c": "int part(void) { return 2; }\n"},
        {"first/part.c": None},
    ),
)

_GCOV = """\
all: made/it
made/it: prog words
\tmkdir -p made && for word in $$(cat words); do ./prog $$word; done
\tgcov -t prog-it.gcda | grep -v -e 0:Graph -e 0:Data > $@
prog: it.c
\t$(CC) --coverage -o prog it.c
"""

ADDS = (
    case(
        "a number that each build counts up",
        "adds",
        _files(
            "made/it: words\n\tmkdir -p made\n\tn=$$(cat .number 2>/dev/null || echo 0); "
            "echo $$((n + 1)) > .number\n\tcat .number words > $@\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"words": "three\n"},
    ),
    case(
        "a list that makefiles below add to",
        "adds",
        {
            "Makefile": "all:\n\tmkdir -p made\n\t$(MAKE) -C a\n\t$(MAKE) -C b\n",
            "a/Makefile": "a.stamp: in\n\tcat in >> ../made/list; touch $@\n",
            "b/Makefile": "b.stamp: in\n\tcat in >> ../made/list; touch $@\n",
            "a/in": "a\n",
            "b/in": "b\n",
        },
        {"a/in": "A\n"},
        {"a/in": "a\n"},
    ),
    case(
        "counts of what ran, that a program adds up",
        "adds",
        {"Makefile": _GCOV, "it.c": "int main(void) {\n  return 0;\n}\n", "words": "a b\n"},
        {"words": "a b c\n"},
        needs="gcov",
    ),
)

REWRITES = (
    case(
        "a version that make writes into a tracked header",
        "rewrites",
        _files(
            "made/it: it.c stamp\n\tmkdir -p made && $(CC) -o $@ it.c && cp it.h made/\n"
            'stamp: version\n\tsed -i "s/IT 0/IT $$(cat version)/" it.h && touch $@\n',
            **{
                "version": "7\n",
                "it.h": "/* */\n#define IT 0\n",
                "it.c": '#include "it.h"\n' + _QUIET,
            },
        ),
        {"it.h": "/* words */\n#define IT 0\n"},
        {"version": "8\n"},
    ),
    case(
        "sources are formatted in place",
        "rewrites",
        _files(
            "made/it: .formatted\n\tmkdir -p made && cat src/* > $@\n"
            ".formatted: src/a\n"
            "\tfor f in src/*; do sed -i 's/ *$$//; $$a end' $$f; done; touch $@\n",
            **{"src/a": "a  \n", "src/b": "b  \n"},
        ),
        {"src/a": "A  \n"},
        {"src/b": "B  \n"},
    ),
    case(
        "a tracked source is touched by its makefile",
        "rewrites",
        _files(
            "made/it: it.o\n\t$(CC) -o $@ it.o\n"
            "it.o: it.c\n\tmkdir -p made && $(CC) -c -o $@ it.c\n"
            "it.c: it.y\n"
            '\t@if [ -n "$$(command -v no-such-yacc)" ]; then false; else touch it.c; fi\n',
            **{"it.c": "int main(void) { return 1; }\n", "it.y": "%% 1\n"},
        ),
        {"it.y": "%% 2\n"},
        {"it.c": "int main(void) { return 2; }\n"},
        bare=False,
    ),
    case(
        "a program is stripped after it was linked",
        "rewrites",
        _files(
            "made/it: .stripped\n.stripped: prog strip.flags\n"
            "\tmkdir -p made && strip $$(cat strip.flags) prog && cp prog made/it && touch $@\n"
            "prog: it.c\n\t$(CC) -g -o $@ it.c\n",
            **{
                "it.c": "int used;\nint main(void) { return used; }\n",
                "strip.flags": "--strip-all\n",
            },
        ),
        {"strip.flags": "--strip-debug\n"},
        needs="strip",
    ),
    case(
        "a section is put into a program that is there",
        "rewrites",
        _files(
            "made/it: prog note\n\tmkdir -p made && objcopy --add-section .note.it=note prog && "
            "cp prog $@\nprog: it.o\n\t$(CC) -o $@ it.o\n",
            **{"it.c": "int main(void) { return 0; }\n", "note": "a note\n"},
        ),
        {"note": "another note\n"},
        needs="objcopy",
    ),
    case(
        "a file is dated in the future on its way",
        "guard",
        _files(
            "made/it: middle\n\tmkdir -p made && cp middle $@\n"
            "middle: words\n\tcp words $@ && touch -d 2099-01-01 $@\n",
            words="one\n",
        ),
        {"words": "two\n"},
        {"words": "three\n"},
    ),
    case(
        "a folder's date is a prerequisite",
        "guard",
        _files(
            "made/it: parts\n\tmkdir -p made && cat parts/* > $@\n",
            **{"parts/a": "a\n", "parts/b": "b\n"},
        ),
        {"parts/b": "B\n"},
        bare=False,
    ),
)

_GENERATED = """\
all: made/it gen.h
made/it: it.o
\tmkdir -p made && $(CC) -o $@ it.o
it.o: it.c
\t$(CC) -c -o $@ it.c
gen.h: words
\tsed 's/^/#define IT /' words > $@
"""
_FAILS = _with_other("made/it: words\n\tmkdir -p made && cp words $@ && ! grep bad $@\n")

VERDICTS = (
    case(
        "a generated header is included that no rule names",
        "verdict",
        {"Makefile": _GENERATED, "words": "1\n", "it.c": "int main(void) { return 1; }\n"},
        {"it.c": '#include "gen.h"\n' + _QUIET},
        fails=(0,),
    ),
    case(
        "a recipe fails and leaves its target",
        "verdict",
        {"Makefile": _FAILS, "words": "good\n", "other.txt": "a\n"},
        {"words": "bad\n"},
        {"other.txt": "b\n"},
        {"words": "mended\n"},
        fails=(0, 1),
    ),
    case(
        "what fails is let pass, and what it made once is no longer there",
        "verdict",
        _files(
            "made/it: made/optional\n\tls made > $@\n"
            "made/optional: \n\t-mkdir -p made\n\t-cp optional $@\n",
            optional="\n",
        ),
        {"optional": None},
    ),
    case(
        "make goes on after an error, and its code is let pass",
        "verdict",
        {
            "Makefile": "all: made/a made/b\nmade/%: %.in\n"
            "\tmkdir -p made && ! grep bad $< && cp $< $@\n",
            "a.in": "a\n",
            "b.in": "b\n",
        },
        {"a.in": "bad\n"},
        {"b.in": "B\n"},
        config=recipe("make -k || true"),
    ),
    case(
        "an included header went, and nothing but its includer says so",
        "verdict",
        _files(
            "made/it: it.c\n\tmkdir -p made && $(CC) -o $@ it.c\n",
            **{"it.c": '#include "it.h"\n' + _QUIET, "it.h": "#define IT 1\n"},
        ),
        {"it.h": None},
        fails=(0,),
    ),
)

CASES: tuple[Case, ...] = (
    *EDGES,
    *RULES,
    *GONE,
    *APPEARS,
    *ADDS,
    *REWRITES,
    *VERDICTS,
)
