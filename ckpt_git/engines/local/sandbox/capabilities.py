"""What this machine can: which sandbox, and how a build can start on a layer.

Found out by trying (``probe``), and remembered until the machine is restarted or what was tried
changes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ckpt_git.engines.files import writing
from ckpt_git.engines.local.host import which
from ckpt_git.engines.local.sandbox import probe
from ckpt_git.kept_files import decode_json, encode_json, read_kept, replace
from ckpt_git.model.errors import UsageError

if TYPE_CHECKING:
    from ckpt_git.engines.local.store.store import Store
    from ckpt_git.model.record import SandboxKind

LayerMethod = Literal["overlay", "reflink", "copy"]
SANDBOXES: tuple[SandboxKind, ...] = ("bubblewrap", "namespaces", "none")


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
        _forced(environment, "CKPT_SANDBOX", SANDBOXES),
        _forced(environment, "CKPT_LAYERS", get_args(LayerMethod)),
    )
    key = _key(forced)
    remembered = store.root / "abilities.json"
    try:
        data = decode_json(read_kept(remembered))
        if data["key"] == key:
            return Abilities(**data["abilities"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    # Once until the next restart.

    with writing(store.root):
        found = probe.try_out(store, *forced)
        # Two threads of one process may ask at once.
        aside = remembered.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        aside.write_bytes(encode_json({"key": key, "abilities": asdict(found)}))
        replace(aside, remembered)
    return found


def _forced(environment: Mapping[str, str], name: str, known: tuple[str, ...]) -> str | None:
    value = environment.get(name)
    if value is not None and value not in known:
        raise UsageError(f"{name}={value}: no such choice", f"use one of {', '.join(known)}")
    return value


def _key(forced: tuple[str | None, str | None]) -> list[object]:
    bwrap = which("bwrap", os.environ.get("PATH", os.defpath))
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
