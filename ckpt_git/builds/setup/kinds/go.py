"""Go projects: a module with its ``go.mod`` at the top."""

from __future__ import annotations

import re

from ckpt_git.builds.setup.kinds.values import Listing, Machine, Proposal

_MAIN = re.compile(r"^package main\b", re.MULTILINE)
_EXCLUDED = re.compile(r"^//(?:go:build| \+build) ignore\b", re.MULTILINE)

_MOST_FILES = 200  # to look into, for one that makes a program


def propose(tree: Listing, machine: Machine) -> Proposal | None:  # noqa: ARG001 - a Kind's form
    if "go.mod" not in tree:
        return None
    vendored = (
        "vendor/modules.txt" in tree
    )  # then go takes them from there by itself (go help modules)
    fetches = bool(tree.text("go.sum").strip()) and not vendored
    return Proposal(
        kind="go",
        marker="go.mod",
        phases=_program(tree) if _has_program(tree) else {"build": "go build ./..."},
        needs=("go",),
        uses=("gcc",),
        check="go test ./...",
        fetch="go mod download" if fetches else None,
    )


def _program(tree: Listing) -> dict[str, str]:
    """Links into a folder that stays, so that go sees which programs are up to date.

    Installed are those that go lists now: the folder keeps those of deleted packages.
    """
    folder = tree.free("bin", "_bin", "bin-ckpt")
    programs = "go list -f '{{if eq .Name \"main\"}}{{.Target}}{{end}}' ./..."
    return {
        "build": f"go build -o {folder}/ ./...",
        "install": (
            f'mkdir -p "$out/bin" && GOBIN="$PWD/{folder}" {programs}'
            ' | xargs -r -d "\\n" cp -p -t "$out/bin"'
        ),
    }


def _has_program(tree: Listing) -> bool:
    files = sorted(filter(_is_built, tree.paths), key=_likelihood)
    texts = (tree.text(path) for path in files[:_MOST_FILES])
    return any(_MAIN.search(text) and not _EXCLUDED.search(text) for text in texts)


def _is_built(path: str) -> bool:
    """Whether ``./...`` may mean this file (go help packages)."""
    folders = path.split("/")[:-1]
    hidden = any(name.startswith((".", "_")) or name in {"vendor", "testdata"} for name in folders)
    return path.endswith(".go") and not path.endswith("_test.go") and not hidden


def _likelihood(path: str) -> tuple[bool, bool, int, str]:
    return (not path.endswith("main.go"), "cmd/" not in path, path.count("/"), path)
