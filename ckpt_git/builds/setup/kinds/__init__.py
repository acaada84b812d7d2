"""How repositories build: a module for each build tool, and the one table that names them.

Each module has ``propose(tree, machine)``, which looks at the names of tracked files and into a
few of them, and returns how the tree would be built with its tool, or None. Nothing here runs
a process, reads a live file or writes.
"""

from __future__ import annotations

from ckpt_git.builds.setup.kinds import (
    autotools,
    cargo,
    cmake,
    go,
    make,
    meson,
    nix,
    node,
    script,
    setuptools,
)
from ckpt_git.builds.setup.kinds.values import Kind

COMMANDS: tuple[Kind, ...] = (
    meson.propose,
    cmake.propose,
    autotools.propose,
    setuptools.propose,
    cargo.propose,
    go.propose,
    make.propose,
    node.propose,
    script.propose,
)
"""Those that are built with commands, in order of preference. Those that track headers and
commands by themselves come before those that leave that to the project, and those that build
programs in several languages before a language's own tool; a Makefile beside such a tool mostly
calls it; a package.json often only pins a formatter, and a script may do anything."""

KINDS: tuple[Kind, ...] = (nix.propose, *COMMANDS)
"""All of them: who packages a repository has said how it is built."""
