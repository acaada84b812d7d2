"""The commands as the help page groups them: arguments in, actions called, results handed on.

A function for each command; ``cli.app`` makes a command line of them. No logic here, but what all
have in common: their options.
"""

from __future__ import annotations

from typing import Annotated, Optional

import typer

Packages = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--package", "-p", metavar="NAME", help="This package only; may be repeated."),
]
Clean = Annotated[bool, typer.Option("--clean", help="Answer nothing from memory.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Don't show what the build prints.")]
Target = Annotated[str, typer.Argument(metavar="[TARGET]", help="worktree, index or a revision.")]
