"""Where a bare incremental build is wrong by itself, a checkpointed one is what a clean one is."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping

import pytest

from tests.builds.wrong_by_itself import CASES, Case, Link
from tests.nix.project import Pair
from tests.nix.store import NixStore
from tests.support import GitRepo

# git alone converts files; a folder of Nix has its bytes as they are.
_CASES = [case for case in CASES if ".gitattributes" not in case.change]


def _write(tree: GitRepo, files: Mapping[str, str | None]) -> None:
    for path, content in files.items():
        if content is None:
            tree.remove(path)
        elif isinstance(content, Link):
            tree.link(path, str(content))
        else:
            tree.write(path, content)


@pytest.mark.slow
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("arguments", ["", "remember = true;"], ids=["library", "seen"])
def test_equals_a_clean_build(
    case: Case, arguments: str, pair: Callable[..., Pair], nix: NixStore
) -> None:
    nix = nix.with_library(arguments)
    commands: dict[str, str] = tomllib.loads(case.config)["package"]["p"]
    hooks = {"configure": "Configure", "build": "Build", "install": "Install"}
    made = pair(
        dict(case.files),
        {
            f"{name}Phase": f"runHook pre{hooks[name]}\n(\n{text}\n)\nrunHook post{hooks[name]}"
            for name, text in commands.items()
        },
    )
    _write(made.base, {path: it for path, it in case.files.items() if isinstance(it, Link)})
    _write(made.changed, {path: it for path, it in case.files.items() if isinstance(it, Link)})
    _write(made.changed, case.change)
    built = made.checkpointed(nix)
    assert built.used or built.why_clean
    assert built.contents() == made.clean(nix).contents()


_MADE_OF_WORDS = {
    "Makefile": """\
WORDS = one.txt \\
\ttwo.txt
all.txt: $(WORDS)
\tcat $(WORDS) > $@
install: all.txt
\tmkdir -p $(out) && cp all.txt $(out)/
""",
    "one.txt": "one\n",
    "two.txt": "two\n",
}


def test_a_prerequisite_that_a_variable_has_is_one(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_MADE_OF_WORDS, {})
    made.changed.write("two.txt", "second\n")
    built = made.checkpointed(nix)
    assert built.used
    assert built.read("all.txt") == "one\nsecond\n"


def test_another_files_name_that_holds_its_own_makes_no_prerequisite(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    makefile = _MADE_OF_WORDS["Makefile"].replace("WORDS = one.txt", "WORDS = one.txt.in")
    made = pair(
        {
            **_MADE_OF_WORDS,
            "Makefile": makefile.replace("cat", "cat one.txt"),
            "one.txt.in": "template\n",
        },
        {},
    )
    made.changed.write("one.txt", "first\n")
    built = made.checkpointed(nix)
    assert "one.txt changed, and a command names it that no rule says to run" in built.why_clean
    assert built.read("all.txt") == "first\ntemplate\ntwo\n"


def test_a_link_that_leads_to_another_file(pair: Callable[..., Pair], nix: NixStore) -> None:
    """Its target is as old as ever; whatever goes by the link is made again."""
    files = {**_MADE_OF_WORDS, "third.txt": "third\n"}
    made = pair(files, {})
    for tree in (made.base, made.changed):
        tree.remove("two.txt")
    made.base.link("two.txt", "one.txt")
    made.changed.link("two.txt", "third.txt")
    built = made.checkpointed(nix)
    assert built.used
    assert built.read("all.txt") == "one\nthird\n"


def test_a_folder_of_code_that_went_is_no_input(pair: Callable[..., Pair], nix: NixStore) -> None:
    """Its name is in the path of each object, but the list of these is known to have changed."""
    made = pair(
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.13)\nproject(p C)\n"
            "file(GLOB sources *.c more/*.c)\nadd_executable(prog ${sources})\n"
            "install(TARGETS prog DESTINATION bin)\n",
            "main.c": "int main(void) { return 0; }\n",
            "more/gone.c": 'const char *gone = "gone";\n',
        },
        {
            "configurePhase": "cmake -G Ninja -B build -DCMAKE_INSTALL_PREFIX=$out; cd build",
            "buildPhase": "runHook preBuild; ninja; runHook postBuild",
            "installPhase": "ninja install",
        },
    )
    made.changed.remove("more")
    built = made.checkpointed(nix)
    assert built.used
    assert b"gone" not in (built.path / "bin/prog").read_bytes()


def test_a_new_header_is_looked_for_in_however_many_files(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """More names than a command line is given at once: in the last of them nothing is found."""
    long = "x" * 100
    unrelated = {f"data/{long}-{number}.c": "" for number in range(1500)}
    files = {
        **unrelated,
        "Makefile": "prog: main.o\n\tcc -o $@ main.o\nmain.o: main.c\n"
        "\tcc -iquote first -iquote second -MMD -c -o $@ main.c\n-include *.d\n"
        "install: prog\n\tmkdir -p $(out)/bin && cp prog $(out)/bin/\n",
        "main.c": '#include "value.h"\nint main(void) { return VALUE; }\n',
        "second/value.h": "#define VALUE 1\n",
    }
    made = pair(files, {})
    made.changed.write("first/value.h", "#define VALUE 2\n")
    built = made.checkpointed(nix)
    assert built.why_clean
    assert built.contents() == made.clean(nix).contents()
