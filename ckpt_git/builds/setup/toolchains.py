"""Find tools outside the system's own folders, and the folders that a sandbox must show for them.

Looks at the file system for where tools are and what their links mean; changes nothing. A home
folder holds secrets next to toolchains, so only folders that hold a toolchain are named: never
home itself, ``~/.cargo`` (credentials) or ``~/.local`` (keyrings).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ckpt_git.builds.setup.kinds.values import Listing, Machine

Item = TypeVar("Item")

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
"""Folders that a sandbox has anyway."""

_SHARED_PREFIXES = (".", ".local", ".cargo")  # below home; they hold more than a toolchain


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Folders to show the build (``~`` for home), variables to set, things the user must know."""

    inputs: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()

    def __add__(self, other: Toolchain) -> Toolchain:
        return Toolchain(
            _unique(self.inputs + other.inputs),
            _unique(self.env + other.env),
            _unique(self.remarks + other.remarks),
        )


def toolchain(tools: Iterable[str], machine: Machine, tree: Listing) -> Toolchain:
    """What a build that calls ``tools`` needs to be shown. Tools that aren't there add nothing."""
    found = Toolchain()
    for tool in tools:
        path = machine.which(tool)
        if path is not None:
            found += _of_tool(tool, path, machine.home, tree)
    return found


def _of_tool(tool: str, path: Path, home: Path, tree: Listing) -> Toolchain:
    if path.parent.name == "shims":
        return _behind_shim(tool, path, home, tree)
    real = path.resolve()
    if real.name == "rustup" or (path.parent / "rustup").exists():
        return _rustup(path, home)
    outside = [place for place in (path, real) if not _is_system(place)]
    folders = _unique(tuple(_prefix(place, home) for place in outside))
    shown = tuple(_tilde(folder, home) for folder in folders if folder not in (home, Path("/")))
    found = Toolchain(_without_nested(shown))
    if path.parent == home / ".local" / "bin" and _is_script(path):
        found += _user_site()
    if path in outside and path.parent.name not in {"bin", "sbin"}:
        told = f"{tool} is in {_tilde(path.parent, home)}, which no PATH of a build has: link it"
        found += Toolchain(remarks=(f"{told} into a folder named bin and add that to inputs",))
    return found


def _rustup(path: Path, home: Path) -> Toolchain:
    """cargo and rustc are links to rustup, which picks a toolchain below ``RUSTUP_HOME``."""
    return Toolchain(
        inputs=(_tilde(path.parent, home), "~/.rustup"), env=(("RUSTUP_HOME", "~/.rustup"),)
    )


def _user_site() -> Toolchain:
    """What ``pip install --user`` put there: the script, and its modules below ``~/.local/lib``."""
    return Toolchain(("~/.local/bin", "~/.local/lib"), env=(("PYTHONUSERBASE", "~/.local"),))


def _behind_shim(tool: str, path: Path, home: Path, tree: Listing) -> Toolchain:
    """A shim is a script that looks for the version to run: name that version's folder."""
    root = path.parent.parent
    version = _pyenv_version(tool, root, tree) if root.name == ".pyenv" else None
    if version is None:
        known = f"{tool} is a shim ({_tilde(path, home)}): add the folder of its version to inputs"
        return Toolchain(remarks=(known,))
    return Toolchain((_tilde(version, home),))


def _pyenv_version(tool: str, root: Path, tree: Listing) -> Path | None:
    """The version the repository asks for, the global one, or the newest: one with the tool."""
    wanted = tree.text(".python-version").split() + _words(root / "version")
    versions = [root / "versions" / name for name in wanted]
    versions += sorted((root / "versions").glob("*"), key=_version_order, reverse=True)
    return next((folder for folder in versions if (folder / "bin" / tool).exists()), None)


def _version_order(folder: Path) -> list[int]:
    return [int(part) if part.isdigit() else -1 for part in folder.name.split(".")]


def _words(path: Path) -> list[str]:
    return path.read_text(errors="replace").split() if path.is_file() else []


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _is_system(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in SYSTEM)


def _prefix(tool: Path, home: Path) -> Path:
    """The folder a tool was installed below; its own folder, where that prefix holds more."""
    folder = tool.parent
    shared = {home / name for name in _SHARED_PREFIXES} | {Path("/"), Path("/opt")}
    if folder.name not in {"bin", "sbin"} or folder.parent in shared:
        return folder
    return folder.parent


def _without_nested(inputs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(i for i in inputs if not any(i.startswith(f"{other}/") for other in inputs))


def _tilde(path: Path, home: Path) -> str:
    if not path.is_relative_to(home):
        return str(path)
    return "~" if path == home else f"~/{path.relative_to(home)}"


def _unique(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
