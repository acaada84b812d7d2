"""What is run in a round: commands of git's and of ours, alone or several at once."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from random import Random

from tests.endurance.site import CKPT

_CKPT = shlex.join(CKPT)


@dataclass(frozen=True)
class Command:
    """``scripts`` are run by the shell, all at once. ``seconds`` is about how long it takes, with
    what it leaves to the background. git itself changes what is the user's where ``writes``."""

    name: str
    scripts: tuple[str, ...]
    seconds: float = 1.0
    writes: bool = False
    commits: bool = False

    @property
    def builds(self) -> bool:
        """Whether it may run a compiler, in the foreground or behind it."""
        return self.name.split()[0] not in _LOOKS


_LOOKS = frozenset({"gc", "watch", "cancel", "status", "log", "path", "why", "doctor"})


def _ckpt(words: str, seconds: float = 1.0) -> Command:
    return Command(words, (f"exec {_CKPT} {words}",), seconds)


def _git(name: str, script: str, seconds: float, *, commits: bool = False) -> Command:
    return Command(name, (script,), seconds, writes=True, commits=commits)


_COMMIT = _git("commit", "git add -A && exec git commit -q --allow-empty -m x", 2.5, commits=True)
_STORM = _git(
    "commit, amend",
    """
    git add -A; git commit -q --allow-empty -m x
    echo x >>script/in/b
    git commit -q -a --amend -m 'change of it'; exec git commit -q --allow-empty -m more
    """,
    3,
    commits=True,
)
PUSH = _git(
    "push",
    "git add -A; CKPT_SKIP=1 git commit -q -m x; exec git push -q -f origin HEAD:refs/heads/pushed",
    2,
)
_WORKTREE = _git(
    "worktree",
    """
    git worktree add -q -f --detach ../beside HEAD && cd ../beside || exit
    echo beside >script/in/b; git commit -q -a -m beside
    cd ../repository && exec git worktree remove --force ../beside
    """,
    3,
)
_BESIDE = f"""
    git worktree add -q -f --detach ../beside HEAD && cd ../beside || exit
    echo beside >script/in/b; {_CKPT} build
    cd ../repository && exec git worktree remove --force ../beside
"""
_TOGETHER = Command(
    "two worktrees, gc and rebase-checkpoint",
    (
        _BESIDE,
        f"exec {_CKPT} build --rebuild",
        f"exec {_CKPT} gc",
        f"exec {_CKPT} rebase-checkpoint --clean",
    ),
    4,
    writes=True,
)

VERIFY = _ckpt("verify --json", 3)
_COMMANDS: tuple[tuple[Command, int], ...] = (
    (_COMMIT, 6),
    (_STORM, 2),
    (PUSH, 3),
    (_WORKTREE, 2),
    (_TOGETHER, 3),
    (_ckpt("build --json", 1.5), 4),
    (_ckpt("build HEAD", 1.5), 1),
    (_ckpt("build index", 1.5), 1),
    (_ckpt("build --rebuild", 1.5), 2),
    (_ckpt("build --clean", 2), 2),
    (_ckpt("build --background", 2), 2),
    (_ckpt("prepare"), 1),
    (_ckpt("rebase-checkpoint", 1.5), 2),
    (_ckpt("rebase-checkpoint --clean", 2), 1),
    (_ckpt("rebase-checkpoint --auto", 1.5), 1),
    (VERIFY, 2),
    (_ckpt("gc", 0.6), 2),
    (_ckpt("watch", 0.5), 1),
    (_ckpt("cancel", 0.5), 1),
    (_ckpt("status --json", 0.5), 1),
    (_ckpt("log", 0.5), 1),
    (_ckpt("path", 0.5), 1),
    (_ckpt("why --last", 0.5), 1),
    (_ckpt("doctor", 1), 1),
)


def a_command(chance: Random) -> Command:
    commands, weights = zip(*_COMMANDS, strict=True)
    chosen: Command = chance.choices(commands, weights)[0]
    return chosen
