"""Rust projects: a package or a workspace with a ``Cargo.toml`` at the top."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

# A package that comes from a registry or a git repository; path dependencies have no source
# (The Cargo Book, "Cargo.toml vs Cargo.lock").
_REMOTE = re.compile(r'^source = "', re.MULTILINE)
_REQUIRES = re.compile(r"^\s*\[[^\]]*dependencies\b", re.MULTILINE)
# A source that is a folder of the repository (The Cargo Book, "Source Replacement").
_VENDORED = re.compile(r"^\s*directory\s*=", re.MULTILINE)


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    if "Cargo.toml" not in tree:
        return None
    locked = "Cargo.lock" in tree
    build = f"cargo build --release {'--frozen' if locked else '--offline'}"
    remarks = () if locked else ("Cargo.lock isn't tracked: versions are chosen when fetching",)
    fetches = _fetches(tree, locked=locked)
    return Proposal(
        kind="cargo",
        marker="Cargo.toml",
        phases={"build": build, "install": _install(build)},
        needs=("cargo",),
        uses=("rustc", "cc", "gcc"),
        check=build.replace("cargo build", "cargo test"),
        fetch=("cargo fetch --locked" if locked else "cargo fetch") if fetches else None,
        locks=() if locked or not fetches else ("Cargo.toml", "rust-toolchain*"),
        remarks=remarks,
    )


def _fetches(tree: Listing, *, locked: bool) -> bool:
    if any(_VENDORED.search(tree.text(f".cargo/{name}")) for name in ("config.toml", "config")):
        return False
    if locked:
        return _REMOTE.search(tree.text("Cargo.lock")) is not None
    return any(_REQUIRES.search(tree.text(path)) for path in tree.named("Cargo.toml"))


def _install(build: str) -> str:
    """Copies the programs that cargo names as this build's: target/ keeps those of deleted ones.

    Nothing is left to compile then; the messages are one JSON document a line (The Cargo Book,
    "External tools").
    """
    named = r"""sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'"""
    return (
        f'mkdir -p "$out/bin" && {build} --message-format=json-render-diagnostics'
        f' | {named} | xargs -r -d "\\n" cp -p -t "$out/bin"'
    )
