"""A bisection over 64 commits, one of which brings a fault and one of which doesn't compile.

The commits are a real project's: those of a range, or its last release many times over, each with
a line of its own. `git bisect` with a clean build at every step stands beside `git ckpt bisect`,
which begins with an empty store: its first build is a clean one, too, and so is the one that
confirms that a commit doesn't compile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import bare, corpus, histories, ours
from benchmarks.histories import History
from benchmarks.projects import Edit
from ckpt_git.model.errors import CkptError
from ckpt_git.process import run

Say = Callable[[str], None]

COMMITS, WRONG, UNBUILDABLE = 64, 41, 32
"""How many commits, the first that has the fault, and the one that doesn't compile: where the
search is halved first, so that it is tested."""

FACTOR = 3.0
"""How many times faster than with clean builds."""

_FAULT = "int ckpt_benchmark_wrong(void); int ckpt_benchmark_wrong(void) { return 0; }"
_IS_GOOD = 'test -d "$CKPT_OUT" && ! grep -rqs ckpt_benchmark_wrong "$CKPT_OUT"'
_FIRST_BAD = " is the first bad commit"
_SKIP = 125


@dataclass(frozen=True, slots=True)
class Bisection:
    """What both ways took, in seconds, over how many builds, and whether each found the fault."""

    project: str
    clean: float
    clean_tests: int
    ours: float
    our_tests: int
    found: bool

    @property
    def factor(self) -> float:
        return self.clean / self.ours

    @property
    def holds(self) -> bool:
        return self.found and self.factor >= FACTOR

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "factor": self.factor, "holds": self.holds}


def bisect(history: History, edit: Edit, work: Path, say: Say) -> Bisection:
    """Plant a fault in ``edit``'s file and look for it both ways, in the empty folder ``work``.

    Raises ``CkptError`` where the commits can't be made, or a search ends without a result.
    """
    subject = histories.clone(history, work / "ours")
    commits = _planted(subject.repository, history, edit)
    say(f"{history.name}: {len(commits) - 1} commits, the fault in {commits[WRONG][:10]}")
    found, tests, seconds = _ours(subject, commits)
    say(f"{history.name}: git ckpt bisect tested {tests}: {seconds:.2f} s")
    clean_found, clean_tests, clean_seconds = _clean(subject.repository, history, commits, work)
    say(f"{history.name}: git bisect with clean builds tested {clean_tests}: {clean_seconds:.2f} s")
    right = found == clean_found == commits[WRONG]
    return Bisection(history.name, clean_seconds, clean_tests, seconds, tests, right)


def _planted(repository: Path, history: History, edit: Edit) -> list[str]:
    """The base and ``COMMITS`` after it: the history's own last ones, or its last one again and
    again; each with lines at the end of ``edit.file``."""
    own = history.commits[-COMMITS - 1 :]
    bases = own if len(own) > COMMITS else (history.commits[-1],) * (COMMITS + 1)
    commits: list[str] = []
    for number, base in enumerate(bases):
        lines = [edit.line.format(n=number)]
        lines += [_FAULT] if number >= WRONG else []
        lines += ["this does not compile"] if number == UNBUILDABLE else []
        corpus.git(repository, "checkout", "--quiet", "--detach", "--force", base)
        with (repository / edit.file).open("a") as file:
            file.write("\n" + "\n".join(lines) + "\n")
        corpus.git(repository, "add", "--update")
        tree = corpus.git(repository, "write-tree")
        parent = ["-p", commits[-1]] if commits else []
        message = f"-mchange {number}"
        commits.append(corpus.git(repository, "commit-tree", tree, *parent, message))
    corpus.git(repository, "checkout", "--quiet", "--detach", "--force", commits[-1])
    return commits


def _ours(subject: ours.Subject, commits: list[str]) -> tuple[str, int, float]:
    document, seconds = ours.document(
        subject, "bisect", "--json", commits[0], commits[-1], "--", "sh", "-c", _IS_GOOD
    )
    first = document["first_bad"]
    if first is None:
        raise CkptError("git ckpt bisect found no single commit")
    return first["commit"], len(document["tests"]), seconds


def _clean(
    repository: Path, history: History, commits: list[str], work: Path
) -> tuple[str, int, float]:
    """`git bisect`, with a clean build of each commit that it names."""
    tree = bare.Tree(repository, work / "clean" / "source", work / "clean" / "out")
    began, tests = time.perf_counter(), 0
    asked = ("bisect", "start", "--no-checkout", commits[-1], commits[0])
    said = corpus.git(repository, *asked)
    while _FIRST_BAD not in said:
        if tests > COMMITS:
            raise CkptError(f"git bisect doesn't end: {said}")
        commit = corpus.git(repository, "rev-parse", "BISECT_HEAD")
        bare.remove(tree)
        bare.check_out(tree, commit)
        tests += 1
        said = corpus.git(repository, "bisect", _clean_verdict(tree, history))
    seconds = time.perf_counter() - began
    corpus.git(repository, "bisect", "reset")
    line = next(line for line in said.splitlines() if line.endswith(_FIRST_BAD))
    return line.split()[0], tests, seconds


def _clean_verdict(tree: bare.Tree, history: History) -> str:
    if not bare.build(tree, history.phases).passed:
        return "skip"
    done = run(["sh", "-c", _IS_GOOD], env={"CKPT_OUT": str(tree.out)}, ok=range(_SKIP))
    return "bad" if done.returncode else "good"
