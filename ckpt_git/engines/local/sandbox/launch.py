"""Run a program that was built, outside the sandbox, with its output mounted at its own path."""

from __future__ import annotations

import marshal
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckpt_git.engines.local.sandbox import runner, view
from ckpt_git.model.record import SandboxKind

_KERNEL_FOLDERS = frozenset({"proc", "dev", "sys"})
_OF_A_TERMINAL = (int(signal.SIGINT), int(signal.SIGQUIT))


def program(kind: SandboxKind, at: str, out: Path, command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` with ``out`` at the path ``at``, read-only.

    Without namespaces ``at`` is a path in the store, and becomes a link to ``out``.
    """
    if kind == "none":
        _link(Path(at), out)
        return list(command)
    plan = _plan(at, command)
    if kind == "bubblewrap":
        # It waits for the program, so Ctrl-C is not for it: what is ignored stays so in there,
        # until init.py has the program get it.
        waits = ["/bin/sh", "-c", 'trap "" INT QUIT; exec "$@"', "ckpt"]
        return [*waits, *_bubblewrap(at, out), *_staged(plan)]
    return _staged({**plan, "user_namespace": True, "root": _root(at, out)})


def _link(at: Path, out: Path) -> None:
    if at.is_dir() and not at.is_symlink():  # a build uses it right now
        return
    at.parent.mkdir(parents=True, exist_ok=True)
    aside = at.with_name(f"{at.name}.{os.getpid()}")
    aside.symlink_to(out)
    aside.replace(at)


def _top_folders() -> tuple[list[tuple[str, str]], list[str]]:
    """What lies directly below the root: links with their targets, and the rest."""
    links, others = [], []
    for name in sorted(os.listdir("/")):
        path = f"/{name}"
        if os.path.islink(path):
            links.append((path, os.readlink(path)))
        elif name not in _KERNEL_FOLDERS:
            others.append(path)
    return links, others


def _bubblewrap(at: str, out: Path) -> list[str]:
    links, others = _top_folders()
    command = [shutil.which("bwrap") or "bwrap", "--dev-bind", "/dev", "/dev"]
    command += ["--proc", "/proc", "--ro-bind-try", "/sys", "/sys"]
    for path, target in links:
        command += ["--symlink", target, path]
    for path in others:
        command += ["--bind", path, path]
    return [*command, "--ro-bind", str(out), at, "--chdir", os.getcwd(), "--"]


def _mount_point(out: Path) -> Path:
    """An empty folder of the store's: what lies where a root is mounted can't be seen below it."""
    point = out.parents[2] / "root"
    point.mkdir(exist_ok=True)
    return point


def _plan(at: str, command: Sequence[str]) -> dict[str, Any]:
    """The plan for ``init.py`` to run ``command``, as the user would, with ``at`` on PATH."""
    shell = ["/bin/sh", "-c", 'PATH=$1:$PATH; shift; exec "$@"', "ckpt", f"{at}/bin", *command]
    plan: dict[str, Any] = view.plan(
        "none", None, shell, work=Path("/"), cwd=os.getcwd(), env=dict(os.environ)
    )
    own = [number for number in _OF_A_TERMINAL if signal.getsignal(number) != signal.SIG_IGN]
    plan.update(supervise=False, parent=None, umask=None, limits=None, interactive=True)
    plan["default_signals"] = [*plan["default_signals"], *own]
    return plan


def _root(at: str, out: Path) -> dict[str, Any]:
    """As ``_bubblewrap``, for ``init.py``."""
    links, others = _top_folders()
    return {
        "at": str(_mount_point(out)),
        "folders": ["/dev/shm", "/dev/pts", "/proc"],  # noqa: S108
        "links": links,
        "binds": [*((path, path, True) for path in others), (str(out), at, False),
                  ("/dev", "/dev", True), ("/sys", "/sys", True)],
        "covered": [],
        "network": True,
        "uid": os.geteuid(),
        "gid": os.getegid(),
    }  # fmt: skip


def _staged(plan: dict[str, Any]) -> list[str]:
    """The command line that carries ``plan`` out; it waits in a file without a name: an
    environment may be larger than what a pipe holds."""
    waiting = os.memfd_create("plan", 0)
    with os.fdopen(os.dup(waiting), "wb") as stream:
        marshal.dump(plan, stream)
    os.lseek(waiting, 0, os.SEEK_SET)
    status = os.open(os.devnull, os.O_WRONLY)
    os.set_inheritable(status, True)
    return [sys.executable, "-I", "-S", str(runner.STAGE), str(waiting), str(status)]
