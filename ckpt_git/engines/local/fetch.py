"""``fetch``, the one command with a network. Its result is kept until a lock file changes."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

from ckpt_git.engines.files import make_folder, new_id, writing
from ckpt_git.engines.local.job import Job, failed, refuse_full_disk, run_phases
from ckpt_git.engines.local.store import seal, workspaces
from ckpt_git.engines.local.store.entries import Entry, make_durable
from ckpt_git.engines.local.workspace.sources import Workspace
from ckpt_git.engines.protocol import Realisation, SourceTree
from ckpt_git.folders import walk
from ckpt_git.model.derivation import digest
from ckpt_git.model.errors import CkptError
from ckpt_git.model.record import Seconds


def fetch(job: Job) -> Entry | Realisation:
    """What ``fetch`` brought; from the store where the lock files are the same.

    What was damaged is fetched anew under a name of its own: a build may be using the old one.
    It runs on the sources, and what it left besides them is kept. Where it fails, that is the
    whole result: the build has failed in the phase ``fetch``.
    """
    assert job.drv.fetch is not None
    prefix = f"f{_fetch_key(job)}-"
    for known in job.store.fetched(prefix):
        if (job.store.missing(known.id) or job.store.damage(known.id)) is None:
            job.store.used(known.id)
            return known
    with workspaces.new(job.store) as work:
        sources = work / "fs" / "source"
        with writing(work):
            make_folder(work / "fs")
            make_folder(sources)
            job.source.write(sources)
        workspace = Workspace(work / "fs")
        ended = run_phases(job, work, workspace, {"fetch": job.drv.fetch}, network=True)
        if ended.code != 0:
            refuse_full_disk(job)
            spent = Seconds(build=ended.ran, total=ended.prepared + ended.ran)
            return failed(job, ended, spent)
        if not is_folder(sources):
            raise CkptError(
                f"package {job.drv.name}: `fetch` replaced its source folder",
                "let it leave what it brings in there or below $XDG_CACHE_HOME",
            )
        _remove_sources(sources, job.source)
        sealed = seal.strip_setuid_and_seal(work / "fs")
        entry = Entry(
            id=f"{prefix}{new_id()}",
            owner=job.owner,
            package=job.drv.name,
            machine=job.machine,
            fetched=True,
            bytes=sealed.room,
            seconds=ended.ran,
        )
        job.store.publish(work, entry, {"fs": work / "fs", "seal": sealed.encode()})
        make_durable(job.store.entries / entry.id)
    return entry


def _fetch_key(job: Job) -> str:
    """The digest of all that a fetch depends on: its command, its lock files and tools."""
    names = (
        *("environment", "inputs", "sandbox", "machine", "toolchain"),
        *("source folder", "build folder"),
    )
    parts = {name: job.recipe.parts.get(name) for name in names}
    locks = {n: oid for n, oid in job.recipe.parts.items() if n.startswith("lock file ")}
    return digest([job.drv.fetch, parts, locks])[:10]


def is_folder(path: str | Path) -> bool:
    """Whether it is a folder itself, no link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def _remove_sources(folder: Path, source: SourceTree) -> None:
    """What is left is what was fetched. A link in place of a folder may lead out of here."""
    for path in source.manifest():
        above = folder.joinpath(path).parents
        if all(map(is_folder, takewhile(folder.__ne__, above))) and not is_folder(folder / path):
            (folder / path).unlink(missing_ok=True)
    folders = [str(folder)]
    folders += (entry.path for entry in walk(str(folder)) if entry.is_dir(follow_symlinks=False))
    for here in reversed(folders):
        try:
            os.rmdir(here)
        except OSError:
            continue
    folder.mkdir(exist_ok=True)
