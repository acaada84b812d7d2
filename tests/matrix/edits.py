"""Random edits of a sample, step upon step, each followed sooner or later by a build.

A state machine for hypothesis: it keeps what the C sources include, so that every state of the
work tree compiles, and leaves everything else to the files themselves.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.matrix.outputs import differences
from tests.matrix.samples import FAULTY, HOSTILE_NAMES, constructor
from tests.matrix.site import Site
from tests.support import GitRepo

_STEMS = ("a", "b", "c", "sub/a", "sub/deep/b")
_NAMES = ("p", "p/q", "p/q/r", "p/s", ".dot", ".d/.e", *HOSTILE_NAMES[::4])
_TARGETS = ("q", "../blob.bin", "no such file", "/", "..")

numbers = st.integers(min_value=0, max_value=9)
choices = st.integers(min_value=0, max_value=1000)
stems = st.sampled_from(_STEMS)
names = st.sampled_from(_NAMES)


class Edits(RuleBasedStateMachine):
    """Edits in the work tree of ``place``; a subclass sets it, and the program to build with."""

    place: Site
    launcher: tuple[str, ...] = ("-m", "ckpt_git")

    @initialize()
    def start(self) -> None:
        self.place.restore()
        self.tree: GitRepo = self.place.work_tree
        self.headers: list[str] = ["one.h", "two.h"]
        self.includes: dict[str, tuple[str, ...]] = {}
        self.changed = False

    # --- what is compiled

    @rule(number=numbers)
    def edit_header_that_another_includes(self, number: int) -> None:
        self._write("include/one.h", f"#define ONE {number}\n")

    @rule(stem=stems, number=numbers)
    def write_header(self, stem: str, number: int) -> None:
        name = stem.replace("/", "_") + ".h"
        self._write(f"include/{name}", f"#define VALUE_{name[:-2].upper()} {number}\n")
        self.headers = sorted({*self.headers, name})

    @rule(stem=stems, number=numbers, mask=choices)
    def write_source(self, stem: str, number: int, mask: int) -> None:
        chosen = tuple(h for i, h in enumerate(self.headers) if mask >> i & 1)
        self._write_source(stem, number, chosen)

    @precondition(lambda self: len(self.headers) > 2)
    @rule(choice=choices)
    def delete_header(self, choice: int) -> None:
        """With it goes every mention of it, as a person would do in one commit."""
        own = [h for h in self.headers if h not in ("one.h", "two.h")]
        gone = own[choice % len(own)]
        self.headers.remove(gone)
        self._remove(f"include/{gone}")
        for stem, included in self.includes.items():
            if gone in included:
                self._write_source(stem, 0, tuple(h for h in included if h != gone))

    @precondition(lambda self: self.includes)
    @rule(choice=choices)
    def delete_source(self, choice: int) -> None:
        stem = sorted(self.includes)[choice % len(self.includes)]
        del self.includes[stem]
        self._remove(f"src/{stem}.c")

    @precondition(lambda self: self.includes)
    @rule(choice=choices, stem=stems)
    def rename_source(self, choice: int, stem: str) -> None:
        old = sorted(self.includes)[choice % len(self.includes)]
        content = (self.tree.path / f"src/{old}.c").read_bytes()
        included = self.includes.pop(old)
        self._remove(f"src/{old}.c")
        self._write(f"src/{stem}.c", content)
        self.includes[stem] = included

    @rule(content=st.binary(max_size=20))
    def write_embedded_bytes(self, content: bytes) -> None:
        self._write("data/blob.bin", content)

    @rule(executable=st.booleans())
    def set_mode_that_is_compiled_in(self, executable: bool) -> None:
        (self.tree.path / "tools/flag").chmod(0o755 if executable else 0o644)
        self.changed = True

    @precondition(lambda self: self.place.sample is FAULTY)
    @rule(number=numbers)
    def set_flag_in_the_makefile(self, number: int) -> None:
        text = (self.tree.path / "Makefile").read_text()
        self._write("Makefile", re.sub(r"(?m)^FLAG = .*", f"FLAG = {number}", text))

    # --- what is only listed

    @rule(name=names, content=st.binary(max_size=8), executable=st.booleans())
    def write_file(self, name: str, content: bytes, executable: bool) -> None:
        self._write(f"data/random/{name}", content, executable=executable)

    @rule(name=names, text=st.sampled_from(_TARGETS))
    def write_link(self, name: str, text: str) -> None:
        self._make_way(f"data/random/{name}")
        self.tree.link(f"data/random/{name}", text)
        self.changed = True

    @rule(name=names)
    def remove(self, name: str) -> None:
        self._remove(f"data/random/{name}")

    # --- what must hold

    @precondition(lambda self: self.changed)
    @rule()
    def build_commit(self) -> None:
        self._build("HEAD")

    @precondition(lambda self: self.changed)
    @rule()
    def build_index(self) -> None:
        self._build("index")

    @precondition(lambda self: self.changed)
    @rule()
    def build_work_tree(self) -> None:
        self._build("worktree")

    def teardown(self) -> None:
        if getattr(self, "changed", False):
            self._build("HEAD")

    def _build(self, target: str) -> None:
        """A checkpointed build of what is there now gives what a clean one gives."""
        tree = self.place.stage(target)
        found = self.place.checkpointed(target, launcher=self.launcher)
        told = differences(found, self.place.clean(tree))
        assert not told, f"differs from a clean build: {told}"
        self.changed = False

    def _write_source(self, stem: str, number: int, included: tuple[str, ...]) -> None:
        values = [f"VALUE_{h[:-2].upper()}" for h in included if h not in ("one.h", "two.h")]
        values += [h[:-2].upper() for h in included if h in ("one.h", "two.h")]
        text = constructor(stem, " + ".join([str(number), *values]), included)
        self._write(f"src/{stem}.c", text)
        self.includes[stem] = included

    def _write(self, path: str, content: str | bytes, *, executable: bool = False) -> None:
        self._make_way(path)
        self.tree.write(path, content, executable=executable)
        self.changed = True

    def _remove(self, path: str) -> None:
        self._make_way(path)
        self.tree.remove(path)
        self.changed = True

    def _make_way(self, path: str) -> None:
        """Remove a file or a link that stands where ``path`` needs a folder."""
        above = self.tree.path
        for part in path.split("/")[:-1]:
            above = above / part
            if above.is_symlink() or above.is_file():
                above.unlink()
