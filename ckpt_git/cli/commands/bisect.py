"""``bisect``: test each commit, and report the first bad one."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from ckpt_git.builds.build import build
from ckpt_git.builds.context import Context
from ckpt_git.builds.history.bisect import Ended, NoBisectionError, Tested, Verdict, bisect
from ckpt_git.builds.history.replay import target_of
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.cli.commands.run import NoProgramError, NotExecutableError, with_output
from ckpt_git.cli.commands.status import record_json
from ckpt_git.cli.output.live import Live, fitting, width_of_results
from ckpt_git.cli.output.streams import out, out_json, say_ckpt
from ckpt_git.cli.output.wording import count
from ckpt_git.engines.protocol import Event
from ckpt_git.git.objects import rev_list
from ckpt_git.git.objects.rev_list import Walked
from ckpt_git.model.errors import ConfigError, MissingError, RepositoryError, UsageError
from ckpt_git.model.record import Record
from ckpt_git.model.report.diagnostics import headline
from ckpt_git.model.report.display_names import printable
from ckpt_git.process import attend

_SHORT = 10
_SKIP = 125  # git-bisect(1), "bisect run": what this program ends with where a test can't be made
_ABORT = 128  # and from here on it is the test itself that failed
_HEAD = f"      {'commit':{_SHORT}}  {'seconds':>8}  compiled  subject"


def show_bisect(
    context: Context,
    good: str,
    bad: str,
    packages: Sequence[str],
    command: Sequence[str],
    *,
    as_json: bool,
) -> int:
    """``bisect``; returns the exit code: 0 where the first bad commit was found, else 1."""
    command = command[1:] if command[:1] == ["--"] else command
    context.warm_up()
    tester = _Tester(context, tuple(packages), tuple(command))
    tests: list[Tested] = []
    ended, width = Ended(()), width_of_results()
    for found in bisect(context, good, bad, tester.test):
        if isinstance(found, Ended):
            ended = found
            continue
        tests.append(found)
        if not as_json:
            if len(tests) == 1:
                out(fitting(_HEAD, width))
            out(fitting(_line(found), width))
    if as_json:
        out_json(_document(tests, ended))
    else:
        _show_end(context, ended)
    return 0 if ended.first_bad is not None else 1


class _Tester:
    """Builds a commit, and runs the user's command with what was built."""

    def __init__(
        self, context: Context, packages: tuple[str, ...], command: tuple[str, ...]
    ) -> None:
        self._context = context
        self._packages = packages
        self._command = command

    def test(self, commit: Walked, left: int) -> Tested:
        """Raises ``MissingError`` where a program isn't there for the build, and
        ``NoBisectionError`` where the command says that the bisection is to end."""
        try:
            records = self._build(commit, left)
        except (ConfigError, RepositoryError) as error:
            return Tested(commit, "skip", str(error), (), left)
        failed = next((record for record in records if not record.passed), None)
        if failed is None:
            verdict, why = self._verdict(commit, records)
        else:
            verdict, why = self._of_failure(failed), headline(failed.error) or failed.reason or ""
        return Tested(commit, verdict, why, records, left)

    def _build(self, commit: Walked, left: int) -> tuple[Record, ...]:
        where = commit.id[:_SHORT]
        if left:
            where += f" ({count(left, 'commit')} left, some {_steps(left)} to test)"
        # A command wants what was built; without one it is enough that it was.
        options = BuildOptions(self._packages, output=bool(self._command), nearest=True)
        with Live(sys.stderr, show_output=False) as live:

            def announce(package: str, event: Event) -> None:
                live.announce(f"{where} {package}", event)

            return tuple(build(self._context, target_of(commit), options, announce))

    def _of_failure(self, record: Record) -> Verdict:
        """What a failed build says. It was confirmed by a clean one, or says nothing at all."""
        if record.missing is not None:
            raise MissingError(
                f"`{record.missing}` is not there for the build of {record.package}",
                "install it, or name its folder under `inputs` in ckpt.toml",
            )
        return "bad" if record.confirmed and not self._command else "skip"

    def _verdict(self, commit: Walked, records: tuple[Record, ...]) -> tuple[Verdict, str]:
        if not self._command:
            return "good", "it builds"
        if len(records) > 1:
            known = ", ".join(record.package for record in records)
            what = "a command is run with the output of one package"
            raise UsageError(what, f"choose one with --package: {known}")
        code = self._run(commit, records[0])
        why = f"`{self._command[0]}` ended with {code}"
        if code >= _ABORT:
            raise NoBisectionError(
                f"{why} at {commit.id[:_SHORT]}: the bisection ends here",
                "0 is good, 1 to 127 bad, 125 can't be tested",
            )
        if code == _SKIP:
            return "skip", why
        return ("bad" if code else "good"), why

    def _run(self, commit: Walked, record: Record) -> int:
        """The command's exit code; as a shell has it where there is none to run."""
        if record.out is None:
            raise UsageError(
                f"package {record.package} installs nothing into $out: there is nothing to run",
                "add `install` to its table in ckpt.toml",
            )
        try:
            told = {"CKPT_COMMIT": commit.id, "CKPT_OUT": record.out}
            argv, env = with_output(self._context, record, commit.tree, self._command, told)
            return attend(argv, env=env, stdout=sys.stderr)  # results alone go to our own
        except (NoProgramError, NotExecutableError) as error:
            say_ckpt(f"{commit.id[:_SHORT]}: {error}")
            return error.exit_code
        except OSError as error:
            say_ckpt(f"{commit.id[:_SHORT]}: can't run {self._command[0]}: {error.strerror}")
            return NotExecutableError.exit_code


def _steps(left: int) -> int:
    return max(1, math.ceil(math.log2(left)))


def _line(tested: Tested) -> str:
    now = [record for record in tested.records if not record.cached]
    took = f"{sum(record.seconds.total for record in now):.2f} s" if now else "known"
    numbers = [record.compiled for record in now if record.compiled is not None]
    compiled = str(sum(numbers)) if numbers else "-"
    row = f"{tested.verdict:4}  {tested.commit.id[:_SHORT]}  {took:>8}  {compiled:>8}"
    why = "" if tested.verdict == "good" else f"  ({printable(tested.why)})"
    return f"{row}  {printable(tested.commit.subject)}{why}"


def _show_end(context: Context, ended: Ended) -> None:
    first = ended.first_bad
    if first is not None:
        out(f"{first.id} is the first bad commit")
        for line in rev_list.shown(context.repo, first.id):
            out(line)
        return
    out("only commits that can't be tested are left; the first bad one is one of:")
    for commit in ended.candidates:
        out(f"{commit.id} {printable(commit.subject)}")


def _document(tests: Sequence[Tested], ended: Ended) -> dict[str, Any]:
    first = ended.first_bad
    return {
        "first_bad": None if first is None else _named(first),
        "candidates": [_named(commit) for commit in ended.candidates],
        "tests": [
            {
                **_named(tested.commit),
                "verdict": tested.verdict,
                "why": tested.why,
                "left": tested.left,
                "results": [record_json(record) for record in tested.records],
            }
            for tested in tests
        ],
    }


def _named(commit: Walked) -> dict[str, str]:
    return {"commit": commit.id, "subject": commit.subject}
