"""What a build may see and touch, and how it is shut in: bubblewrap, namespaces, or not at all.

A ``View`` says what lies where; each kind of sandbox turns it into its part of the plan that
``init.py`` carries out. Only what a build needs of the system is there at all: binding the
root read-only would leave every unix socket of the machine within reach (a container engine's,
for one).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_git.engines.local import host
from ckpt_git.engines.local.sandbox import refused
from ckpt_git.model.record import SandboxKind

BUILD_UID, BUILD_GID = 1000, 100  # those of Nix' builders, so that no build runs as root
# Settings of the kernel that the first user of the machine owns: mapped to another id that user
# still does, and a sandbox of root's could write them (systemd.exec(5), ProtectKernelTunables=).
_COVERED = tuple(
    f"/proc/{name}"
    for name in ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "mtrr", "scsi", "asound")
)
# A build, like a program, expects them as they are for every other process: `yes | head -1`.
_IGNORED_BY_PYTHON = (int(signal.SIGPIPE), int(signal.SIGXFSZ))
_FILTER = 101  # descriptor by which bubblewrap is given the filter
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_ACCOUNTS = {
    "passwd": "root:x:0:0::/:/noshell\n"
    f"builder:x:{BUILD_UID}:{BUILD_GID}::/homeless-shelter:/noshell\n"
    "nobody:x:65534:65534::/:/noshell\n",
    "group": f"root:x:0:\nbuilder:!:{BUILD_GID}:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


@dataclass(frozen=True, slots=True)
class View:
    """What a sandboxed build sees. ``binds`` are (host path, path inside, writable).

    ``preload`` is a library for its programs, not for the one that makes the sandbox: that one
    doesn't see it.
    """

    binds: tuple[tuple[str, str, bool], ...]
    links: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    network: bool
    preload: str | None = None


def view(
    work: Path,
    build: Path,
    out: tuple[Path, str] | None,
    inputs: Sequence[str],
    *,
    network: bool,
) -> View:
    """The view of one build: ``build`` at ``/build``, ``out`` at its fixed path.

    Files that the view needs of its own (accounts, a temporary folder) are made in ``work``.
    """
    etc, tmp = work / "etc", work / "tmp"
    etc.mkdir(exist_ok=True)
    tmp.mkdir(exist_ok=True)
    accounts = dict(_ACCOUNTS)
    configuration = host.host_paths(host.SYSTEM_CONFIGURATION)
    if network:
        configuration += host.host_paths(host.NETWORK_CONFIGURATION)
        del accounts["hosts"]
    for name, text in accounts.items():
        (etc / name).write_text(text)
    links: list[tuple[str, str]] = []
    binds: list[tuple[str, str, bool]] = []
    for path in host.host_paths(host.SYSTEM_FOLDERS):
        if os.path.islink(path):
            links.append((path, os.readlink(path)))
        else:
            binds.append((path, path, False))
    shared = [path for path in (*configuration, *inputs) if os.path.exists(path)]
    # Folders of the build come first: an input may lie below /tmp.
    binds += [(str(tmp), "/tmp", True), (str(build), host.BUILD_ROOT, True)]  # noqa: S108
    binds += [(os.path.realpath(path), path, False) for path in shared]
    binds += [(str(etc / name), f"/etc/{name}", False) for name in accounts]
    if out is not None:
        binds.append((str(out[0]), out[1], True))
    folders = ("/etc", "/var/tmp", "/run")  # noqa: S108 - inside
    return View(tuple(binds), tuple(links), folders, network)


def bubblewrap(view: View, *, cwd: str) -> list[str]:
    """The command line, up to the command, that runs one below ``view`` with bwrap(1)."""
    command = [host.which("bwrap", os.environ.get("PATH", os.defpath)) or "bwrap"]
    command += ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", *([] if view.network else ["--unshare-net"])]
    command += ["--uid", str(BUILD_UID), "--gid", str(BUILD_GID), "--hostname", "localhost"]
    if refused.program() is not None:
        command += ["--seccomp", str(_FILTER)]
    command += ["--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev"]
    for path in view.folders:
        command += ["--dir", path]
    for path in _COVERED:
        command += ["--ro-bind-try", path, path]
    for path, target in view.links:
        command += ["--symlink", target, path]
    for origin, path, writable in view.binds:
        command += ["--bind" if writable else "--ro-bind", origin, path]
    if view.preload is not None:
        command += ["--setenv", "LD_PRELOAD", view.preload]
    return [*command, "--remount-ro", "/", "--chdir", cwd, "--"]


def namespaces(view: View, at: Path) -> dict[str, Any]:
    """The part of the plan by which ``init.py`` builds the root at ``at`` by itself."""
    at.mkdir(exist_ok=True)
    devices = [(f"/dev/{name}", f"/dev/{name}", True) for name in _DEVICES]
    standard = [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")]
    return {
        "at": str(at),
        "folders": [*view.folders, "/dev/shm", "/dev/pts", "/proc"],  # noqa: S108
        "links": [
            *view.links,
            *((f"/dev/{name}", f"/proc/self/fd{number}") for name, number in standard),
            ("/dev/ptmx", "pts/ptmx"),
        ],
        "binds": [*view.binds, *devices],
        "covered": _COVERED,
        "network": view.network,
        "uid": BUILD_UID,
        "gid": BUILD_GID,
    }


def plan(
    kind: SandboxKind,
    shown: View | None,
    command: Sequence[str],
    *,
    work: Path,
    cwd: str,
    env: dict[str, str],
) -> dict[str, Any]:
    """The plan for ``init.py`` that runs ``command`` in a sandbox of ``kind``.

    ``shown`` is None where there is no sandbox. ``workspace/sources.py`` has the overlay.
    """
    made: dict[str, Any] = {
        "user_namespace": kind == "namespaces",
        "overlay": None,
        "root": None,
        "supervise": False,
        "filter": None,
        "filter_file": None,
        "keyctl": None,
        "limits": {"memory": None},
        "umask": 0o022,
        "interactive": False,
        "default_signals": _IGNORED_BY_PYTHON,
        "parent": os.getpid(),
        "command": list(command),
        "env": env,
        "cwd": cwd,
    }
    if shown is None:
        return {**made, "supervise": True}
    made["filter"], made["keyctl"] = refused.program(), refused.keyctl()
    if kind == "bubblewrap":
        command = [*bubblewrap(shown, cwd=cwd), *command]
        made["filter_file"] = _FILTER
        return {**made, "command": command, "cwd": "/", "supervise": True}
    if shown.preload is not None:
        made["env"] = {**env, "LD_PRELOAD": shown.preload}
    return {**made, "root": namespaces(shown, work / "root")}
