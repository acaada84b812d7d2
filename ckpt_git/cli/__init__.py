"""The edges: the command line, the hooks, and what is shown to people and programs."""

from __future__ import annotations

import sys


def main() -> None:
    """The command ``git-ckpt``. A hook takes a short way that imports no command line library."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["hook"]:
        from ckpt_git.cli.hook import hook_main  # noqa: PLC0415

        sys.exit(hook_main(arguments[1:]))
    from ckpt_git.cli.boundary import run_app  # noqa: PLC0415

    sys.exit(run_app(arguments))
