"""What this machine can: which sandbox, and how a build can start on a layer.

Found out by trying, in the store itself (overlayfs and reflinks depend on its file system), and
remembered until the machine is restarted or what was tried changes.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from ckpt_git.engines.files import writing
from ckpt_git.engines.local import sandbox
from ckpt_git.engines.local.run import Announced, run
from ckpt_git.engines.local.store import Store, copy_tree
from ckpt_git.model.errors import CkptError, MissingError, StoreError, UsageError
from ckpt_git.model.record import SandboxKind

LayerMethod = Literal["overlay", "reflink", "copy"]
_SANDBOXES: tuple[SandboxKind, ...] = ("bubblewrap", "namespaces", "none")
_MARK = "@ckpt-probe"


@dataclass(frozen=True, slots=True)
class Abilities:
    """The sandbox and the layer method to use, and why no better ones (by name)."""

    sandbox: SandboxKind
    layers: LayerMethod
    refused: Mapping[str, str]


def abilities(store: Store, environment: Mapping[str, str]) -> Abilities:
    """What to use here; ``CKPT_SANDBOX`` and ``CKPT_LAYERS`` in ``environment`` force a choice.

    Raises ``UsageError`` for a forced name that doesn't exist and ``MissingError`` for one
    that this machine can't.
    """
    forced = (
        _forced(environment, "CKPT_SANDBOX", _SANDBOXES),
        _forced(environment, "CKPT_LAYERS", get_args(LayerMethod)),
    )
    key = _key(forced)
    remembered = store.root / "abilities.json"
    try:
        data = json.loads(remembered.read_bytes())
        if data["key"] == key:
            return Abilities(**data["abilities"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with writing(store.root):
        found = _try(store, *forced)
        # Two threads of one process may ask at once.
        aside = remembered.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        aside.write_text(json.dumps({"key": key, "abilities": asdict(found)}))
        aside.rename(remembered)
    return found


def _forced(environment: Mapping[str, str], name: str, known: tuple[str, ...]) -> str | None:
    value = environment.get(name)
    if value is not None and value not in known:
        raise UsageError(f"{name}={value}: no such choice", f"use one of {', '.join(known)}")
    return value


def _key(forced: tuple[str | None, str | None]) -> list[object]:
    bwrap = shutil.which("bwrap")
    boot = Path("/proc/sys/kernel/random/boot_id")
    return [
        *forced,
        os.geteuid(),
        os.uname().release,
        boot.read_text() if boot.exists() else "",
        bwrap,
        os.stat(bwrap).st_mtime_ns if bwrap else 0,
        [_read(f"/proc/sys/{name}") for name in (
            "user/max_user_namespaces",
            "kernel/unprivileged_userns_clone",
            "kernel/apparmor_restrict_unprivileged_userns",
        )],
    ]  # fmt: skip


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _try(store: Store, forced_sandbox: str | None, forced_layers: str | None) -> Abilities:
    refused: dict[str, str] = {}
    with store.workspace() as work:
        kind: SandboxKind = "none"
        for candidate in _SANDBOXES:
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
    shown = sandbox.view(work, build, None, (), network=False)
    plan = sandbox.plan(kind, shown, _probe_command(), work=work, cwd="/build", env={})
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
    shown = sandbox.view(work, work / "merged", None, (), network=False)
    command = ["/bin/sh", "-c", f"echo '{_MARK} probe'; echo upper >source/file; rm source/gone"]
    plan = sandbox.plan(kind, shown, command, work=work, cwd="/build", env={"PATH": os.defpath})
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
