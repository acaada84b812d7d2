"""One build of the Nix engine, from the evaluation to what is kept of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ckpt_git.engines.files import new_id
from ckpt_git.engines.nix.evaluation import Evaluation, Instantiated
from ckpt_git.engines.nix.realise import Ended, realise
from ckpt_git.engines.nix.saved_builds import Kept, Meta
from ckpt_git.engines.nix.tools import Nix
from ckpt_git.engines.protocol import Event, Listener, Realisation, SourceTree, Start
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.record import Seconds

# What the library notes in a checkpoint: ckpt_git/nix/shell/save.sh and begin.sh.
_NONE = "none"
_NAMES_ITSELF = "compressed-naming-outputs"
_NEWEST = "checkpoint/newest"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be built, from where, and who listens."""

    nix: Nix
    kept: Kept
    evaluation: Evaluation
    drv: Derivation
    source: SourceTree
    recipe: Recipe
    commit: str | None
    start: Start | None
    log: Path
    listener: Listener


@dataclass(frozen=True, slots=True)
class _Made:
    """A build that passed: the package and, where later builds can start from it, its checkpoint;
    ``no_base`` says why not."""

    output: Instantiated
    checkpoint: Instantiated | None
    no_base: str | None
    ended: Ended


def build(job: Job) -> Realisation:
    """Build the package, and the checkpoint for the next build; keep both where they passed.

    Raises ``MissingError`` where Nix can't build at all, and what an evaluation raises.
    """
    began = time.monotonic()
    with job.kept.new(job.drv.name) as entry:
        attempt = _Attempt(job, entry)
        made = attempt.clean() if job.start is None else attempt.checkpointed(job.start)
        spent = Seconds(
            total=time.monotonic() - began, materialise=attempt.evaluated, build=attempt.built
        )
        if isinstance(made, Ended):
            return _not_passed(job, made, spent)
        return Realisation(
            outcome="passed",
            sandbox="nix",
            out=job.nix.physical(made.output.outputs[made.output.main]),
            seconds=spent,
            artifacts=_keep(job, entry, made),
            no_base=made.no_base,
            warnings=made.ended.warnings,
        )


class _Attempt:
    """The steps of one build; ``evaluated`` and ``built`` are the seconds spent on either."""

    def __init__(self, job: Job, entry: Path) -> None:
        self.evaluated = 0.0
        self.built = 0.0
        self._job = job
        self._entry = entry
        limit = job.drv.limits.timeout
        self._deadline = None if limit is None else time.monotonic() + limit

    def clean(self) -> _Made | Ended:
        """The recipe as it stands, from nothing; and its checkpoint, by the same build or, where
        the library can't do that, by one of its own.

        What was built clean before is built anew: Nix would hand out what it has.
        """
        job, began = self._job, time.monotonic()
        before = job.kept.has_clean(job.drv.name, job.source.tree, job.recipe.id)
        output, checkpoint = job.evaluation.clean(new_id() if before else None)
        self.evaluated = time.monotonic() - began
        ended = self._realise(output, "out", checkpointed=False)
        if not ended.passed:
            return ended
        if checkpoint is None:
            return _Made(output, None, job.evaluation.why_no_checkpoint(), ended)
        if checkpoint.drv == output.drv:
            no_base = self._why_no_base(checkpoint)
        else:
            no_base = self._prepare(checkpoint)
        return _Made(output, None if no_base else checkpoint, no_base, ended)

    def checkpointed(self, start: Start) -> _Made | Ended:
        """The package and the next checkpoint, from the one to start from. Where that takes two
        builds, the checkpoint's comes first and compiles what changed."""
        job, began = self._job, time.monotonic()
        meta = job.kept.meta(start.checkpoint.package, start.checkpoint.id)
        if meta is None or meta.checkpoint is None:
            return Ended(None, None, 0.0, unused="the checkpoint is gone")
        output, checkpoint = job.evaluation.checkpointed(meta.checkpoint)
        self.evaluated = time.monotonic() - began
        if checkpoint.drv != output.drv:
            ended = self._realise(checkpoint, "checkpoint", checkpointed=True)
            if not ended.passed:
                return ended
        ended = self._realise(output, "out", checkpointed=True)
        if not ended.passed:
            return ended
        no_base = self._why_no_base(checkpoint)
        return _Made(output, None if no_base else checkpoint, no_base, ended)

    def _prepare(self, checkpoint: Instantiated) -> str | None:
        """Make a clean build's checkpoint; why there is none. It says nothing new: its log goes."""
        self._job.listener(Event("note", "its checkpoint, by a build of its own"))
        log = self._entry / "checkpoint.log"
        ended = self._realise(checkpoint, "checkpoint", checkpointed=False, log=log)
        if ended.passed:
            log.unlink(missing_ok=True)
            return self._why_no_base(checkpoint)
        return f"the build of its checkpoint failed ({ended.reason})"

    def _why_no_base(self, checkpoint: Instantiated) -> str | None:
        """Why the library would refuse to start from what was built."""
        about = self._job.nix.physical(checkpoint.outputs[checkpoint.main]) / "checkpoint"
        none = _read(about / _NONE)
        if none:
            return none
        names = _read(about / _NAMES_ITSELF)
        if names:
            first = names.split("\0")[0].removeprefix("./")
            return f"{first} is compressed and names the build's own output"
        return None

    def _realise(
        self, drv: Instantiated, root: str, *, checkpointed: bool, log: Path | None = None
    ) -> Ended:
        quiet = log is not None
        ended = realise(
            self._job.nix,
            drv,
            self._entry / root,
            log=log or self._job.log,
            listener=_ignore if quiet else self._job.listener,
            deadline=self._deadline,
            checkpointed=checkpointed,
        )
        self.built += ended.seconds
        return ended


def _not_passed(job: Job, ended: Ended, spent: Seconds) -> Realisation:
    reason = ended.reason
    if ended.timed_out:
        reason = f"{reason}: longer than the {job.drv.limits.timeout:g} s of its `timeout`"
    return Realisation(
        outcome="failed",
        sandbox="nix",
        out=None,
        seconds=spent,
        failed_phase=ended.phase or "build",
        reason=reason,
        timed_out=ended.timed_out,
        needs_clean=ended.unused,
        warnings=ended.warnings,
    )


def _keep(job: Job, entry: Path, made: _Made) -> Checkpoint | None:
    """Keep what was made; the checkpoint for the next build, if it can be one."""
    path = None if made.checkpoint is None else made.checkpoint.outputs[made.checkpoint.main]
    meta = Meta(
        tree=job.source.tree,
        recipe=job.recipe.id,
        clean=job.start is None,
        main=made.output.main,
        outputs=made.output.outputs,
        checkpoint=path,
        options=job.nix.options,
        store=job.nix.store,
    )
    job.kept.publish(entry, meta, job.source.manifest())
    if path is None:
        return None
    return Checkpoint(
        id=entry.name,
        package=job.drv.name,
        engine="nix",
        tree=job.source.tree,
        commit=job.commit,
        folder=job.drv.source.folder,
        recipe=job.recipe,
        depth=0 if job.start is None else job.start.checkpoint.depth + 1,
        newest_mtime_ns=_newest(job.nix.physical(path)),
        created=time.time(),
        built_on=() if job.start is None else job.start.checkpoint.bases,
    )


def _read(note: Path) -> str:
    """A note of the library's; empty where there is none, or where it lies elsewhere: then the next
    build will tell."""
    try:
        return note.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _newest(checkpoint: Path) -> int:
    """The newest mtime (ns) in a checkpoint, as the library noted it; now, where that can't be
    read: nothing in it is newer."""
    try:
        seconds, _, rest = (checkpoint / _NEWEST).read_text().strip().partition(".")
        return int(seconds) * 1_000_000_000 + int(rest.ljust(9, "0")[:9] or 0)
    except (OSError, ValueError):
        return time.time_ns()


def _ignore(_: Event) -> None:
    """Nobody listens."""
