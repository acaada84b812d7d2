"""The commands, one module each, by their names: what they show, and how they end.

All are lazy (``ckpt_git.lazy_imports``), so that ``commands.build.build(…)`` imports one.
"""

from ckpt_git.cli.commands import (
    bisect,
    build,
    demo,
    doctor,
    gc,
    init,
    log,
    pre_push,
    rebase_checkpoint,
    replay,
    run,
    status,
    trust,
    watch,
    why,
)

__all__ = [
    "bisect",
    "build",
    "demo",
    "doctor",
    "gc",
    "init",
    "log",
    "pre_push",
    "rebase_checkpoint",
    "replay",
    "run",
    "status",
    "trust",
    "watch",
    "why",
]
