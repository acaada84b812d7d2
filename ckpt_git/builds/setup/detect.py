"""How a repository builds, found from its tracked files and this machine's tools.

``detect`` looks, ``render`` writes the ``ckpt.toml`` that says what was found. No git here and
no live files of the repository: the caller passes the list of paths and a way to read one.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ckpt_git.builds.setup.kinds import COMMANDS, KINDS
from ckpt_git.builds.setup.kinds.make import MAKEFILES
from ckpt_git.builds.setup.kinds.nix import shells
from ckpt_git.builds.setup.kinds.values import Kind, Listing, Machine, Proposal
from ckpt_git.builds.setup.template import ckpt_toml
from ckpt_git.builds.setup.toolchains import toolchain
from ckpt_git.model.errors import ConfigError

__all__ = ["Detection", "Listing", "Machine", "Proposal", "detect", "render", "this_machine"]

_NOT_THE_PROJECT = re.compile(
    r"\.|_|(?:tests?|examples?|samples?|docs?|doc|demos?|bench(?:marks?)?|contrib|scripts?|tools"
    r"|vendor|third[_-]?party|3rd[_-]?party|external|extern|deps|node_modules|subprojects)$",
    re.IGNORECASE,
)
_MOST_PACKAGES = 8

_NOTHING = "found no way to build this repository"
_BY_HAND = (
    'write a ckpt.toml with [package.NAME] and below it build = "the command"; looked for '
    "meson.build, CMakeLists.txt, configure, configure.ac, setup.py, pyproject.toml (setuptools), "
    "Cargo.toml, go.mod, Makefile, a package.json with a build script and build.sh, at the top and "
    "one folder below, and for a flake.nix or default.nix at the top"
)


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found: a proposal for each package."""

    proposals: tuple[Proposal, ...]


def this_machine() -> Machine:
    """The machine we run on, as its PATH and home folder tell."""

    def which(tool: str) -> Path | None:
        found = shutil.which(tool)
        return Path(found) if found else None

    return Machine(home=Path(os.path.expanduser("~")), which=which)  # noqa: PTH111 - no error where there is none


def detect(tree: Listing, machine: Machine) -> Detection:
    """How ``tree`` builds. Raises ``ConfigError`` where nothing is recognised."""
    at_top = _best(tree, machine, KINDS)
    found = [replace(at_top, name=tree.name)] if at_top else list(_in_folders(tree, machine))
    if not found:
        raise ConfigError(_NOTHING, _BY_HAND)
    told = (_with_tools(_with_shell(p, tree), tree, machine) for p in found)
    return Detection(tuple(_named_apart(told)))


def render(detection: Detection, *, checks: bool = False) -> str:
    """The text of a ``ckpt.toml`` for what was found, which ``ckpt_toml.parse`` accepts.

    Checks are written as comments unless ``checks`` is set: like nixpkgs' stdenv we build
    unless asked to test, for a suite that wants a network would fail every commit.
    """
    return ckpt_toml(detection.proposals, checks=checks)


def _best(tree: Listing, machine: Machine, kinds: Iterable[Kind]) -> Proposal | None:
    """The first proposal in order of preference whose tools are there, else the first of all."""
    proposals = [p for p in (kind(tree, machine) for kind in kinds) if p is not None]
    if not proposals:
        return None
    chosen = min(proposals, key=lambda p: bool(_missing(p, machine)))  # the first of equals
    others = [p for p in proposals if p is not chosen]
    also = f" (also: {', '.join(p.marker for p in others)})" if others else ""
    reason = f"{chosen.kind}, for there is {chosen.marker}{also}"
    return replace(_with_crates(chosen, others), reason=reason)


def _with_crates(chosen: Proposal, others: Iterable[Proposal]) -> Proposal:
    """Where another tool builds a project that is partly Rust, cargo's crates are fetched too."""
    cargo = next((p for p in others if p.kind == "cargo" and p.fetch), None)
    if cargo is None or chosen.fetch or chosen.kind == "make":
        return chosen
    uses = (*chosen.uses, *cargo.needs, *cargo.uses)
    return replace(chosen, fetch=cargo.fetch, locks=cargo.locks, uses=uses)


def _missing(proposal: Proposal, machine: Machine) -> tuple[str, ...]:
    return tuple(tool for tool in proposal.needs if machine.which(tool) is None)


def _in_folders(tree: Listing, machine: Machine) -> Iterable[Proposal]:
    """One package for each folder that builds. A Makefile counts only where it is the only one:

    many folders with a Makefile each are as often exercises or parts of one another.
    """
    folders = [name for name in tree.folders() if not _NOT_THE_PROJECT.match(name)]
    found = [(name, _best(tree.below(name), machine, COMMANDS)) for name in folders]
    proposals = [(name, p) for name, p in found if p is not None]
    if len(proposals) > 1:
        proposals = [(name, p) for name, p in proposals if p.kind != "make"]
    for name, proposal in proposals[:_MOST_PACKAGES]:
        yield _moved(replace(proposal, name=name), name, tree)


def _moved(proposal: Proposal, folder: str, tree: Listing) -> Proposal:
    """The same package with ``folder`` as its source, unless it reads files outside of that."""
    marker = f"{folder}/{proposal.marker}"
    reason = proposal.reason.replace(proposal.marker, marker, 1)
    if proposal.marker not in MAKEFILES and "../" not in tree.text(marker):
        return replace(proposal, source=folder, reason=reason)
    return replace(
        proposal,
        name=tree.name,
        reason=reason,
        phases={phase: _inside(folder, command) for phase, command in proposal.phases.items()},
        check=proposal.check and _inside(folder, proposal.check),
        fetch=proposal.fetch and _inside(folder, proposal.fetch),
    )


def _inside(folder: str, command: str) -> str:
    """``make -C`` where it will do: make then says where it is, and errors can be located."""
    if command.startswith("make "):
        return f"make -C {shlex.quote(folder)} {command.removeprefix('make ')}"
    return f"cd {shlex.quote(folder)} && {command}"


def _with_shell(proposal: Proposal, tree: Listing) -> Proposal:
    """A shell's tools are not those of a build with commands, which people might expect."""
    if proposal.nix:
        return proposal
    told = "packages nothing: built with commands, and with the tools of this machine"
    remarks = [f"{name} {told}" for name in shells(tree)]
    return replace(proposal, remarks=(*proposal.remarks, *remarks))


def _with_tools(proposal: Proposal, tree: Listing, machine: Machine) -> Proposal:
    if proposal.nix:
        return proposal
    tools = toolchain((*proposal.needs, *proposal.uses), machine, tree)
    missing = tuple(f"{tool} isn't installed here" for tool in _missing(proposal, machine))
    return replace(
        proposal,
        inputs=tools.inputs,
        env={**proposal.env, **dict(tools.env)},
        remarks=(*proposal.remarks, *tools.remarks, *missing),
    )


def _named_apart(proposals: Iterable[Proposal]) -> Iterable[Proposal]:
    """Names that a package can have (see ``config``), each another one."""
    taken: set[str] = set()
    for proposal in proposals:
        plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", proposal.name)[:60].strip("-._+") or "main"
        number = next(n for n in range(1, 99) if _numbered(plain, n) not in taken)
        taken.add(_numbered(plain, number))
        yield replace(proposal, name=_numbered(plain, number))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
