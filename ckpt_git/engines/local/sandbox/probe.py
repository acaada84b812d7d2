"""Tries out what this machine can: which sandbox, and how a build can start on a layer.

In the store itself: overlayfs and reflinks depend on its file system.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import get_args

from ckpt_git.engines.files import copy_tree
from ckpt_git.engines.local.sandbox import view
from ckpt_git.engines.local.sandbox.capabilities import SANDBOXES, Abilities, LayerMethod
from ckpt_git.engines.local.sandbox.runner import Announced, run
from ckpt_git.engines.local.store import workspaces
from ckpt_git.engines.local.store.store import Store
from ckpt_git.model.errors import CkptError, MissingError, StoreError
from ckpt_git.model.record import SandboxKind

_MARK = "@ckpt-probe"


def try_out(store: Store, forced_sandbox: str | None, forced_layers: str | None) -> Abilities:
    """Find out what to use, or whether what is forced can be. Raises ``MissingError``."""
    refused: dict[str, str] = {}
    with workspaces.new(store) as work:
        kind: SandboxKind = "none"
        for candidate in SANDBOXES:
            if forced_sandbox in (None, candidate):
                reason = _sandbox_problem(work, candidate)
                if reason is None:
                    kind = candidate
                    break
                refused[candidate] = reason
        if forced_sandbox in refused:
            raise MissingError(
                f"CKPT_SANDBOX={forced_sandbox}, but {refused[forced_sandbox]}",
                "`git ckpt doctor` shows what works here",
            )
        layers = _layer_method(work, kind, forced_layers, refused)
    return Abilities(kind, layers, refused)


def _sandbox_problem(work: Path, kind: SandboxKind) -> str | None:
    """Why a sandbox of this kind can't be had, or None; a trivial build is run in it."""
    if kind == "none":
        return None
    if kind == "bubblewrap" and shutil.which("bwrap") is None:
        return "bwrap is not installed"
    build = work / "build"
    build.mkdir(exist_ok=True)
    shown = view.view(work, build, None, (), network=False)
    plan = view.plan(kind, shown, _probe_command(), work=work, cwd="/build", env={})
    return _run_problem(plan, work / "log")


def _probe_command() -> list[str]:
    return ["/bin/sh", "-c", f"echo '{_MARK} probe'"]


def _run_problem(plan: dict[str, object], log: Path) -> str | None:
    log.write_bytes(b"")
    try:
        ended = run(
            plan, Announced(_MARK, ("probe",)), log=log, listener=lambda _: None, timeout=20
        )
    except MissingError as error:
        return error.what
    if ended.code == 0 and ended.phase == "probe":
        return None
    said = log.read_text(errors="replace").strip().splitlines()
    return said[-1] if said else f"a trial ended with {ended.code}"


def _layer_method(
    work: Path, kind: SandboxKind, forced: str | None, refused: dict[str, str]
) -> LayerMethod:
    for method in get_args(LayerMethod):
        if forced not in (None, method):
            continue
        reason = _layer_problem(work, kind, method)
        if reason is None:
            found: LayerMethod = method
            return found
        refused[method] = reason
    raise MissingError(
        f"CKPT_LAYERS={forced}, but {refused.get(str(forced), 'it is unknown')}",
        "`git ckpt doctor` shows what works here",
    )


def _layer_problem(work: Path, kind: SandboxKind, method: LayerMethod) -> str | None:
    if method == "copy":
        return None
    if method == "overlay":
        if kind == "none":
            return "overlayfs needs namespaces, as the sandbox does"
        return _overlay_problem(work, kind)
    origin = work / "reflink"
    origin.write_bytes(b"shared" * 4096)
    try:
        copy_tree(origin, work / "reflink.copy", reflink="always")
    except (StoreError, CkptError) as error:
        return error.what
    return None


def _overlay_problem(work: Path, kind: SandboxKind) -> str | None:
    """Mount one, change and delete a file of the lower layer in it, and look at the result."""
    for name in ("lower/source", "upper", "overlay", "merged"):
        (work / name).mkdir(parents=True, exist_ok=True)
    (work / "lower/source/file").write_text("lower")
    (work / "lower/source/gone").write_text("lower")
    shown = view.view(work, work / "merged", None, (), network=False)
    command = ["/bin/sh", "-c", f"echo '{_MARK} probe'; echo upper >source/file; rm source/gone"]
    plan = view.plan(kind, shown, command, work=work, cwd="/build", env={"PATH": os.defpath})
    plan["overlay"] = {
        "cwd": str(work),
        "lowers": ["lower"],
        "upper": str(work / "upper"),
        "work": str(work / "overlay"),
        "target": str(work / "merged"),
    }
    problem = _run_problem(plan, work / "log")
    if problem is None and (work / "lower/source/file").read_text() != "lower":
        return "a write reached the lower layer"
    if problem is None and not (work / "upper/source/file").exists():
        return "a write didn't reach the upper layer"
    return problem
