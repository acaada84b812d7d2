"""Verification: a checkpointed build against a clean one of the same tree, file by file.

What two clean builds of one tree do differently says nothing about the checkpoint: where there
is a difference, a second clean build is made as the control, and only what both clean builds
agree on counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ckpt_git.builds.build import build_package
from ckpt_git.builds.checkpoints.distrust import result_differs
from ckpt_git.builds.checks.compare import Contents, contents, differences
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.engines.protocol import Announce, Event
from ckpt_git.model.config.packages import Package
from ckpt_git.model.errors import MissingError, UsageError
from ckpt_git.model.record import Record
from ckpt_git.model.target import Target
from ckpt_git.records import results


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a verification.

    ``record`` is the build that was verified, ``clean`` the one it was compared with.
    ``unreproducible`` are paths in which two clean builds differ.
    """

    record: Record
    clean: Record
    identical: bool
    differences: tuple[str, ...]
    unreproducible: tuple[str, ...]

    def result(self) -> dict[str, Any]:
        """The form that ``verify --json`` prints."""
        return {
            **self.record.result(),
            "identical": self.identical,
            "differences": list(self.differences),
            "unreproducible": list(self.unreproducible),
        }


def verify(
    context: Context, target: Target, options: BuildOptions, announce: Announce
) -> list[Verdict]:
    """Verify each selected package of ``target``.

    Raises what ``build`` raises, ``MissingError`` where one of the builds was ended from outside,
    and ``UsageError`` for a package that installs nothing: there
    would be nothing to compare.
    """
    packages = context.config(target.tree).select(options.packages)
    return [_verify(context, package, target, announce) for package in packages]


def _verify(context: Context, package: Package, target: Target, announce: Announce) -> Verdict:
    def note(text: str) -> None:
        announce(package.name, Event("note", text))

    record = _checkpointed(context, package, target, announce)
    checkpointed = _output(context, record)  # now: further builds may clear it up
    note("a clean build, to compare with")
    clean = build_package(context, package, target, BuildOptions(clean=True), announce)
    _settled(record, clean)
    if not (record.passed and clean.passed):
        same = record.passed == clean.passed
        return _settle(context, Verdict(record, clean, same, () if same else (".",), ()))
    if record.out is None and clean.out is None:
        raise UsageError(
            f"package {package.name} installs nothing into $out: there is nothing to compare",
            "add `install` to its table in ckpt.toml",
        )
    cleanly = _output(context, clean)
    found = differences(checkpointed, cleanly)
    unsteady: set[str] = set()
    if found:
        note("they differ; a second clean build tells what isn't reproducible")
        again = build_package(context, package, target, BuildOptions(clean=True), announce)
        _settled(again)
        unsteady = set(differences(cleanly, _output(context, again))) if again.passed else set()
    lasting = tuple(path for path in found if path not in unsteady)
    verdict = Verdict(record, clean, not lasting, lasting, tuple(sorted(unsteady)))
    return _settle(context, verdict)


def _settled(*records: Record) -> None:
    """A build that somebody killed, or that took too long, tells nothing of a checkpoint. Raises
    ``MissingError`` for one."""
    for record in records:
        if not record.passed and not record.confirmed:
            raise MissingError(
                f"package {record.package}: {record.reason}, so there is nothing to compare",
                "verify it again",
            )


def _checkpointed(context: Context, package: Package, target: Target, announce: Announce) -> Record:
    """The build to verify: the one on record unless it was clean itself, else one made now."""
    record = build_package(context, package, target, BuildOptions(), announce)
    if record.cached and record.made == "clean":
        record = build_package(context, package, target, BuildOptions(rebuild=True), announce)
    return record


def _output(context: Context, record: Record) -> Contents:
    if record.out is None:
        return {}
    return contents(context.engine(record.engine).outputs.installed(record.output))


def _settle(context: Context, verdict: Verdict) -> Verdict:
    """Keep the verdict. A checkpoint whose result differs is removed, with that result."""
    record = replace(verdict.record, verified=verdict.identical)
    if verdict.identical:
        results.save(context.state, record)
        results.touch(context.state, record)
    else:
        result_differs(context, record)
        results.save(context.state, replace(verdict.clean, verified=True))
    return replace(verdict, record=record)
