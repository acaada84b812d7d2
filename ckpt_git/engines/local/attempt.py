"""One build of the local engine, from an empty workspace to a published layer and output."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_git.engines.local import layers, run, sandbox, seal, system
from ckpt_git.engines.local.configure import why_configure
from ckpt_git.engines.local.dirtied import dirtied
from ckpt_git.engines.local.later import Later
from ckpt_git.engines.local.places import Place, occupied, place_of
from ckpt_git.engines.local.probe import Abilities
from ckpt_git.engines.local.store import Layer, Store, new_id, writing
from ckpt_git.engines.protocol import Listener, Realisation, SourceTree, Start
from ckpt_git.model.checkpoint import Checkpoint
from ckpt_git.model.derivation import PHASES, Derivation, Recipe, digest
from ckpt_git.model.record import Seconds

_SIGNALLED = 128  # a shell's exit code for a signal is this and its number
_NOT_FOUND = re.compile(
    r"^(?:.*: )?(?:line \d+|sh|env|\d+|make(?:\[\d+\])?): '?([\w.+/-]+)'?: "
    r"(?:command not found|not found|No such file or directory)"
)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be built, from where, and who listens."""

    store: Store
    able: Abilities
    drv: Derivation
    source: SourceTree
    recipe: Recipe
    commit: str | None
    start: Start | None
    log: Path
    listener: Listener

    @property
    def place(self) -> Place:
        return place_of(self.store, self.drv, self.able.sandbox)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of this build's sandbox, if there is something."""
        if self.able.sandbox != "none":
            return ()
        why = "; ".join(f"{name}: {reason}" for name, reason in self.able.refused.items()
                        if name in {"bubblewrap", "namespaces"})  # fmt: skip
        return (f"built without a sandbox ({why or 'as CKPT_SANDBOX=none asks'})",)


def build(job: Job, fetched: Layer | None, path: str) -> Realisation:
    """Run the derivation's phases; publish what they leave where they passed.

    ``path`` is the PATH of the build. While it runs, the layers that it started on are checked:
    what a damaged one gave must not be used.
    """
    with job.store.workspace() as work:
        base = job.store.layer(job.start.checkpoint.id) if job.start else fetched
        checked = Later(lambda: None if base is None else job.store.damage(base))
        began = time.monotonic()
        ground = layers.prepare(job.store, job.able.layers, work, job.source, job.start, fetched)
        prepared = time.monotonic() - began
        ended = _run(job, work, ground, _phases(job), path, network=False)
        seconds = Seconds(materialise=prepared + ended.prepared, build=ended.ran)
        damage = checked.value()
        if damage is not None or ended.code != 0:
            return Realisation(
                outcome="failed",
                sandbox=job.able.sandbox,
                out=None,
                seconds=seconds,
                failed_phase=ended.phase,
                reason=None if damage else _reason(job, ended),
                distrust=damage,
                missing=_missing_program(job.log, path) if damage is None else None,
                timed_out=ended.timed_out,
                warnings=job.warnings,
            )
        return _publish(job, work, ground, ended.stamp, seconds)


def fetch(job: Job, path: str) -> Layer | Realisation:
    """What ``fetch`` brought, as a layer; from the store where the lock files are the same.

    It runs on the sources, and what it left besides them is kept. Where it fails, that is the
    whole result: the build has failed in the phase ``fetch``.
    """
    assert job.drv.fetch is not None
    layer_id = "f" + _fetch_key(job)
    known = job.store.layer(layer_id)
    if known is not None and (job.store.missing(layer_id) or job.store.damage(known)) is None:
        return known
    job.store.drop_layer(layer_id)
    with job.store.workspace() as work:
        (work / "fs").mkdir()
        sources = work / "fs" / "source"
        sources.mkdir()
        job.source.write(sources)
        ground = layers.Ground(work / "fs", ())
        ended = _run(job, work, ground, {"fetch": job.drv.fetch}, path, network=True)
        if ended.code != 0:
            return Realisation(
                outcome="failed",
                sandbox=job.able.sandbox,
                out=None,
                seconds=Seconds(build=ended.ran, total=ended.prepared + ended.ran),
                failed_phase="fetch",
                reason=_reason(job, ended),
                missing=_missing_program(job.log, path),
                warnings=job.warnings,
            )
        _remove_sources(sources, job.source)
        sealed = seal.take(work / "fs")
        layer = Layer(
            id=layer_id,
            lowers=(),
            owner=str(job.drv.source.repository),
            package=job.drv.name,
            newest_mtime_ns=sealed.newest_mtime_ns,
        )
        with suppress(FileExistsError):  # another build has fetched the same meanwhile
            job.store.publish_layer(work, layer, sealed, {})
    found = job.store.layer(layer_id)
    assert found is not None
    return found


def _fetch_key(job: Job) -> str:
    """What a fetch depends on: its command, the lock files, and what it may compile with."""
    names = ("environment", "inputs", "sandbox", "toolchain", "source folder", "build folder")
    parts = {name: job.recipe.parts.get(name) for name in names}
    locks = {n: oid for n, oid in job.recipe.parts.items() if n.startswith("lock file ")}
    return digest([job.drv.fetch, parts, locks])[:10]


def _remove_sources(folder: Path, source: SourceTree) -> None:
    for path in source.manifest():
        (folder / path).unlink(missing_ok=True)
    for here, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(here)
        except OSError:
            continue
    folder.mkdir(exist_ok=True)


def _phases(job: Job) -> Mapping[str, str]:
    """The phases to run: all, or all but ``configure`` where the checkpoint's still holds."""
    phases = {name: job.drv.phases[name] for name in PHASES if name in job.drv.phases}
    if job.start is None or "configure" not in phases:
        return phases
    reason = why_configure(job.start.diff, job.source)
    if reason is None:
        del phases["configure"]
    return phases


def _run(
    job: Job,
    work: Path,
    ground: layers.Ground,
    phases: Mapping[str, str],
    path: str,
    *,
    network: bool,
) -> run.Ended:
    """Run ``phases`` on ``ground`` in the job's kind of sandbox."""
    place, kind = job.place, job.able.sandbox
    with writing(work):
        (work / "out").mkdir(exist_ok=True)
        (work / "tmp").mkdir(exist_ok=True)
    env = system.environment(
        job.drv,
        top=place.top,
        out=place.out,
        tmp="/tmp" if place.host is None else str(work / "tmp"),  # noqa: S108 - the sandbox's
        cores=len(os.sched_getaffinity(0)),
        path=path,
    )
    if network:
        env = {**system.fetch_environment(os.environ), **env}
    command, mark = run.command(phases)
    shown = None
    if kind != "none":
        out = (work / "out", place.out)
        shown = sandbox.view(work, ground.build, out, job.drv.inputs, network=network)
    with occupied(place, work):
        plan = sandbox.plan(kind, shown, command, work=work, cwd=place.source, env=env)
        plan["limits"] = {
            "memory": job.drv.limits.memory,
            "processes": job.drv.limits.processes,
        }
        plan["overlay"], plan["apply"] = ground.overlay, _at(ground.apply, place)
        return run.run(
            plan, mark, log=job.log, listener=job.listener, timeout=job.drv.limits.timeout
        )


def _at(order: dict[str, Any] | None, place: Place) -> dict[str, Any] | None:
    """The order to change the sources, where they lie while the build runs."""
    if order is None or place.host is None:
        return order
    return {**order, "folder": place.source}


def _publish(
    job: Job, work: Path, ground: layers.Ground, stamp: int, seconds: Seconds
) -> Realisation:
    """Publish the layer and the output of a passed build."""
    entry = new_id()
    out = None
    if any((work / "out").iterdir()):
        out = job.store.publish_output(work, entry, job.drv.name)
    sealed, problem = _seal(work)
    checkpoint = None
    if sealed is not None:
        checkpoint = _publish_layer(job, work, ground, stamp or ground.stamp or 0, sealed, entry)
    return Realisation(
        outcome="passed",
        sandbox=job.able.sandbox,
        out=out,
        seconds=seconds,
        artifacts=checkpoint,
        no_base=problem,
        warnings=job.warnings,
    )


def _seal(work: Path) -> tuple[seal.Seal | None, str | None]:
    """The seal of what the build left, or why it can't be a base."""
    try:
        sealed = seal.take(work / "fs")
    except PermissionError as error:
        return None, f"the build left {error.filename} unreadable"
    if sealed.newest_mtime_ns > time.time_ns():
        return None, "the build left files that are dated in the future"
    return sealed, None


def _publish_layer(
    job: Job, work: Path, ground: layers.Ground, stamp: int, sealed: seal.Seal, entry: str
) -> Checkpoint:
    manifest = job.source.manifest()
    base = job.start.checkpoint if job.start is not None else None
    copied_from: dict[str, int] = {}
    if base is not None and ground.overlay is None:
        copied_from = job.store.mtimes(base.id)
    newest = max(sealed.newest_mtime_ns, base.newest_mtime_ns if base is not None else 0)
    layer = Layer(
        id=entry,
        lowers=ground.lowers,
        owner=str(job.drv.source.repository),
        package=job.drv.name,
        newest_mtime_ns=newest,
        dirtied=dirtied(work, ground, stamp, sealed, copied_from, job.source, manifest),
    )
    job.store.publish_layer(work, layer, sealed, manifest)
    job.store.make_durable(layer.id)
    return Checkpoint(
        id=entry,
        package=job.drv.name,
        engine="local",
        tree=job.source.tree,
        commit=job.commit,
        folder=job.drv.source.folder,
        recipe=job.recipe,
        conversions=job.source.conversions,
        depth=0 if base is None else base.depth + 1,
        newest_mtime_ns=newest,
        created=time.time(),
    )


def _reason(job: Job, ended: run.Ended) -> str:
    """Why the build failed, in a few words."""
    phase = ended.phase or "the start of the sandbox"
    if ended.timed_out:
        return f"{phase} took longer than the {job.drv.limits.timeout:g} s of its `timeout`"
    if ended.code > _SIGNALLED or ended.code < 0:
        number = ended.code - _SIGNALLED if ended.code > 0 else -ended.code
        return f"{phase} was killed by signal {number}"
    return f"{phase} ended with {ended.code}"


def _missing_program(log: Path, path: str) -> str | None:
    """The program that a failed build looked for in vain, where its last words say so."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        last = file.read().decode(errors="replace").splitlines()
    for line in reversed(last[-12:]):
        found = _NOT_FOUND.match(line)
        if found and "/" not in found[1] and shutil.which(found[1], path=path) is None:
            return found[1]
    return None
