"""Projects with a ``configure``: autoconf's, with automake or without, and hand-written ones.

Automake's dependency tracking stays on: without it a later build wouldn't see a changed header.
"""

from __future__ import annotations

from ckpt_git.builds.setup.kinds.make import MAKEFILES, targets
from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

_INPUTS = ("configure.ac", "configure.in")
_BOOTSTRAPS = ("autogen.sh", "bootstrap", "bootstrap.sh", "buildconf")


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    marker = tree.first("configure", *_INPUTS)
    if marker is None or (marker == "configure" and "prefix" not in tree.text(marker)):
        return None
    return Proposal(
        kind="autotools",
        marker=marker,
        phases={
            "configure": f"{_generate(tree)}./configure --prefix=$out",
            "build": "make -j$NIX_BUILD_CORES",
            "install": "make install",
        },
        needs=("make", *(("autoreconf",) if marker != "configure" else ())),
        uses=("cc", "gcc", "c++"),
        check=_check(tree),
    )


def _generate(tree: Listing) -> str:
    """What makes the ``configure`` that isn't tracked; empty where it is."""
    if "configure" in tree:
        return ""
    if script := tree.first(*_BOOTSTRAPS):
        # GNOME's convention: else some of these scripts configure at once, for another prefix.
        return f"NOCONFIGURE=1 ./{script} && "
    return "autoreconf -fi && "


def _check(tree: Listing) -> str | None:
    if "Makefile.am" in tree:  # automake makes a `check` of it, whatever it says
        return "make check"
    found = tree.first("Makefile.in", *MAKEFILES)
    rules = targets(tree.text(found)) if found else frozenset()
    return next((f"make {name}" for name in ("check", "test") if name in rules), None)
