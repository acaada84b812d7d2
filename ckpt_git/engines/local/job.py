"""What is to be built, and how its phases are run: what builds and fetches share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ckpt_git.engines.files import make_folder, writing
from ckpt_git.engines.local import host
from ckpt_git.engines.local.sandbox import runner, view
from ckpt_git.engines.local.sandbox.build_paths import Place, occupied, place_of
from ckpt_git.engines.local.sandbox.capabilities import Abilities
from ckpt_git.engines.local.store.store import Store
from ckpt_git.engines.local.workspace.sources import Workspace
from ckpt_git.engines.protocol import Listener, Realisation, SourceTree, Start
from ckpt_git.model.derivation import Derivation, Recipe
from ckpt_git.model.errors import StoreError
from ckpt_git.model.record import Seconds

if TYPE_CHECKING:
    from ckpt_git.watch.program import Programs
    from ckpt_git.watch.session import Session

_TAIL = 4096  # bytes of the log that hold a run's last words
_ROOM = 1 << 16  # bytes; with less than that no build gets far
_NO_ROOM = ("No space left on device", "Disk quota exceeded")  # errno(3), in the C locale
_SIGNALLED = 128  # a shell's exit code for a signal is this and its number
_NOT_FOUND = re.compile(
    r"^(?:.*: )?(?:line \d+|sh|env|\d+|make(?:\[\d+\])?): ['‘]?([\w.+/-]+)['’]?: "  # noqa: RUF001
    r"(?:command not found|not found|No such file or directory)"
)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be built, from where, and who listens. ``path`` is the PATH of the build.

    ``programs`` watch it; ``unwatched`` says why there are none although it is to be watched.
    """

    store: Store
    able: Abilities
    drv: Derivation
    source: SourceTree
    recipe: Recipe
    commit: str | None
    start: Start | None
    log: Path
    listener: Listener
    path: str
    programs: Programs | None = None
    unwatched: str | None = None

    @property
    def place(self) -> Place:
        return place_of(self.store, self.drv, self.able.sandbox)

    @property
    def machine(self) -> str:
        """See ``Entry``."""
        return self.recipe.parts["machine"]

    @property
    def owner(self) -> str:
        """See ``Entry``."""
        return str(self.drv.source.repository)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of this build's sandbox and of its trace, if there is something."""
        unwatched = () if self.unwatched is None else (f"not watched: {self.unwatched}",)
        if self.able.sandbox != "none":
            return unwatched
        why = "; ".join(f"{name}: {reason}" for name, reason in self.able.refused.items()
                        if name in {"bubblewrap", "namespaces"})  # fmt: skip
        return (f"built without a sandbox ({why or 'as CKPT_SANDBOX=none asks'})", *unwatched)


def run_phases(
    job: Job,
    work: Path,
    workspace: Workspace,
    phases: Mapping[str, str],
    *,
    network: bool = False,
    env: Mapping[str, str] | None = None,
    session: Session | None = None,
    stage: runner.Stage | None = None,
) -> runner.Ended:
    """Run ``phases`` in ``workspace``, in the job's kind of sandbox. ``env`` is added to the
    build's environment; ``session`` has the run watched; ``stage`` was started for it. Raises
    ``MissingError`` and ``StoreError`` where they can't be run."""
    place, kind = job.place, job.able.sandbox
    with writing(work):
        make_folder(work / "out")
        make_folder(work / "tmp")
    whole = host.environment(
        job.drv,
        top=place.top,
        out=place.out,
        tmp=place.tmp,
        cores=len(os.sched_getaffinity(0)),
        path=job.path,
    )
    whole |= env or {}
    if network:
        whole = {**host.fetch_environment(os.environ), **whole}
    processes = job.drv.limits.processes if kind != "none" else None
    command, announced = runner.command(phases, processes)
    shown = None
    if kind != "none":
        out = (work / "out", place.out)
        shown = view.view(work, workspace.build, out, job.drv.inputs, network=network)
    if session is not None:
        command = session.launch(command)
        if shown is None:
            whole["LD_PRELOAD"] = session.preload
        else:
            binds = (*shown.binds, *session.binds)
            shown = replace(shown, binds=binds, preload=session.preload)
    with occupied(place, work):
        plan = view.plan(kind, shown, command, work=work, cwd=place.source, env=whole)
        plan["limits"] = {"memory": job.drv.limits.memory}
        plan["overlay"] = workspace.overlay
        return runner.run(
            plan,
            announced,
            log=job.log,
            listener=job.listener,
            timeout=job.drv.limits.timeout,
            session=session,
            stage=stage,
        )


def note(job: Job, notes: Iterable[str]) -> None:
    """Say something in the log: what was done to the checkpoint, for one."""
    if notes:
        with job.log.open("a", encoding="utf-8", errors="surrogateescape") as log:
            log.writelines(f"=== {note}\n" for note in notes)


def failed(job: Job, ended: runner.Ended, seconds: Seconds) -> Realisation:
    """The result of a run that failed, with what its log tells of the reason."""
    return Realisation(
        outcome="failed",
        sandbox=job.able.sandbox,
        out=None,
        seconds=seconds,
        failed_phase=ended.phase,
        reason=_reason(job, ended),
        missing=_missing_program(job.log, job.path),
        timed_out=ended.timed_out,
        warnings=job.warnings,
    )


def _reason(job: Job, ended: runner.Ended) -> str:
    """Why the build failed, in a few words."""
    phase = ended.phase or "the start of the sandbox"
    if ended.timed_out:
        return f"{phase} took longer than the {job.drv.limits.timeout:g} s of its `timeout`"
    if ended.code > _SIGNALLED or ended.code < 0:
        number = ended.code - _SIGNALLED if ended.code > 0 else -ended.code
        return f"{phase} was killed by signal {number}"
    return f"{phase} ended with {ended.code}"


def refuse_full_disk(job: Job) -> None:
    """Raise ``StoreError`` where a run failed for want of room: the tree isn't at fault.

    The compiler that found no room has removed its file again, so its words tell more than
    what is free now.
    """
    free = os.statvfs(job.store.tmp)
    nothing = free.f_bavail * free.f_frsize < _ROOM or (free.f_files > 0 and free.f_favail == 0)
    little = free.f_bavail < free.f_blocks // 4
    if nothing or (little and any(words in _last_words(job.log) for words in _NO_ROOM)):
        raise StoreError(
            f"there was no room left in {job.store.root} for the build",
            "free some space there, or set CKPT_STORE to a folder on another disk",
        )


def _last_words(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        return file.read().decode(errors="replace")


def _missing_program(log: Path, path: str) -> str | None:
    """The program that a failed build looked for in vain, where its last words say so."""
    for line in reversed(_last_words(log).splitlines()[-12:]):
        found = _NOT_FOUND.match(line)
        if found and "/" not in found[1] and host.which(found[1], path) is None:
            return found[1]
    return None
