"""A checkpoint is of the second build of its sources: what a makefile leaves for then is done."""

from __future__ import annotations

from collections.abc import Callable

from tests.nix.project import MAKE, Pair
from tests.nix.store import Built, NixStore

# As redis has it: a clean build removes the dependencies, and the one after it makes them.
_LEAVES = {
    **MAKE,
    "Makefile": """
objects := one.o two.o main.o
all: .cleared prog
.cleared:
\trm -f Makefile.dep
\ttouch $@
prog: $(objects)
\tcc -o $@ $(objects)
%.o: %.c .cleared
\tsh cc.sh -o $@ -c $<
Makefile.dep:
\techo MAKES DEPENDENCIES
\tif [ -e .cleared ]; then cc -MM *.c >$@; fi
install:
\tmkdir -p $(out)/bin && cp prog $(out)/bin/
-include Makefile.dep
""",
}
_EDITED = "int two(void) { return 8; }\n"


def _built(made: Pair, nix: NixStore) -> tuple[Built, Built]:
    """The checkpoint, and the build from it with one source edited."""
    made.changed.write("two.c", _EDITED)
    checkpoint = made.checkpoint(nix)
    return checkpoint, made.checkpointed(nix)


def test_what_the_second_build_does_is_not_done_by_each_later_one(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(_LEAVES, {})
    checkpoint, built = _built(made, nix)
    assert "the checkpoint is of the second build" in checkpoint.log
    assert (checkpoint.path / "outputs/Makefile.dep").exists()
    assert built.used
    assert built.compiled == 1
    assert "MAKES DEPENDENCIES" not in built.log
    assert built.path.joinpath("bin/prog").read_bytes() == (
        made.clean(nix).path.joinpath("bin/prog").read_bytes()
    )


def test_it_can_be_left_out(pair: Callable[..., Pair], nix: NixStore) -> None:
    made = pair(_LEAVES, {}, more="dontSettleCheckpoint = true;")
    checkpoint, built = _built(made, nix)
    assert "a second time" not in checkpoint.log
    assert not (checkpoint.path / "outputs/Makefile.dep").exists()
    assert "MAKES DEPENDENCIES" in built.log


def test_edits_of_a_hook_before_the_build_are_made_once(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(MAKE, {"preBuild": 'echo "#define MORE" >>one.h'})
    checkpoint, built = _built(made, nix)
    assert (checkpoint.path / "outputs/one.h").read_text().count("MORE") == 1
    assert built.used
    assert built.compiled == 1


def test_a_second_build_that_fails_is_as_if_it_had_not_been(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    """It ends at the first command that fails, and what it did before that is forgotten."""
    once = "if [ -e ran ]; then echo again >ran; false; echo AFTER; fi; make; echo once >ran"
    made = pair(MAKE, {"buildPhase": f"runHook preBuild; {once}"})
    checkpoint = made.checkpoint(nix)
    assert "the second build failed (exit code 1): the checkpoint is of the first" in checkpoint.log
    assert "AFTER" not in checkpoint.log
    assert (checkpoint.path / "outputs/ran").read_text() == "once\n"


def test_a_second_build_that_edits_a_source_is_as_if_it_had_not_been(
    pair: Callable[..., Pair], nix: NixStore
) -> None:
    made = pair(MAKE, {"postBuild": 'echo "/* built */" >>one.h'})
    checkpoint = made.checkpoint(nix)
    assert "the second build changed the source source/one.h" in checkpoint.log
    assert (checkpoint.path / "outputs/one.h").read_text().count("built") == 1
