"""Projects that a shell script builds: a ``build.sh`` at the top."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.outputs import NO_INSTALL, executables
from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

SCRIPT = "build.sh"

_SHEBANG = re.compile(r"#!\s*(?:/usr/bin/env\s+)?(?:\S*/)?(\w+)[^\n]*")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    if SCRIPT not in tree:
        return None
    found = _SHEBANG.match(tree.text(SCRIPT))
    shell = found[1] if found and found[1] in _SHELLS else "sh"
    return Proposal(
        kind="a script",
        marker=SCRIPT,
        phases={"build": f"{shell} {SCRIPT}", "install": executables(".")},
        needs=(shell,),
        uses=("cc", "gcc", "c++", "python3"),
        remarks=(NO_INSTALL,),
    )
