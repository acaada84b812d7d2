"""What a case is: a tree, the edits of it, and what is lied about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lying.tree import Tree, Written, changed, tree

KINDS = {
    "edge": "a command reads what no rule names",
    "rule": "a rule, a flag or a list's entry is another one, though no source is",
    "gone": "what was made once is no longer made, and still found",
    "appears": "something is there now that was looked for in vain",
    "asked": "a size, a mode, a name or a folder's listing is asked for, and nothing is read",
    "adds": "a step adds to what it made before",
    "rewrites": "a step writes what it reads: a tracked file, or what another step made",
    "guard": "dates, stamps or a file's existence decide whether a step runs",
    "order": "which of several writers is the last one, and what was there before",
    "for another": "a process reads, writes or is started for another one",
    "configured": "what was found out once is kept",
    "links": "links, modes and names",
    "verdict": "whether it passes",
}
"""What builds lie about; docs/explanation/background.md has what was found first."""


@dataclass(frozen=True, eq=False)
class Case:
    """``edits`` are commits on top of ``files``, one upon the other.

    ``config`` is ckpt.toml, None for what ``init`` writes. ``needs`` are programs or paths, of
    which a machine may lack some. ``answers`` says that each edit leaves something as it was, so
    that a build that remembers need not run all of it. ``fails`` are the edits, by number, whose
    builds fail. ``bare`` says that the same commands go wrong, too, where they are run in a work
    tree that was built before.
    """

    name: str
    kind: str
    files: Mapping[str, Written]
    edits: tuple[Mapping[str, Written | None], ...]
    config: str | None
    needs: tuple[str, ...] = ()
    answers: bool = True
    fails: frozenset[int] = frozenset()
    bare: bool = True

    def missing(self) -> list[str]:
        """What it needs and this machine lacks."""
        return [name for name in self.needs if not (shutil.which(name) or _is_there(name))]

    @property
    def trees(self) -> list[Tree]:
        """The commits' trees, the first one's before all edits.

        Where all is as it was some commits ago, one file more keeps the record of that tree from
        being the answer.
        """
        own = {} if self.config is None else {"ckpt.toml": self.config}
        trees = [tree({**self.files, **own})]
        for number, edit in enumerate(self.edits):
            after = changed(trees[-1], edit)
            trees.append(changed(after, {"again": f"{number}\n"}) if after in trees else after)
        return trees


def case(
    name: str,
    kind: str,
    files: Mapping[str, Written],
    *edits: Mapping[str, Written | None],
    config: str | None = "",
    needs: str = "",
    answers: bool = True,
    fails: tuple[int, ...] = (),
    bare: bool = True,
) -> Case:
    """A case, written shorter: ``needs`` is a line of words."""
    return Case(
        name, kind, files, edits, config if config != "" else recipe(),
        tuple(needs.split()), answers, frozenset(fails), bare,
    )  # fmt: skip


def recipe(build: str = "make", install: str = "cp -a made/. $out/", **phases: str) -> str:
    """A ckpt.toml: everything in ``made`` is installed."""
    every = {**phases, "build": build, "install": install}
    lines = [f"{name} = {json.dumps(command)}" for name, command in every.items()]
    return "\n".join(["[package.p]", "timeout = 120", *lines, ""])


BY_SCRIPT = recipe("sh build.sh")


def _is_there(path: str) -> bool:
    return path.startswith("/") and any(Path("/").glob(path[1:]))
