"""The commands, one module each, by their names: what they show, and how they end. ``set_up`` has
those of the panel "set up".

All are lazy (``ckpt_git.lazy_imports``), so that ``commands.build.build(…)`` imports one.
"""

from ckpt_git.cli.commands import (
    bisect,
    build,
    log,
    pre_push,
    rebase_checkpoint,
    replay,
    run,
    status,
    watch,
    why,
)

__all__ = [
    "bisect",
    "build",
    "log",
    "pre_push",
    "rebase_checkpoint",
    "replay",
    "run",
    "status",
    "watch",
    "why",
]
