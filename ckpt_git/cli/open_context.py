"""The context of a command, and what is told before it begins."""

from __future__ import annotations

from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import say


def open_context() -> Context:
    """The context, after telling what background builds left to tell."""
    context = Context.open()
    context.state.tell = say
    for notice in context.state.take_notices():
        say(notice)
    return context
