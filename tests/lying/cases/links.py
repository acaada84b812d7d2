"""Links, modes and names: what git holds besides contents, and what builds make of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.lying.cases.case import BY_SCRIPT, Case, case
from tests.lying.tree import Link, Written, program, renamed

_case = partial(case, config=BY_SCRIPT)
_HEAD = "set -e\nmkdir -p made\nsort other > made/other\n"


def _script(
    text: str, files: Mapping[str, Written] | None = None, /, **more: Written
) -> dict[str, Written]:
    return {"build.sh": _HEAD + text, "other": "b\na\n", **(files or {}), **more}


_HEADERS = _script(
    "[ made/it -nt it.c ] || cc -Icurrent -o made/it it.c\n",
    {
        "it.c": "#include <it.h>\nint main(void) { return IT; }\n",
        "current": Link("v1"),
        "v1/it.h": "#define IT 1\n",
        "v2/it.h": "#define IT 2\n",
    },
)
_CHAIN = _script(
    "[ made/it -nt name ] || cat name > made/it\n",
    name=Link("middle"),
    middle=Link("one"),
    one="1\n",
    two="2\n",
)
_ODD = ("a name", "-dash", "new\nline", "\udcff\udc80", "*", "ü", "quo'te\"", "back\\slash")
_NAMES = _script(
    'for f in names/*; do [ made/"${f#*/}" -nt "$f" ] || cp -- "$f" made/; done\n'
    "find names -type f -print0 | LC_ALL=C sort -z | xargs -0 cat > made/all\n",
    {f"names/{name}": f"{number}\n" for number, name in enumerate(_ODD)},
)
_PARTS = _script(
    "[ -e made/list ] || find parts -type f | LC_ALL=C sort | xargs cat > made/list\n",
    {"parts/one/a": "a\n", "parts/one/deep/b": "b\n", "parts/three": "c\n"},
)

LINKS = (
    _case("a link to a folder leads elsewhere", "links", _HEADERS, {"current": Link("v2")}),
    _case("a link's link leads elsewhere", "links", _CHAIN, {"middle": Link("two")}),
    _case(
        "a file where a link was, of the same content",
        "links",
        _script("cp -P name made/\n", name=Link("one"), one="1\n"),
        {"name": "1\n"},
        {"name": Link("one")},
        bare=False,
    ),
    _case(
        "a link that led nowhere",
        "links",
        _script(
            "[ made/it -nt other ] || cat name > made/it || echo none > made/it\n",
            name=Link("later"),
        ),
        {"later": "1\n"},
        {"later": None},
        needs="cat",
    ),
    _case(
        "where a link leads is all that is asked",
        "links",
        _script(
            "[ -e made/it ] || { readlink name; readlink -f name; } > made/it\n",
            name=Link("one"),
            one="1\n",
            two="1\n",
        ),
        {"name": Link("two")},
    ),
    _case(
        "a folder below a link that goes up again",
        "links",
        _script(
            "[ -e made/it ] || (cd current && cat ../words) > made/it\n",
            {"current": Link("deep/v1"), "deep/v1/x": "", "deep/words": "one\n", "words": "no\n"},
        ),
        {"deep/words": "two\n"},
        {"current": Link("v1"), "v1/x": ""},
        answers=True,
    ),
    _case(
        "a hard link of a source",
        "links",
        _script("[ -e made/it ] || ln words made/it\n", words="one\n"),
        {"words": "two\n"},
    ),
    _case(
        "one of two names of a file is written",
        "links",
        _script(
            "cp words made/one\n[ -e made/two ] || ln made/one made/two\ncat more >> made/two\n",
            words="one\n",
            more="more\n",
        ),
        {"more": "more and more\n"},
        {"words": "two\n"},
        bare=False,
    ),
    _case(
        "a folder of hard links",
        "links",
        _script(
            "mkdir -p all\ncp -f src/* all/\ncp -lRf all made/\n",
            {"src/a": "a\n", "src/b": "b\n"},
        ),
        {"src/a": "A\n"},
        {"src/b": None},
        needs="cp",
    ),
    _case(
        "a link that a build makes of what a file says",
        "links",
        _script(
            'cp one two made/\n[ -L made/current ] || ln -s "$(cat which)" made/current\n',
            one="1\n",
            two="2\n",
            which="one\n",
        ),
        {"which": "two\n"},
    ),
)

MODES = (
    _case(
        "a mode that is copied",
        "links",
        _script("[ made/run -nt run ] || cp -p run made/run\n", run="#!/bin/sh\n"),
        {"run": program("#!/bin/sh\n")},
        {"run": "#!/bin/sh\n"},
        bare=False,
    ),
    _case(
        "all files that may be executed",
        "links",
        _script(
            "[ -e made/it ] || find tools -type f -perm /100 | sort > made/it\n",
            {"tools/a": program("a\n"), "tools/b": "b\n"},
        ),
        {"tools/b": program("b\n")},
        {"tools/a": "a\n"},
    ),
)

NAMES = (
    _case("a folder is renamed", "links", _PARTS, renamed(_PARTS, "parts/one", "parts/two")),
    _case(
        "a folder goes below another",
        "links",
        _PARTS,
        renamed(_PARTS, "parts/one", "parts/x/y/one"),
    ),
    _case(
        "two files change their names",
        "links",
        _PARTS,
        {"parts/one/a": "b\n", "parts/one/deep/b": "a\n"},
    ),
    _case(
        "a file where a folder was",
        "links",
        _PARTS,
        {"parts/one/a": None, "parts/one/deep/b": None, "parts/one": "one\n"},
        {"parts/one/a": "a\n"},
    ),
    _case(
        "the case of a name",
        "links",
        _script(
            "for f in parts/*; do cp $f made/; done\n[ -e parts/Readme ] || echo none > made/it\n",
            {"parts/Readme": "it\n"},
        ),
        {"parts/Readme": None, "parts/README": "it\n"},
    ),
    _case(
        "odd names are edited",
        "links",
        _NAMES,
        {f"names/{name}": "edited\n" for name in _ODD[::2]},
        bare=False,
    ),
    _case(
        "odd names go and come",
        "links",
        _NAMES,
        {f"names/{name}": None for name in _ODD[1::2]},
        {f"names/{name}": "again\n" for name in _ODD[1::2]},
    ),
    _case(
        "a list of odd names that is passed on",
        "links",
        {
            **_NAMES,
            "build.sh": _HEAD + "[ -e made/it ] || find names -print0 | LC_ALL=C "
            "sort -z > made/it\n",
        },
        renamed(_NAMES, "names/new\nline", "names/new\tline"),
    ),
)

CASES: tuple[Case, ...] = (*LINKS, *MODES, *NAMES)
