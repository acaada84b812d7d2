"""Open the context of a command, and print the notices that wait."""

from __future__ import annotations

from ckpt_git.builds.context import Context
from ckpt_git.cli.output.streams import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ckpt_git.builds.prefetch import Prefetched


def open_context(begun: Prefetched | None = None) -> Context:
    """The context, after telling what background builds left to tell. ``begun``: its repository is
    being looked up."""
    context = Context.open() if begun is None else Context.open_prefetched(begun)
    context.state.tell = say
    for notice in context.state.take_notices():
        say(notice)
    return context
