"""The edges: the command line, the hooks, and what is shown to people and programs."""

from __future__ import annotations

import sys

_BUILDING = (["build"], ["prepare"], ["verify"])


def main() -> None:
    """The command ``git-ckpt``. A hook takes a short way that imports no command line library."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["hook"]:
        from ckpt_git.cli.hook import hook_main  # noqa: PLC0415

        sys.exit(hook_main(arguments[1:]))
    if arguments[:1] in _BUILDING:
        # It takes as long as importing what is below, on another core.
        from ckpt_git.engines.local.toolchain import begin  # noqa: PLC0415

        begin()
    from ckpt_git.cli.boundary import run_app  # noqa: PLC0415

    sys.exit(run_app(arguments))
