"""Carry out a plan: build from its checkpoint, and from nothing where that result can't be used.

A clean build confirms a failure from a checkpoint. If the checkpoint turns out to be damaged, its
result is thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ckpt_git.builds import finish
from ckpt_git.builds.checkpoints import distrust
from ckpt_git.deferred import Deferred
from ckpt_git.engines.protocol import (
    Announce,
    Engine,
    Event,
    EventKind,
    Listener,
    Realisation,
    Start,
)
from ckpt_git.lazy_imports import load
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation
from ckpt_git.model.record import Record
from ckpt_git.model.report.relocation import Relocation
from ckpt_git.records import checkpoints, results

if TYPE_CHECKING:
    from ckpt_git.builds.context import Context
    from ckpt_git.builds.plan import Plan


class Attempt:
    """One build of one package without a record: first from the checkpoint, then from nothing."""

    def __init__(
        self, context: Context, made: Plan, announce: Announce, *, looked_up: float
    ) -> None:
        self.context = context
        self.plan = made
        self.began = time.monotonic() - looked_up
        self.looked_up = looked_up
        self.log = results.new_log(context.state, made.package.name)
        self._announce = announce
        self._importing: Deferred[None] | None = None
        self._tell("log", str(self.log))

    def record(self) -> Record:
        """Build, and keep the record of it."""
        start = self.plan.choice.start
        if start is None:
            return self._keep(self._realise(None), None, self.plan.choice.why_clean)
        result = self._realise(start)
        if result.distrust is not None:
            why = f"the checkpoint was damaged: {result.distrust}"
            self._drop_damaged()
            return self._again(why)
        if result.needs_clean is not None:
            return self._again(result.needs_clean)
        if result.outcome == "passed" or result.timed_out:
            return self._keep(result, start, None, confirmed=result.outcome == "passed")
        seen = self._keep(result, start, None, confirmed=False)
        return self._confirm(start, seen, by_chance=finish.inconclusive(result))

    def _confirm(self, start: Start, failed: Record, *, by_chance: bool) -> Record:
        """A build from a checkpoint failed, and the checkpoint may be the reason. Report the error
        at once, and let a clean build decide. A failure that may be due to the moment says nothing
        of the checkpoint."""
        self._tell("failed", f"failed from the checkpoint: {failed.reason}")
        for line in failed.error:
            self._tell("error", line)
        result = self._again_clean("confirming with a clean build")
        why = f"the build from the checkpoint failed ({failed.reason})"
        if result.outcome == "passed" and not by_chance:
            why += ", the clean one passed: the checkpoint was removed"
            distrust.distrust_base(self.context, start.checkpoint)
        return self._keep(result, None, why)

    def _again(self, why: str) -> Record:
        return self._keep(self._again_clean(why), None, why)

    def _again_clean(self, why: str) -> Realisation:
        self._tell("note", why)
        self._note([why])
        return self._realise(None)

    def _note(self, lines: Iterable[str]) -> None:
        """Say something in the log."""
        with self.log.open("a", encoding="utf-8", errors="surrogateescape") as log:
            log.writelines(f"=== {line}\n" for line in lines)

    def _realise(self, start: Start | None) -> Realisation:
        made = self.plan
        return made.engine.realise(
            made.drv,
            made.source,
            made.recipe,
            commit=made.target.commit,
            start=start,
            log=self.log,
            listener=self._listener(),
        )

    def _keep(
        self,
        result: Realisation,
        start: Start | None,
        why_clean: str | None,
        *,
        confirmed: bool = True,
    ) -> Record:
        ending = finish.Ending(
            plan=self.plan,
            result=result,
            start=start,
            why_clean=why_clean,
            log=self.log,
            began=self.began,
            looked_up=self.looked_up,
        )
        return finish.keep(self.context, ending, self._relocation(), confirmed=confirmed)

    def _relocation(self) -> Relocation:
        return relocation(self.context, self.plan.engine, self.plan.drv)

    def _listener(self) -> Listener:
        moved = self._relocation()

        def on_event(event: Event) -> None:
            if event.kind == "phase" and self._importing is None:
                self._importing = Deferred(lambda: load(finish))
            text = moved.line(event.text) if event.kind == "line" else event.text
            self._announce(self.plan.package.name, Event(event.kind, text))

        return on_event

    def _tell(self, kind: EventKind, text: str) -> None:
        self._announce(self.plan.package.name, Event(kind, text))

    def _drop(self, checkpoint: Checkpoint) -> None:
        checkpoints.drop(self.context.state, checkpoint)
        self.plan.engine.artifacts.discard(checkpoint)

    def _drop_damaged(self) -> None:
        """Remove all checkpoints of the package that are damaged: it may be more than one."""
        for checkpoint in checkpoints.listed(self.context.state, self.plan.package.name):
            if self.plan.engine.artifacts.damage(checkpoint) is not None:
                self._drop(checkpoint)


def relocation(context: Context, engine: Engine, drv: Derivation) -> Relocation:
    """How to replace a build's paths in its messages by the user's."""
    top = context.repo.top
    if top is None:
        return Relocation(engine.source_path(drv), "", lambda _: False)
    own = top / drv.source.folder if drv.source.folder != "." else top
    source = context.repo.source(drv.source.tree, drv.source.folder)
    return Relocation(
        engine.source_path(drv), str(own), lambda path: (own / path).exists(), source.manifest
    )
