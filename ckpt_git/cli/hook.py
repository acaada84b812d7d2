"""``git ckpt hook EVENT``, which the hooks call. ``builds.background.events`` does the work.

Never in git's way: it returns at once or runs detached; pre-push alone may say no. Neither typer
nor GitPython is imported before there is something to build.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ckpt_git.builds.background import events
from ckpt_git.builds.background.detach import DETACHED, FROM, detach
from ckpt_git.cli.commands import pre_push
from ckpt_git.cli.output.streams import out

_USAGE = """\
Usage: git ckpt hook EVENT [ARGUMENT …]

What the git hooks call, and what another hook manager's are to call: with the arguments and the
standard input that git gives the hook of that name, githooks(5).

  post-commit, post-merge, post-rewrite, post-checkout, post-applypatch
      have what is there now built in the background, and return at once; exit code 0
  pre-push
      validates what is pushed; exit code 1 refuses it

The pre-commit framework's hooks call the same, and its environment takes the arguments' place.
CKPT_SKIP=1, git -c ckpt.skip=true and SKIP=ckpt (or ckpt-EVENT) have them do nothing.
`git ckpt install` puts the hooks in place."""


def hook_main(argv: list[str]) -> int:
    """Carry out ``git ckpt hook EVENT``; returns the exit code, which is 0 for what git asks.

    Called by a hook of ours, which doesn't wait, it does the work (``DETACHED``); called by
    another hook manager it starts the same in the background and returns.
    """
    _leave_frameworks_environment()
    name, arguments = (argv[0], argv[1:]) if argv else ("-h", [])
    if {"-h", "--help"} & {name, *arguments[:1]}:
        out(_USAGE)
        return 0
    if name == "pre-push":
        return _pre_push(arguments)
    if name not in events.EVENTS:
        _say(f"ckpt: no event `{name}`; choose one of: {', '.join([*events.EVENTS, 'pre-push'])}")
        return 0 if name.startswith("post-") else 2
    top = None
    if arguments[:1] == [FROM]:
        top, arguments = Path(*arguments[1:2]), arguments[2:]
    if arguments[:1] == [DETACHED]:
        detach()
        events.serve(name, top, arguments[1:2], arguments[2:])
    else:
        events.start(name, arguments, _say)
    return 0


def _leave_frameworks_environment() -> None:
    """pre-commit puts the environment that it made for us first on PATH: what isn't built in a
    sandbox would find its Python in there, and be another build than by hand."""
    if os.environ.get("PRE_COMMIT") == "1" and os.environ.get("VIRTUAL_ENV") == sys.prefix:
        ours = f"{os.environ.pop('VIRTUAL_ENV')}/bin"
        places = os.environ.get("PATH", "").split(os.pathsep)
        os.environ["PATH"] = os.pathsep.join(place for place in places if place != ours)


def _pre_push(arguments: list[str]) -> int:
    """What is about to be pushed has to build: the one event whose exit code git asks for."""
    return pre_push.pre_push(arguments, sys.stdin.buffer.read())


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
