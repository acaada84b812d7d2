"""Which build tool a derivation's commands call, as far as what it misses depends on that."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ckpt_git.engines.protocol import SourceTree
    from ckpt_git.model.derivation import Derivation
    from ckpt_git.model.source_diff import SourceDiff

_CALLS_MAKE = re.compile(r"(?:^|[\s;&|(/])g?make\b")
_TIDY = re.compile(r"\b(?:cmake|ninja|meson|samu|cargo|go|bazel|buck2?|scons)\b")
_CMAKE = re.compile(r"\bcmake\b")
_DEFAULT = ("Makefile", "makefile", "GNUmakefile")

MAKEFILES = (*_DEFAULT, "*.mk", "*.mak", "Makefile.*")
"""Patterns of the files that make may read."""


def is_tidy(drv: Derivation) -> bool:
    """Whether it is one that keeps track of commands, and of what went, by itself."""
    return _TIDY.search(_commands(drv)) is not None


def is_cmake(drv: Derivation) -> bool:
    """CMake, whatever it has the project built by."""
    return _CMAKE.search(_commands(drv)) is not None


def is_make(drv: Derivation, source: SourceTree) -> bool:
    """make itself, or a script where there is a makefile, or will be."""
    if is_tidy(drv):
        return False
    if _CALLS_MAKE.search(_commands(drv)):
        return True
    manifest = source.manifest()
    return any(name in manifest for name in _DEFAULT) and "package.json" not in manifest


def begin_searches(drv: Derivation, source: SourceTree, diff: SourceDiff) -> None:
    """Begin to look in the tree for what ``missed`` is going to ask for. For a small change that
    takes as long as all else that comes before the build tool."""
    if diff and is_make(drv, source):
        source.begin_search(["include"], MAKEFILES)
        source.begin_search(diff.names(), ["*"])


def _commands(drv: Derivation) -> str:
    return " ".join(drv.phases.get(name, "") for name in ("configure", "build"))
