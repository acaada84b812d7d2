"""Projects with a ``meson.build`` at the top: built by ninja in a folder of their own."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

_CALLS_PYTHON = re.compile(r"import\(\s*'python'|find_program\(\s*'python")


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    if "meson.build" not in tree:
        return None
    folder = tree.free("build", "_build", "build-ckpt")
    python = any(_CALLS_PYTHON.search(tree.text(path)) for path in tree.named("meson.build"))
    wraps = any(path.startswith("subprojects/") and path.endswith(".wrap") for path in tree.paths)
    return Proposal(
        kind="Meson",
        marker="meson.build",
        phases={
            "configure": _setup(folder),
            "build": f"ninja -C {folder} -j$NIX_BUILD_CORES",
            "install": f"meson install -C {folder} --no-rebuild",
        },
        needs=("meson", "ninja"),
        uses=("cc", "gcc", "c++", *(("python3",) if python else ())),
        check=f"meson test -C {folder} --no-rebuild",
        # Setting up once with a network brings those subprojects that the system doesn't have.
        fetch=_setup("$TMPDIR/fetch") if wraps else None,
    )


def _setup(folder: str) -> str:
    return f"meson setup {folder} --prefix=$out --libdir=lib --buildtype=release"
