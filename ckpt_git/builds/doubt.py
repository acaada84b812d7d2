"""What to make of a checkpointed build in which steps should have run again and didn't.

Whether that matters a clean build tells. What two clean builds do differently says nothing: as
in ``verify``, a second one is the control. What came to nothing is remembered, so that the same
step isn't suspected for ever.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ckpt_git.builds.compare import contents, differences
from ckpt_git.engines.protocol import Engine, Realisation
from ckpt_git.model.trace_suspicion import Suspicion


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of it: the clean build, and whether the checkpointed one gave the same; why not,
    in one line, where it didn't."""

    clean: Realisation
    same: bool
    why: str


def judge(
    engine: Engine,
    doubtful: Realisation,
    doubts: Sequence[Suspicion],
    build_clean: Callable[[str], Realisation],
) -> Judged:
    """Compare ``doubtful`` with what ``build_clean``, told why, gives."""
    said = str(doubts[0])
    more = f" (and {len(doubts) - 1} more, see the log)" if len(doubts) > 1 else ""
    before = {} if doubtful.out is None else contents(engine.installed(doubtful.out))
    clean = build_clean(f"compared with a clean build, as {said}{more}")
    if clean.outcome != "passed":
        return Judged(clean, False, f"{said}{more}; the clean build failed")
    if doubtful.out is None or clean.out is None:
        return Judged(clean, False, f"{said}{more}; it installs nothing that could be compared")
    after = contents(engine.installed(clean.out))
    found = differences(before, after)
    if found:
        again = build_clean("they differ; a second clean build tells what isn't reproducible")
        if again.outcome == "passed" and again.out is not None:
            unsteady = differences(after, contents(engine.installed(again.out)))
            found = [path for path in found if path not in unsteady]
    if not found:
        return Judged(clean, True, "")
    said = str(min(doubts, key=lambda doubt: not _is_of(doubt, found)))
    return Judged(clean, False, f"{said}{more}; {found[0]} was another one than in a clean build")


def _is_of(doubt: Suspicion, paths: Sequence[str]) -> bool:
    """Whether what may be stale has the name of one of the installed ``paths``."""
    name = posixpath.basename(doubt.target or "")
    return any(posixpath.basename(path) == name for path in paths)
