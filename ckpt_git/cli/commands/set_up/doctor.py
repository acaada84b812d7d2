"""``doctor``: what works here, what doesn't, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress

from ckpt_git import __version__
from ckpt_git.builds.background.builder import running
from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import out
from ckpt_git.engines.protocol import Engine
from ckpt_git.git.hooks import pre_commit
from ckpt_git.git.hooks.folder import hooks_folder
from ckpt_git.git.hooks.install import HOOKS, installed
from ckpt_git.model.errors import CkptError
from ckpt_git.model.report.finding import Finding
from ckpt_git.process import run

_SIGNS = {"fine": "✓", "note": "!", "missing": "✗"}


def examine() -> list[Finding]:
    """Look at everything; what can't be looked at is a finding too. Writes only to the store."""
    findings = [*_programs()]
    try:
        context = Context.open()
    except CkptError as error:
        return [*findings, Finding("repository", "missing", error.what, error.hint)]
    for look in (_repository, _configuration, _hooks, _engines, _builder):
        try:
            findings += look(context)
        except CkptError as error:
            findings.append(Finding(look.__name__.strip("_"), "missing", error.what, error.hint))
    return findings


def show(findings: list[Finding]) -> None:
    """Print findings for people."""
    for finding in findings:
        out(f"{_SIGNS[finding.level]} {finding.subject:14} {finding.text}")
        if finding.advice is not None:
            out(f"  {'':14} {finding.advice}")


def _programs() -> Iterator[Finding]:
    yield Finding("git-ckpt", "fine", f"{__version__}, Python {sys.version.split()[0]}")
    try:
        yield Finding("git", "fine", run(["git", "version"]).stdout.decode().strip())
    except CkptError as error:
        yield Finding("git", "missing", error.what, error.hint)


def _repository(context: Context) -> Iterator[Finding]:
    repo = context.repo
    yield Finding("repository", "fine", f"{repo.top or repo.git_dir} ({repo.object_format})")


def _configuration(context: Context) -> Iterator[Finding]:
    target = context.current()
    for package in context.config(target.tree).packages.values():
        drv = context.derivation(package, target.tree)
        yield context.engine(drv.engine).diagnosis.examine_package(drv)


def _hooks(context: Context) -> Iterator[Finding]:
    top = context.repo.top
    if top is None:
        return  # nobody commits in a bare repository
    folder = hooks_folder(context.repo)
    ours = installed(context.repo)
    if ours:
        yield Finding("hooks", "fine", f"{', '.join(ours)} in {folder}")
    elif pre_commit.has_entry(top):
        yield Finding("hooks", "fine", f"those of the pre-commit framework: {pre_commit.NAME}")
    if missing := [name for name in HOOKS if name not in ours and not pre_commit.has_entry(top)]:
        text = f"{', '.join(missing)} in {folder}: not ours"
        yield Finding("hooks", "note", text, "`git ckpt install` puts them there")


def _engines(context: Context) -> Iterator[Finding]:
    """The engines of the packages. What one engine lacks doesn't hide what another one does."""
    for engine in _engines_in_use(context):
        try:
            yield from engine.diagnosis.examine()
        except CkptError as error:
            yield Finding(f"{engine.name} engine", "missing", error.what, error.hint)


def _engines_in_use(context: Context) -> list[Engine]:
    tree = context.current().tree
    with suppress(CkptError):  # a configuration that can't be read is a finding of its own
        packages = context.config(tree).packages.values()
        names = {context.derivation(package, tree).engine for package in packages}
        return [context.engine(name) for name in sorted(names)]
    return [context.engine()]


def _builder(context: Context) -> Iterator[Finding]:
    now = running(context.state)
    text = "idle" if now is None else f"process {now.pid} builds {now.package or now.tree[:10]}"
    yield Finding("builder", "fine", text)
