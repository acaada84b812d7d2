"""Build files of Ninja that leave something out."""

from __future__ import annotations

from functools import partial

from tests.lying.cases.case import Case, case, recipe

_case = partial(case, config=recipe("ninja -j1"), needs="ninja")

_HEAD = """\
rule run
  command = mkdir -p made && $run > $out
build made/other: run other
  run = sort other
"""
_QUIET = "int main(void) { return IT; }\n"


def _files(build: str, /, **files: str) -> dict[str, str]:
    return {"build.ninja": _HEAD + build, "other": "b\na\n", **files}


_TWO = (
    "build made/one.txt: run one\n  run = cat one\nbuild made/two.txt: run one\n  run = cat one\n"
)
_COMPILE = """\
rule cc
  command = mkdir -p made && cc -MMD -MF $out.d $flags -c -o $out $in
  depfile = $out.d
  deps = gcc
rule link
  command = cc -o $out $in
build made/it.o: cc it.c
build made/it: link made/it.o
"""
_CONFIGURE = """\
import os
# Writes what Ninja reads, from a list; Ninja runs it again where the list's folder has a new date.
names = sorted(os.listdir("parts"))
with open("build.ninja", "w") as out:
    out.write("rule copy\\n  command = mkdir -p made && cp $in $out\\n")
    for name in names:
        out.write(f"build made/{name}: copy parts/{name}\\n")
"""

CASES: tuple[Case, ...] = (
    _case(
        "Ninja: a file that a command reads",
        "edge",
        _files(
            "build made/it: run say.sh\n  run = sh say.sh\n",
            **{"say.sh": 'cat "$(cat which)"\n', "which": "words\n", "words": "one\n"},
        ),
        {"words": "two\n"},
    ),
    _case(
        "Ninja: a build statement goes, and a glob finds its product",
        "gone",
        _files(_TWO, one="1\n"),
        {"build.ninja": _HEAD + _TWO.partition("build made/two")[0]},
    ),
    _case(
        "Ninja: a build statement of a file below goes",
        "gone",
        _files("subninja below.ninja\n", **{"below.ninja": _TWO, "one": "1\n"}),
        {"below.ninja": _TWO.replace("made/two", "made/three")},
    ),
    _case(
        "Ninja: a generated header is included that no statement names",
        "verdict",
        _files(
            _COMPILE + "build gen.h: run words\n  run = sed 's/^/#define IT /' words\n",
            **{"it.c": "int main(void) { return 1; }\n", "words": "1\n"},
        ),
        {"it.c": '#include "gen.h"\n' + _QUIET},
        fails=(0,),
    ),
    _case(
        "Ninja: a header comes into being before the one of the depfile",
        "appears",
        _files(
            _COMPILE.replace("$flags", "-Ione -Itwo"),
            **{
                "it.c": "#include <it.h>\n" + _QUIET,
                "two/it.h": "#define IT 1\n",
                "one/README": "",
            },
        ),
        {"one/it.h": "#define IT 2\n"},
        {"two/it.h": "#define IT 3\n"},
    ),
    _case(
        "Ninja: a depfile that leaves one out",
        "edge",
        _files(
            "rule dep\n  command = mkdir -p made && cat one two > $out && echo '$out: one' > it.d\n"
            "  depfile = it.d\nbuild made/it: dep\n",
            one="1\n",
            two="2\n",
        ),
        {"two": "zwei\n"},
    ),
    _case(
        "Ninja: a file of arguments that a command reads besides its own",
        "edge",
        _files(
            "rule rsp\n  command = mkdir -p made && xargs -a $out.rsp cat > $out && "
            "xargs -a more.rsp cat >> $out\n  rspfile = $out.rsp\n  rspfile_content = $in\n"
            "build made/it: rsp one\n",
            **{"more.rsp": "two\n", "one": "1\n", "two": "2\n", "three": "3\n"},
        ),
        {"more.rsp": "two three\n"},
    ),
    _case(
        "Ninja: a product that is left as it is where nothing changed in it",
        "guard",
        _files(
            "rule keep\n  command = mkdir -p made && head -n 1 $in > $out.new && "
            "(cmp -s $out.new $out || cp $out.new $out) && rm $out.new\n  restat = 1\n"
            "build made/first: keep words\nbuild made/it: run made/first\n"
            "  run = cat made/first words\n",
            words="one\ntwo\n",
        ),
        {"words": "one\nzwei\n"},
        {"words": "uno\nzwei\n"},
    ),
    _case(
        "Ninja: a command adds to what it made",
        "adds",
        _files(
            "rule log\n  command = mkdir -p made && cat $in >> made/log && touch $out\n"
            "build a.stamp: log a\nbuild b.stamp: log b | a.stamp\n",
            a="a\n",
            b="b\n",
        ),
        {"b": "B\n"},
    ),
    _case(
        "Ninja: its own file is written of a folder's listing",
        "configured",
        {"configure.py": _CONFIGURE, "parts/a": "a\n", "parts/b": "b\n"},
        {"parts/a": None, "parts/c": "c\n"},
        config=recipe("ninja -j1", configure="[ -e build.ninja ] || python3 configure.py"),
        needs="ninja python3",
    ),
    _case(
        "Ninja: it goes on after an error, and its code is let pass",
        "verdict",
        _files(
            "rule strict\n  command = mkdir -p made && ! grep bad $in && cp $in $out\n"
            "build made/a: strict a\nbuild made/b: strict b\n",
            a="a\n",
            b="b\n",
        ),
        {"a": "bad\n"},
        {"b": "B\n"},
        config=recipe("ninja -j1 -k 0 || true"),
    ),
)
