"""``python -m ckpt_git``: the same as ``git-ckpt``."""

from __future__ import annotations

from ckpt_git.cli import main

main()
