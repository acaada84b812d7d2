"""Every release built from the checkpoint before it, and compared with a clean build of itself.

`python -m benchmarks verify`. Beside it a bare build runs in one persistent tree, so that the
compiler runs of both can be told. First all releases are built, one after the other, so that
checkpoints lie on checkpoints as they do in use; then each is verified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import bare, corpus, counting, nix, ours
from benchmarks.projects import Project
from ckpt_git.model.errors import CkptError

Say = Callable[[str], None]

_MISSED = b"=== make would miss that this changed: "


@dataclass(frozen=True, slots=True)
class Row:
    """One release. ``runs`` and ``bare_runs`` are compiler runs; None where a log tells none.

    ``missed`` are commands that changed and that make wouldn't have run, as our build's log tells:
    with other flags than before, for one. The bare build leaves stale what they make.
    """

    release: str
    commit: str
    passed: bool
    base: str | None
    why_clean: str | None
    identical: bool | None
    differences: tuple[str, ...]
    runs: int | None
    bare_runs: int | None
    missed: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All releases of a project; the first has nothing to start from and isn't counted."""

    project: str
    tool: str
    rows: tuple[Row, ...]

    @property
    def changes(self) -> tuple[Row, ...]:
        return self.rows[1:]

    @property
    def holds(self) -> bool:
        """Whether all are identical, nine in ten started from a checkpoint, and none of those
        compiled more than the bare build did and missed. A clean build compiles what a bare one
        does: where the counts of the first release differ, they can't be relied on."""
        started = [row for row in self.changes if row.base is not None]
        return (
            all(row.passed and row.identical for row in self.rows)
            and len(started) * 10 >= len(self.changes) * 9
            and self.rows[0].runs is not None
            and self.rows[0].runs == self.rows[0].bare_runs
            and all((row.runs or 0) <= (row.bare_runs or 0) + row.missed for row in started)
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def evaluate(
    project: Project, cache: Path, work: Path, limit: int | None, say: Say, *, by_nix: bool = False
) -> Evaluation:
    """Evaluate the last ``limit`` changes (default: all) in the empty folder ``work``, with the
    local engine or ``by_nix`` in a store of its own.

    Raises ``CkptError`` where a release can't be brought or isn't buildable by itself.
    """
    origin = corpus.repository(project, cache)
    with nix.store(work / "nix", None) if by_nix else nullcontext() as variables:
        return _evaluate(project, origin, work, limit, say, variables)


def _evaluate(
    project: Project,
    origin: Path,
    work: Path,
    limit: int | None,
    say: Say,
    variables: Mapping[str, str] | None,
) -> Evaluation:
    commits = corpus.releases(origin)[-(limit + 1) if limit else 0 :]
    subject, phases = _set_up(project, origin, work, by_nix=variables is not None)
    tree = bare.Tree(origin, work / "bare" / "source", work / "bare" / "out")
    built = []
    for number, commit in enumerate(commits, 1):
        bare_runs = _bare_runs(tree, commit, phases, work / "tools" / "bin")
        result = ours.call(subject, "build", commit, variables=variables)
        log = result.log.read_bytes()
        runs, missed = counting.runs(log), log.count(_MISSED)
        say(
            f"{project.name} {number} of {len(commits)}, {commit[:10]}: {_ended(result)}, "
            f"{runs} compiler runs ({bare_runs} bare), {result.wall:.0f} s"
        )
        built.append((commit, result, runs, bare_runs, missed))
    rows = []
    for number, (commit, result, runs, bare_runs, missed) in enumerate(built, 1):
        verdict = ours.call(subject, "verify", commit, variables=variables)
        say(
            f"{project.name} {number} of {len(commits)}, {commit[:10]}: {_compared(verdict)}, "
            f"{verdict.wall:.0f} s"
        )
        rows.append(
            Row(
                release=corpus.release_name(origin, commit),
                commit=commit,
                passed=result.passed,
                base=result.base,
                why_clean=result.why_clean,
                identical=verdict.identical,
                differences=verdict.differences,
                runs=runs,
                bare_runs=bare_runs,
                missed=missed,
            )
        )
    return Evaluation(project.name, project.tool, tuple(rows))


def _ended(result: ours.Result) -> str:
    """How a build came out, and from what, for a line of progress."""
    origin = "clean" if result.base is None else f"from {result.base[:10]}"
    why = f" ({result.why_clean})" if result.base is None and result.why_clean else ""
    return f"{'passed' if result.passed else 'FAILED'}, {origin}{why}"


def _compared(verdict: ours.Result) -> str:
    if not verdict.identical:
        return f"DIFFERENT: {', '.join(verdict.differences[:3]) or 'one of the builds failed'}"
    return "identical" if verdict.passed else "FAILED, and so does a clean build"


def _set_up(
    project: Project, origin: Path, work: Path, *, by_nix: bool
) -> tuple[ours.Subject, dict[str, str]]:
    """A clone with a ``ckpt.toml`` of the user's own, whose build counts compiler runs."""
    tools = work / "tools"
    counting.write_wrappers(tools / "bin")
    phases = dict(counting.counted(project))
    subject = ours.Subject(work / "repository", work / "store")
    corpus.git(work, "clone", "--quiet", str(origin), str(subject.repository))
    if by_nix:
        nix.configure(subject, nix.package(phases, tools=tools / "bin"))
    else:
        ours.configure(subject, project.name, phases, [str(tools)])
    return subject, phases


def _bare_runs(tree: bare.Tree, commit: str, phases: dict[str, str], wrappers: Path) -> int | None:
    bare.check_out(tree, commit)
    done = bare.build(tree, phases, first_on_path=wrappers)
    if not done.passed:
        last = done.log.decode(errors="replace").strip().splitlines()[-1:]
        raise CkptError(
            f"{commit[:10]} doesn't build by its own commands: {' '.join(last)}",
            f"see it in {tree.folder}",
        )
    return counting.runs(done.log)
