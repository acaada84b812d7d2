"""A ckpt-git whose build is the tree's own ``build.sh``, run without a sandbox.

Run as the interpreter that hooks/background.sh starts: everything but the build is the real one.
The script finds the tree's id in ``$TREE``; its exit code is the outcome.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from ckpt_git.builds import build as builds
from ckpt_git.builds.context import Context
from ckpt_git.builds.plan import BuildOptions
from ckpt_git.cli.hook import hook_main
from ckpt_git.engines.local.engine import LocalEngine
from ckpt_git.engines.protocol import Announce, Event
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.record import Built, Record, Seconds
from ckpt_git.model.target import Target
from ckpt_git.records import results

PACKAGE, RECIPE = "app", "0" * 32


def build(
    context: Context, target: Target, options: BuildOptions, announce: Announce
) -> list[Record]:
    """Run ``build.sh`` of ``target``, in a session of its own, as an engine does."""
    assert options.packages == ()
    known = results.find(context.state, PACKAGE, target.tree, RECIPE) if _remembers() else None
    if known is not None:
        return [replace(known, answered_by=Built(known.commit, known.tree))]
    log = results.new_log(context.state, PACKAGE)
    announce(PACKAGE, Event("log", str(log)))
    announce(PACKAGE, Event("phase", "build"))
    script = context.repo.read(target.tree, "build.sh")
    assert script is not None, "the tree has no build.sh"
    with log.open("wb") as output:
        done = subprocess.run(
            ["/bin/sh", "-c", os.fsdecode(script)],
            env={**os.environ, "TREE": target.tree},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            check=False,
        )
    record = _record(target, str(log), passed=done.returncode == 0)
    results.save(context.state, record)
    return [record]


def _record(target: Target, log: str, *, passed: bool) -> Record:
    return Record(
        package=PACKAGE,
        engine="local",
        outcome="passed" if passed else "failed",
        tree=target.tree,
        key=target.tree,
        recipe=RECIPE,
        commit=target.commit,
        checkpoint=None,
        why_clean=None,
        sandbox="none",
        changes={},
        out=None,
        log=log,
        seconds=Seconds(),
        depth=0,
        finished=time.time(),
        target=target.kind,
        error=() if passed else ("main.c:1: error: expected `;`",),
    )


def _remembers() -> bool:
    """Whether records answer, as they do in the real one; most tests want to see each build."""
    return Path(os.environ["STAND_IN"]).with_name("remember").exists()


def _is_sandboxed(_engine: LocalEngine, _drv: Derivation) -> bool:
    """What is built here is this test's own, so there is nobody to ask for an agreement."""
    return True


if __name__ == "__main__":
    sys.executable = os.environ["STAND_IN"]
    builds.build = build
    LocalEngine.is_sandboxed = _is_sandboxed  # type: ignore[assignment, method-assign]
    sys.exit(hook_main(sys.argv[sys.argv.index("hook") + 1 :]))
