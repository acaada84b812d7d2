"""The commands that set a repository up and look after it: those of ``panels.set_up``.

All are lazy (``ckpt_git.lazy_imports``), as those of ``commands``.
"""

from ckpt_git.cli.commands.set_up import demo, doctor, gc, init, trust

__all__ = ["demo", "doctor", "gc", "init", "trust"]
